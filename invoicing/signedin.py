"""The values of signing in: sessions, their kinds and lives, and who holds one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final


class SessionKind(StrEnum):
    WEB = "web"
    """A browser's cookie."""
    APP = "app"
    """A bearer token got by phone and password."""
    API = "api"
    """A bearer token that the owner made for the merchant's own system."""
    GRANT = "grant"
    """Leave to choose a password, after a right code; it opens nothing else."""
    ADMIN = "admin"
    """A browser's cookie, of an operator."""


class WebRole(StrEnum):
    OWNER = "owner"
    CASHIER = "cashier"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Life:
    """`idle`: the longest pause between two requests; `absolute`: from sign-in to the end (ASVS 7.3)."""

    idle: timedelta
    absolute: timedelta


LIVES: Final[Mapping[SessionKind, Life]] = {
    SessionKind.WEB: Life(timedelta(minutes=15), timedelta(hours=12)),
    SessionKind.ADMIN: Life(timedelta(minutes=15), timedelta(hours=12)),
    SessionKind.APP: Life(timedelta(days=14), timedelta(days=90)),
    SessionKind.API: Life(timedelta(days=90), timedelta(days=365)),
    SessionKind.GRANT: Life(timedelta(minutes=10), timedelta(minutes=10)),
}


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request comes from: its address, what it says it is, and the mark of a browser seen before."""

    address: str
    label: str = ""
    browser: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who asks. `msisdn` is an operator's name where `role` is `OPERATOR`; moments are UTC."""

    session_id: str
    kind: SessionKind
    role: WebRole
    user_id: str
    msisdn: str
    merchant_id: int | None
    merchant_name: str | None
    language: str
    since: datetime
    idle_until: datetime
    absolute_until: datetime
    proved_at: datetime | None = None

    @property
    def owns(self) -> bool:
        """Whether this is the merchant's owner."""
        return self.role is WebRole.OWNER


@dataclass(frozen=True, slots=True)
class NewSession:
    """`token` is shown this once; `browser` is the mark by which the browser is known from now on."""

    token: str = field(repr=False)
    who: SignedIn
    browser: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Grant:
    """Leave to choose a password until a moment."""

    token: str = field(repr=False)
    until: datetime


@dataclass(frozen=True, slots=True)
class SessionView:
    """A signed-in device as its user sees it; `here`: the one that asks."""

    id: str
    kind: SessionKind
    label: str
    address: str | None
    since: datetime
    seen_at: datetime
    until: datetime
    here: bool
