"""The web over the money domain: API, cabinet, app. It imports `invoicing` and aiohttp, no engine, no SQL.

What pages are built with (everything else is private to its module):

`cabinet.office`
    `Office` (`invoicing`, `accounts`, `in_thread`, `hashing`, `options`, `nudge`), `office_of(request)`,
    and the key `OFFICE`, set once on the application that everything is mounted on. Domain calls are
    synchronous: `await office.in_thread(office.invoicing.merchant_invoices, who.msisdn)`; those that take
    a password go through `office.hashing`: `await office.hashing(office.accounts.sign_in, phone,
    password, origin(request))` (raises `TooBusy`).

`cabinet.sessions`
    `middleware(SessionKind.WEB)` for merchants' pages, `middleware(SessionKind.ADMIN)` for operators'.
    `who(request)` -> `SignedIn | None`; `signed_in(request, owner=False)` and `operator(request)` ->
    `SignedIn` or raise `NotSignedIn` / `Forbidden`; `csrf(request)` for `<input type=hidden name=csrf>`
    or the header `X-CSRF-Token` (htmx: `hx-headers`); a forged request raises `Forged` before the
    handler. `origin(request)` -> `Origin`; `begin(request, response, new_session)` and `end(request,
    response)` set and take the cookies.

`invoicing.Accounts` (see its docstrings; every refusal is a `Refused`)
    `ask_code(phone, origin)` -> `CodeSent.request_ref`; `check_code(phone, request_ref, code, origin)` ->
    `Grant.token`; `choose_password(grant, password, origin)` -> `NewSession`; `sign_in(phone, password,
    origin)` and `sign_in_operator(name, password, origin)` -> `NewSession`; `sign_out(who)`;
    `sessions(who)` -> `SessionView`s; `end_session(who, id)`; `sign_out_everywhere(who, but_here=False)`;
    `prove(who, password, origin)` before what asks for the password anew, `is_proved(who)`;
    `change_password(who, old, new, origin)` -> `NewSession`; `make_token(who, label, origin)`.

`cabinet.security`
    `headers(csp=CSP)` for `on_response_prepare`; `limited(calls_a_minute)`.
"""
