"""What `ussd gateways` asks the running service: each gateway, where it is, what secures it, how it is."""

from __future__ import annotations

import hmac
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from adapters.credentials import Credentials, Denied, signature
from app import plugins
from app.settings import Gateway, Settings
from app.watching.board import Board
from app.watching.metrics import Metrics

PATH: Final = "/control/gateways"
STALE_S: Final = 5.0
"""A process that keeps lines says so several times a second; silent this long, it is stuck or gone."""


def signed(key: bytes) -> dict[str, str]:
    """The headers of a question: they prove that the caller knows the security key, without showing it."""
    at, nonce = str(int(time.time())), secrets.token_hex(16)
    proof = signature(_secret(key), "GET", PATH, at, nonce, b"")
    return {"X-Timestamp": at, "X-Nonce": nonce, "X-Signature": proof}


def _secret(key: bytes) -> str:
    return hmac.digest(key, b"control of gateways", "sha256").hex()


@dataclass(frozen=True)
class Told:
    """A gateway as it is told of.

    Attributes:
        where: its path, or whom its line leads to.
        secured: what it asks of a caller or shows to its peer; empty: nothing.
        state: `serving`; of a line `up`, `down`, `elsewhere` (another process of the service has it) or
            `unknown` (the process that has it is silent).
        since: when the line came up or went down, Unix seconds; 0: not known.
        error: why the line was lost or could not be made the last time.
        turns, refused: requests since the start that were played, and that were not.
    """

    name: str
    kind: str
    where: str
    secured: tuple[str, ...]
    state: str
    since: float = 0.0
    error: str = ""
    unanswered: int = 0
    window: int = 0
    waiting: int = 0
    losses: int = 0
    turns: int = 0
    refused: int = 0


def configured(settings: Settings, state: str) -> Iterator[Told]:
    """The gateways of `settings`, all in one state."""
    for gateway in settings.gateways.values():
        yield Told(gateway.name, gateway.kind, _where(gateway), tuple(_secured(gateway)), state)


def running(
    settings: Settings, board: Board, metrics: Metrics, clock: Callable[[], float] = time.time
) -> Iterator[Told]:
    """The gateways of a service as they are now."""
    counted, board_says = metrics.by_gateway(), board.read() or {}
    fresh = clock() - board_says.get("at", 0.0) <= STALE_S
    for gateway in settings.gateways.values():
        turns, refused = counted.get(gateway.name, (0, 0))
        more: dict[str, Any] = {"turns": turns, "refused": refused, "state": "serving"}
        if plugins.is_link(plugins.adapter(gateway.kind)):
            line = board_says.get("lines", {}).get(gateway.name)
            more |= _line(line, fresh=fresh, held=board_says.get("held", False))
        yield Told(gateway.name, gateway.kind, _where(gateway), tuple(_secured(gateway)), **more)


def route(settings: Settings, key: bytes, board: Board, metrics: Metrics) -> web.RouteDef:
    """`GET /control/gateways`, signed as requests of gateways are."""
    credentials = Credentials(name="control", clock=time.time, secret=_secret(key))

    async def tell(request: web.Request) -> web.Response:
        try:
            credentials.check_secret(request.method, request.raw_path, request.headers, b"")
        except Denied as error:
            return web.Response(status=error.status, text=f"{error}\n")
        return web.json_response([vars(told) for told in running(settings, board, metrics)])

    return web.get(PATH, tell, allow_head=False)


def _line(line: dict[str, Any] | None, *, fresh: bool, held: bool) -> dict[str, Any]:
    if line is None or not fresh:
        return {"state": "unknown"}
    if not held:
        return {"state": "elsewhere"}
    known = {name: line[name] for name in ("since", "error", "unanswered", "window", "waiting", "losses")}
    return {"state": "up" if line["up"] else "down", **known}


def _where(gateway: Gateway) -> str:
    options = gateway.options
    if plugins.is_link(plugins.adapter(gateway.kind)):
        return f"{getattr(options, 'host', '?')}:{getattr(options, 'port', '?')}"
    return f"/gateways/{gateway.name}"


def _secured(gateway: Gateway) -> Iterator[str]:
    if gateway.secret is not None:
        yield "secret"
    if gateway.certificates:
        yield "client certificate"
    if gateway.allow:
        yield "allow " + " ".join(str(network) for network in gateway.allow)
    if getattr(gateway.options, "password", ""):
        yield "password"
    if getattr(gateway.options, "tls", False):
        yield "TLS"
