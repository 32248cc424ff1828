"""Calls about signing in: code, password, session, devices, tokens."""

from __future__ import annotations

from typing import Final, TypeVar

from cabinet.api.problems import Problem
from cabinet.api.registry import Call, Needs, Routes
from cabinet.api.shapes import (
    AskCode,
    ChangePassword,
    CheckCode,
    ChooseLanguage,
    ChoosePassword,
    CodeAsked,
    Device,
    Devices,
    Ended,
    Granted,
    Me,
    NewToken,
    Prove,
    SignedInWith,
    SignIn,
)
from invoicing import NewSession, Refused, SessionKind

R = TypeVar("R")

routes: Final = Routes("signing in")
_CODE: Final = ("bad_phone", "not_mobile", "code_minute_limit", "code_day_limit")
_PASSWORD: Final = ("too_short", "too_long", "too_common", "holds_phone")
_CODE_LIFE_S, _AGAIN_AFTER_S = 300, 60


def done(answer: R | Refused) -> R:
    """What was answered, where it was not refused.

    Raises:
        Problem: the refusal.
    """
    if isinstance(answer, Refused):
        raise Problem.of(answer)
    return answer


def _shown(new: NewSession) -> SignedInWith:
    return SignedInWith(token=new.token, me=Me.of(new.who))


@routes.post("/signin/code", status=202, needs=Needs.NOBODY, reasons=_CODE)
async def ask_code(call: Call, body: AskCode) -> CodeAsked:
    """Send a one-time code by SMS.

    The first step of a first sign-in, and of a forgotten password. The answer is the same for phones that
    are not registered; they get no code.
    """
    sent = done(await call.office.in_thread(call.office.accounts.ask_code, body.phone, call.origin))
    call.office.nudge()
    return CodeAsked(ref=sent.request_ref, life_s=_CODE_LIFE_S, again_after_s=_AGAIN_AFTER_S)


@routes.post("/signin/code/check", needs=Needs.NOBODY, reasons=(*_CODE[:2], "wrong_code", "code_over"))
async def check_code(call: Call, body: CheckCode) -> Granted:
    """Use the code up, and get leave to choose a password. A code has three tries in all."""
    accounts = call.office.accounts
    grant = done(
        await call.office.in_thread(accounts.check_code, body.phone, body.ref, body.code, call.origin)
    )
    return Granted(grant=grant.token, until=grant.until)


@routes.post("/signin/password", status=201, needs=Needs.NOBODY, reasons=("grant_over", *_PASSWORD))
async def choose_password(call: Call, body: ChoosePassword) -> SignedInWith:
    """Choose a password and be signed in with it; every other session of this user ends."""
    accounts = call.office.accounts
    return _shown(
        done(
            await call.office.hashing(
                accounts.choose_password, body.grant, body.password, call.origin, SessionKind.APP
            )
        )
    )


@routes.post(
    "/signin",
    status=201,
    needs=Needs.NOBODY,
    reasons=(*_CODE[:2], "wrong_sign_in", "too_many_tries", "blocked"),
)
async def sign_in(call: Call, body: SignIn) -> SignedInWith:
    """Sign in by phone and password. The token idles out after 14 days and ends after 90."""
    accounts = call.office.accounts
    return _shown(
        done(
            await call.office.hashing(
                accounts.sign_in, body.phone, body.password, call.origin, SessionKind.APP
            )
        )
    )


@routes.get("/me")
async def me(call: Call) -> Me:
    """Who is signed in."""
    return Me.of(call.who)


@routes.patch("/me")
async def choose_language(call: Call, body: ChooseLanguage) -> Me:
    """Choose the language of this user's screens and SMS."""
    done(await call.office.in_thread(call.office.invoicing.set_language, call.who.msisdn, body.language))
    found = await call.office.in_thread(call.office.accounts.again, call.who)
    return Me.of(found or call.who)


@routes.post(
    "/me/password", status=201, reasons=("wrong_sign_in", "too_many_tries", "not_allowed", *_PASSWORD)
)
async def change_password(call: Call, body: ChangePassword) -> SignedInWith:
    """Change the password; this session gets a new token, every other one ends."""
    accounts = call.office.accounts
    return _shown(
        done(await call.office.hashing(accounts.change_password, call.who, body.old, body.new, call.origin))
    )


@routes.post("/session/proof", status=204, reasons=("wrong_sign_in", "too_many_tries", "not_allowed"))
async def prove(call: Call, body: Prove) -> None:
    """Give the password once more: for ten minutes this session may refund, make tokens and change staff."""
    done(await call.office.hashing(call.office.accounts.prove, call.who, body.password, call.origin))


@routes.delete("/session", status=204)
async def sign_out(call: Call) -> None:
    """Sign out; the token is worth nothing from now on."""
    await call.office.in_thread(call.office.accounts.sign_out, call.who)


@routes.get("/devices")
async def devices(call: Call) -> Devices:
    """Browsers, apps and systems that are signed in as this user."""
    found = await call.office.in_thread(call.office.accounts.sessions, call.who)
    return Devices(devices=[Device.of(view) for view in found])


@routes.delete("/devices")
async def sign_out_everywhere(call: Call) -> Ended:
    """Sign out everywhere, here too."""
    return Ended(ended=await call.office.in_thread(call.office.accounts.sign_out_everywhere, call.who))


@routes.delete("/devices/{id}", status=204, reasons=("not_found",))
async def end_device(call: Call) -> None:
    """Sign one device out, or revoke a token."""
    done(await call.office.in_thread(call.office.accounts.end_session, call.who, call.id))


@routes.post(
    "/tokens", status=201, needs=Needs.OWNER, reasons=("not_authenticated", "not_allowed", "too_many")
)
async def make_token(call: Call, body: NewToken) -> SignedInWith:
    """Make a token for the merchant's own system, after `POST /session/proof`.

    It idles out after 90 days and ends after a year; `DELETE /devices/{id}` revokes it.
    """
    made = await call.office.in_thread(call.office.accounts.make_token, call.who, body.name, call.origin)
    return _shown(done(made))
