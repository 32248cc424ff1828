"""What every page is made in: which front it belongs to, its language, its template, its errors."""

from __future__ import annotations

import hashlib
import logging
import secrets
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import urlencode

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from cabinet import refusals, security, sessions
from cabinet.admin.causes import CAUSES, KINDS, NO_CAUSE
from cabinet.office import TooBusy, office_of
from cabinet.pages import charts, devices, languages
from cabinet.pages.languages import Speech, speech
from cabinet.pages.statuses import CHANNELS, N_, STATUSES
from cabinet.sessions import Forbidden, Forged, NotSignedIn
from invoicing import Refused, SessionKind, SignedIn, StorageError
from invoicing.signedin import LIVES

log: Final = logging.getLogger(__name__)

HERE: Final = Path(__file__).resolve().parent.parent
STATIC: Final = HERE / "static"
LANGUAGE_COOKIE: Final = "lang"
_LANGUAGE_LIFE_S: Final = 365 * 24 * 3600
_SAID: Final = {
    400: (N_("The form could not be read"), N_("Go back, reload the page and try again.")),
    403: (N_("This is not for you"), N_("Ask the owner to do it, or to let you.")),
    404: (N_("There is no such page"), N_("Check the address, or go back to the list.")),
    405: (N_("There is no such page"), N_("Check the address, or go back to the list.")),
    413: (N_("That was too much"), N_("Send less at a time.")),
    419: (N_("This page was open too long"), N_("Go back, reload the page and try again.")),
    500: (
        N_("Something broke here"),
        N_("It was written down. Try again, or call and name the number below."),
    ),
    503: (N_("The service is busy"), N_("Nothing was changed. Try again in a moment.")),
}

R = TypeVar("R")


@dataclass(frozen=True)
class Shell:
    """One of the fronts.

    Attributes:
        base: where it is mounted.
        kind: of the sessions that sign-in opens here.
        channel: what invoices issued here are marked with.
    """

    name: str
    base: str
    kind: SessionKind
    channel: str


CABINET: Final = Shell("cabinet", "/cabinet", SessionKind.WEB, "web")
APP: Final = Shell("app", "/app", SessionKind.APP, "app")
ADMIN: Final = Shell("admin", "/admin", SessionKind.ADMIN, "admin")
SHELL: Final = web.AppKey("shell", Shell)


def shell_of(request: web.Request) -> Shell:
    return request.config_dict[SHELL]


def url(request: web.Request, path: str, **query: object) -> str:
    """An address of the same front; empty values are left out."""
    given = {name: value for name, value in query.items() if value not in (None, "")}
    return shell_of(request).base + path + ("?" + urlencode(given) if given else "")


def to(request: web.Request, path: str, **query: object) -> web.Response:
    """Lead on after a change, so that reloading repeats nothing."""
    return web.Response(status=303, headers={hdrs.LOCATION: url(request, path, **query)})


def language(request: web.Request) -> str:
    """The account's language, else what was chosen on this browser, else what the browser prefers."""
    found = sessions.who(request)
    if found is not None and found.language in languages.LANGUAGES and found.kind is not SessionKind.ADMIN:
        return found.language
    chosen = request.cookies.get(LANGUAGE_COOKIE, "")
    if chosen in languages.LANGUAGES:
        return chosen
    return languages.preferred(request.headers.get(hdrs.ACCEPT_LANGUAGE, ""))


def words(request: web.Request) -> Speech:
    return speech(language(request))


def remember_language(request: web.Request, response: web.Response, chosen: str) -> None:
    secure = office_of(request).options.secure
    response.set_cookie(
        LANGUAGE_COOKIE, chosen, max_age=_LANGUAGE_LIFE_S, path="/", secure=secure, samesite="Lax"
    )


def said(request: web.Request, refused: Refused) -> refusals.Said:
    """A refusal in the reader's words."""
    return _say(refused, language(request))


def _say(refused: Refused, chosen: str) -> refusals.Said:
    found = refusals.say(refused, chosen)
    if chosen != "uz":
        return found
    return refusals.Said(languages.typeset(found.what), languages.typeset(found.mend))


def page(
    request: web.Request, template: str, *, status: int = 200, who: SignedIn | None = None, **values: Any
) -> web.Response:
    """A template filled in, as HTML."""
    chosen, shell = language(request), shell_of(request)
    office, found = office_of(request), who or sessions.who(request)
    text = environment(chosen).get_template(template)
    html = text.render(
        shell=shell,
        base=shell.base,
        path=request.path,
        place=values.pop("place", None) or _place(request),
        who=found,
        csrf=sessions.csrf(request),
        language=chosen,
        demo=office.options.demo,
        push_key=office.push_key,
        idle_s=int(LIVES[shell.kind].idle / timedelta(seconds=1)) if found else 0,
        **values,
    )
    response = web.Response(text=html, content_type="text/html", status=status)
    response.headers[hdrs.CONTENT_LANGUAGE] = chosen
    return response


def _place(request: web.Request) -> str:
    """Where a browser gets this page again: a form's answer stands where only forms are sent to."""
    if request.method in sessions.SAFE:
        return request.path_qs
    found = request.match_info.route.resource
    shown = found is not None and any(route.method == hdrs.METH_GET for route in found)
    return request.path if shown else request.path.rpartition("/")[0]


@cache
def environment(chosen: str) -> Environment:
    """Templates with the words of one language; compiled once."""
    spoken = speech(chosen)
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    made.install_gettext_translations(spoken.translations, newstyle=True)  # type: ignore[attr-defined]
    made.filters.update(
        money=spoken.money,
        figures=spoken.figures,
        day=spoken.day,
        moment=spoken.moment,
        second=spoken.second,
        second_only=spoken.second_only,
        rate=spoken.rate,
        clock=spoken.clock,
        phone=languages.phone,
        hidden=languages.hidden_phone,
        count=spoken.count,
    )
    made.globals.update(
        asset=asset,
        statuses=STATUSES,
        channels=CHANNELS,
        causes=CAUSES,
        no_cause=NO_CAUSE,
        kinds=KINDS,
        language_names=languages.NAMES,
        currency=spoken.currency,
        bars=charts.bars,
        named=devices.named,
        plural=spoken.plural,
        say=lambda refused: _say(refused, chosen),
    )
    return made


@cache
def asset(name: str) -> str:
    """The address of a vendored file; it changes with its content, so browsers may keep it for good."""
    digest = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()
    return f"/cabinet/static/{name}?v={digest[:12]}"


# --- errors -----------------------------------------------------------------------------------------------


@web.middleware
async def errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer every way to be refused with a page."""
    try:
        return await handler(request)
    except NotSignedIn:
        return _to_sign_in(request)
    except Forbidden:
        return trouble(request, 403)
    except Forged:
        return trouble(request, 419)
    except security.TooOften:
        return trouble(request, 503)
    except (TooBusy, StorageError) as error:
        log.warning("a page was put off", extra={"why": type(error).__name__})
        return trouble(request, 503)
    except web.HTTPException as error:
        if error.status not in _SAID:
            raise
        return trouble(request, error.status)
    except ConnectionError:
        raise
    except Exception:
        # Closed, not open (ASVS 16.5.3): nothing of the error is shown, its number leads to the log.
        instance = secrets.token_hex(6)
        log.exception("a page failed", extra={"instance": instance, "path": request.path})
        return trouble(request, 500, instance)


def trouble(request: web.Request, status: int, instance: str = "") -> web.Response:
    """What happened, what to do about it, and a number to name."""
    what, mend = _SAID[status]
    shown = 403 if status == 419 else status
    return page(request, "error.html", status=shown, what=what, mend=mend, instance=instance)


def missing(request: web.Request) -> web.Response:
    """One answer for what is not there and for what is another merchant's (domain.md S4)."""
    return trouble(request, 404)


def _to_sign_in(request: web.Request) -> web.Response:
    if request.headers.get("HX-Request"):
        # htmx would put the sign-in page into a corner of this one.
        return web.Response(status=204, headers={"HX-Redirect": url(request, "/signin")})
    return to_sign_in(request, _place(request))


def to_sign_in(request: web.Request, wanted: str) -> web.Response:
    """Lead to the sign-in, and from there to an address of this front."""
    return to(request, "/signin", next=None if wanted == shell_of(request).base + "/" else wanted)


def is_fragment(request: web.Request) -> bool:
    """Whether htmx asks for a part of a page, not for a page of its history."""
    asked = request.headers.get("HX-Request") == "true"
    return asked and request.headers.get("HX-History-Restore-Request") != "true"
