"""A phone whose network speaks Africa's Talking's form to a gateway over HTTP."""

from __future__ import annotations

import http.client
import json
import socket
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit
from uuid import uuid4

from adapters.africastalking import wire
from adapters.form import FORM, msisdn
from simulator.wires.wire import PATIENCE_S as TIMEOUT_S
from simulator.wires.wire import NoService
from ussd_engine import Reply, WireError

__all__ = ["TIMEOUT_S", "NoService", "Phone", "Server"]

ANSWER_MAX = 64 * 1024


@dataclass(frozen=True, slots=True)
class Server:
    """Where a service answers; `user:password@` in its address is sent as Basic."""

    address: SplitResult = field(repr=False)

    @classmethod
    def at(cls, url: str) -> Server:
        """Read an address such as `http://127.0.0.1:8880`.

        Raises:
            NoService: it is none.
        """
        address = urlsplit(url)
        try:
            port_is_right = address.port is None or address.port > 0
        except ValueError:
            port_is_right = False
        if address.scheme not in ("http", "https") or not address.hostname or not port_is_right:
            raise NoService("an address looks like http://127.0.0.1:8880")
        return cls(address)

    def request(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        """One exchange on a connection of its own; a body is a form.

        Raises:
            NoService: refused, cut or silent for `TIMEOUT_S`.
        """
        status, _, answer = self.exchange(
            method, path, body, {"Content-Type": FORM} if body is not None else {}
        )
        return status, answer

    def exchange(
        self,
        method: str,
        path: str,
        body: bytes | None,
        headers: Mapping[str, str],
        timeout_s: float = TIMEOUT_S,
        begun: Callable[[socket.socket], None] = lambda _: None,
    ) -> tuple[int, dict[str, str], bytes]:
        """One exchange on a connection of its own: status, headers by small letters, body.

        Args:
            begun: given the connection once the request is sent; shutting it down ends the wait.

        Raises:
            NoService: refused, cut or silent for `timeout_s`.
        """
        address = self.address
        kind = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
        assert address.hostname is not None
        connection = kind(address.hostname, address.port, timeout=timeout_s)
        sent = dict(headers)
        if address.username is not None:
            pair = f"{unquote(address.username)}:{unquote(address.password or '')}"
            sent["Authorization"] = "Basic " + b64encode(pair.encode()).decode()
        try:
            connection.request(method, address.path.rstrip("/") + path, body, sent)
            begun(connection.sock)
            response = connection.getresponse()
            told = {name.lower(): value for name, value in response.getheaders()}
            return response.status, told, response.read(ANSWER_MAX)
        except TimeoutError:
            raise NoService(f"{self} did not answer within {timeout_s:.0f} s") from None
        except (OSError, http.client.HTTPException) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            if isinstance(error, socket.gaierror):
                reason = "no such host"
            raise NoService(f"{self} can't be reached: {reason or type(error).__name__}") from None
        finally:
            connection.close()

    def inbox(self, number: str) -> list[dict[str, Any]]:
        """The demo's SMS to `number`, newest last.

        Raises:
            NoService: out of reach, or no demo.
        """
        status, body = self.request("GET", f"/demo/inbox/{number}")
        if status != 200:
            raise NoService(f"{self} keeps no inbox (HTTP {status})")
        found: list[dict[str, Any]] = json.loads(body)
        return found

    def __str__(self) -> str:
        """Without the password."""
        host = self.address.hostname
        return f"{self.address.scheme}://{host}" + (f":{self.address.port}" if self.address.port else "")


@dataclass
class Phone:
    """One subscriber's phone. `open`: a dialogue waits for an answer."""

    server: Server
    number: str
    gateway: str = "africastalking"
    open: bool = False
    _dialogue: str = ""
    _code: str = ""
    _answers: list[str] = field(default_factory=list, repr=False)

    def __post_init__(self) -> None:
        """Take the number's plus off.

        Raises:
            WireError: it is no number.
        """
        self.number = msisdn(self.number, "the phone's number")

    def dial(self, code: str) -> Reply:
        """Begin a dialogue; the whole string goes as the service code, as a network sends it.

        Raises:
            NoService: nothing to show.
        """
        self._dialogue, self._code = uuid4().hex, code
        self._answers.clear()
        return self._send()

    def answer(self, text: str) -> Reply:
        """Type `text` into the open dialogue.

        Raises:
            NoService: nothing to show; the dialogue is over then.
        """
        self._answers.append(text)
        return self._send()

    def leave(self, *, timed_out: bool = False) -> None:
        """Break the open dialogue off; the network tells the service, or that its own time for it is up.

        Raises:
            NoService: the service was not told; the dialogue is over all the same.
        """
        self.open = False
        body = wire.encode_event(
            dialogue=self._dialogue, phone=f"+{self.number}", code=self._code, timed_out=timed_out
        )
        status, raw = self.server.request("POST", f"{self._path}/events", body)
        if status != 200:
            raise NoService(_told(status, raw))

    @property
    def _path(self) -> str:
        own_path = self.server.address.path.startswith("/gateways/")
        return "" if own_path else f"/gateways/{self.gateway}"

    def _send(self) -> Reply:
        self.open = False
        body = wire.encode_request(
            dialogue=self._dialogue, phone=f"+{self.number}", code=self._code, text="*".join(self._answers)
        )
        status, raw = self.server.request("POST", self._path, body)
        if status != 200:
            raise NoService(_told(status, raw))
        try:
            reply = wire.decode_reply(raw)
        except WireError as error:
            raise NoService(str(error)) from None
        self.open = reply.open
        return reply


def _told(status: int, raw: bytes) -> str:
    first = raw.decode("utf-8", "replace").partition("\n")[0].strip()
    return f"the gateway refused: {first[:200] or 'no reason given'} (HTTP {status})"
