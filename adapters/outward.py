"""Requests of ours to an operator's HTTP gateway, where nothing came in first: how pushes go out."""

from __future__ import annotations

import logging
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, Protocol
from urllib.parse import urlsplit

from aiohttp import (
    ClientConnectorError,
    ClientError,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    ConnectionTimeoutError,
    InvalidURL,
)

from adapters.codec import Call
from ussd_engine import PushOutcome, WireError

log: Final = logging.getLogger(__name__)
REPLY_MAX: Final = 64 * 1024
"""Octets of an answer that are read."""
CONNECT_S: Final = 5.0


class Silence(Enum):
    """Why there is no answer."""

    NOT_SENT = "not sent"  # nobody listens there
    NO_ANSWER = "no answer"  # out of time, or the connection broke: it may have arrived


SILENT: Final = {Silence.NOT_SENT: PushOutcome.TROUBLE, Silence.NO_ANSWER: PushOutcome.UNKNOWN}
"""What becomes of a push that was answered so."""


@dataclass(frozen=True, slots=True)
class Told:
    """An answer as received. `cookies` came with it."""

    status: int
    content_type: str
    body: bytes = field(repr=False)
    cookies: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, kw_only=True)
class PushOptions:
    """Where an HTTP gateway takes pushes; mixed into a family's options.

    Attributes:
        push_url: empty: it takes none.
        push_user, push_password: for Basic, where they are set.
        push_within_s: patience with the gateway for its answer.
    """

    push_url: str = ""
    push_user: str = ""
    push_password: str = field(default="", repr=False)
    push_within_s: float = 10.0

    def check_push(self) -> None:
        """Refuse what can't be.

        Raises:
            ValueError: see the message.
        """
        parts = urlsplit(self.push_url)
        if self.push_url and (parts.scheme not in ("http", "https") or not parts.hostname):
            raise ValueError("push_url is no address. Write it as http://gateway/path")
        if self.push_within_s <= 0:
            raise ValueError("push_within_s is above 0")

    def basic(self) -> dict[str, str]:
        """The header that proves us, if there is one."""
        if not self.push_user:
            return {}
        credentials = b64encode(f"{self.push_user}:{self.push_password}".encode()).decode()
        return {"Authorization": f"Basic {credentials}"}


class PushCodec(Protocol):
    """The part of a family's codec that pushes."""

    def push(self, dialogue: str, msisdn: str, text: str, *, ask: bool) -> Call:
        """Our request that begins a session."""

    def pushed(self, told: Told) -> PushOutcome:
        """What its answer says.

        Raises:
            WireError: it can't be read.
        """


class CallPusher:
    """A `ussd_engine.Pusher` by one request each: its answer says whether it was taken, requests to us bring
    what is typed.
    """

    def __init__(self, name: str, codec: PushCodec, *, within_s: float, screen_octets: int) -> None:
        self._name = name
        self._codec = codec
        self._within_s = within_s
        self.screen_octets = screen_octets

    async def push(self, dialogue: str, msisdn: str, text: str, *, ask: bool) -> PushOutcome:
        """As `ussd_engine.Pusher`."""
        told = await send(self._name, self._codec.push(dialogue, msisdn, text, ask=ask), self._within_s)
        if isinstance(told, Silence):
            return SILENT[told]
        try:
            return self._codec.pushed(told)
        except WireError:
            return PushOutcome.UNKNOWN


async def send(gateway: str, call: Call, within_s: float) -> Told | Silence:
    """Send a request and read the answer, all within a time; redirects are not followed."""
    timeout = ClientTimeout(total=within_s, sock_connect=min(within_s, CONNECT_S))
    headers = {"Content-Type": call.content_type, **call.headers}
    try:
        async with (
            ClientSession(timeout=timeout) as session,
            session.request(
                call.method, call.url, data=call.body, headers=headers, allow_redirects=False
            ) as response,
        ):
            body = await _read(response)
            cookies = {name: cookie.value for name, cookie in response.cookies.items()}
            return Told(response.status, response.headers.get("Content-Type", ""), body, cookies)
    except (ClientError, TimeoutError) as error:
        log.warning("a push got no answer", extra={"gateway": gateway, "why": type(error).__name__})
        never = isinstance(error, ClientConnectorError | ConnectionTimeoutError | InvalidURL)
        return Silence.NOT_SENT if never else Silence.NO_ANSWER


async def _read(response: ClientResponse) -> bytes:
    """The body, or as much of it as can be of use: what is longer is no answer to a push."""
    body = bytearray()
    async for chunk in response.content.iter_chunked(8192):
        body += chunk
        if len(body) > REPLY_MAX:
            break
    return bytes(body[:REPLY_MAX])
