"""The forms of Vumi Go's HTTP API and of Junebug, both ways, without I/O.

Request (verified, both projects' code): POST JSON. Junebug: to, from, message_id, content,
channel_data.session_event; Vumi: to_addr, from_addr, message_id, content, session_event. The event is new,
resume, close (the subscriber left; content is null) or null (no part of a session). Reply: a message of ours.
Junebug: POST to its channel's messages with reply_to, content, channel_data.continue_session. Vumi: PUT to
`…/messages.json` with in_reply_to, content, session_event. Events of delivery (`/events`) are passed over.

A session has no id on the wire: it is the subscriber's; message_id names a request. What was dialled is `to`.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import msgspec

from adapters.codec import JSON, Answer, Asked, Call, Codec, Heard, dialled
from adapters.codec import Options as CommonOptions
from adapters.jsonbody import inner, json_answer, read_json, text
from ussd_engine import Kind, Reply, WireError

_KINDS = {"new": Kind.BEGIN, "resume": Kind.ANSWER, "close": Kind.ABORT}


@dataclass(frozen=True, kw_only=True)
class Options(CommonOptions):
    """As all kinds, and where replies go.

    Attributes:
        url: Junebug's `…/channels/<id>/messages/`, Vumi's `…/messages.json`.
        user: for Basic; empty: none is sent. So is `password`.
    """

    url: str
    user: str = ""
    password: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        """As the base, and `url` must be one."""
        CommonOptions.__post_init__(self)
        if urlsplit(self.url).scheme not in ("http", "https") or not urlsplit(self.url).hostname:
            raise ValueError("url is no address. Write it as http://junebug/channels/<id>/messages/")


class Junebug(Codec[Options]):
    """One channel of Junebug."""

    names = ("from", "to")

    def __init__(self, gateway: str, options: Options) -> None:
        super().__init__(gateway, options)
        self.routes = (("POST", ""), ("POST", "/events"))
        self.later = True

    def decode(self, asked: Asked) -> Heard:
        """Read a message; see `Codec.decode`. Events and messages outside a session are no turns."""
        fields = read_json(asked)
        if asked.path == "/events":
            return Heard(None)
        named = text(fields, "message_id", 128, needed=True)
        event = text(self._session(fields), "session_event")
        if not event:
            return Heard(None)
        if event not in _KINDS:
            raise WireError("session_event is none of new, resume, close, null")
        kind, (sender, receiver) = _KINDS[event], self.names
        typed, code = text(fields, "content"), text(fields, receiver)
        turn = self.turn(
            kind,
            dialogue="",
            phone=(text(fields, sender, needed=True), sender),
            text=dialled(code) if kind is Kind.BEGIN else typed,
            code=code,
            request_id=named,
        )
        return Heard(turn)

    def encode(self, reply: Reply, heard: Heard) -> Answer:  # noqa: ARG002
        """The acknowledgement; the reply is a message of its own."""
        return json_answer({})

    def call(self, reply: Reply, heard: Heard) -> Call | None:
        """The reply to a begin or an answer."""
        assert heard.turn is not None
        if heard.turn.kind is Kind.ABORT:
            return None
        options, headers = self.options, {}
        if options.user:
            credentials = b64encode(f"{options.user}:{options.password}".encode()).decode()
            headers["Authorization"] = f"Basic {credentials}"
        method, message = self._message(reply, heard.turn.request_id)
        return Call(method, options.url, JSON, msgspec.json.encode(message), headers)

    def _session(self, fields: dict[str, Any]) -> dict[str, Any]:
        return inner(fields, "channel_data")

    def _message(self, reply: Reply, to: str) -> tuple[str, dict[str, Any]]:
        channel = {"continue_session": reply.open}
        return "POST", {"reply_to": to, "content": reply.text, "channel_data": channel}


class Vumi(Junebug):
    """One conversation of Vumi Go."""

    names = ("from_addr", "to_addr")

    def _session(self, fields: dict[str, Any]) -> dict[str, Any]:
        return fields

    def _message(self, reply: Reply, to: str) -> tuple[str, dict[str, Any]]:
        event = "resume" if reply.open else "close"
        return "PUT", {"in_reply_to": to, "content": reply.text, "session_event": event}
