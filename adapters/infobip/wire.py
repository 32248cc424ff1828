"""The form of Infobip's JSON interface, both ways, without I/O.

Requests (verified in vumi's transport for this interface; the current one is not): POST `/session/<id>/start`
with msisdn, text, shortCode and others, POST `…/response` with text, PUT `…/end` with exitCode and reason,
GET `…/status`. Reply: ussdMenu, shouldClose, responseExitCode, responseMessage; to a status, sessionActive.

A response carries no number: the codec remembers the number of each session begun here. With several workers
a session's requests must therefore reach the same one (by its path); where a response does name `msisdn`,
that counts. Not verified: whether text is the dialled string at the start; where it begins with a star it is
taken for one, else shortCode is, else the setting `service_code`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from adapters.codec import Answer, Asked, Codec, Heard, dialled
from adapters.codec import Options as CommonOptions
from adapters.jsonbody import json_answer, read_json, text
from ussd_engine import Kind, Reply, Turn, WireError

_PATH = re.compile(r"/session/([A-Za-z0-9._~-]{1,128})/(start|response|end|status)")
REMEMBERED_MAX = 16_384
"""Numbers kept; the session begun first is forgotten first."""


@dataclass(frozen=True)
class Options(CommonOptions):
    """As all kinds, and `service_code`: what is dialled here, for starts without a shortCode."""

    service_code: str = ""


class Infobip(Codec[Options]):
    """One gateway of Infobip."""

    def __init__(self, gateway: str, options: Options) -> None:
        super().__init__(gateway, options)
        verbs = {"start": "POST", "response": "POST", "end": "PUT", "status": "GET"}
        self.routes = tuple((verb, f"/session/{{id}}/{what}") for what, verb in verbs.items())
        self._numbers: dict[str, str] = {}

    def decode(self, asked: Asked) -> Heard:
        """Read a request; see `Codec.decode`. A status is no turn, nor is a strange session's end."""
        parts = _PATH.fullmatch(asked.path)
        if parts is None:
            raise WireError("the path is not /session/<id>/ and start, response, end or status", status=404)
        session, what = parts.groups()
        if what == "status":
            return Heard(None, {"active": "yes" if session in self._numbers else ""})
        fields = read_json(asked)
        if what == "start":
            return Heard(self._start(session, fields))
        number = text(fields, "msisdn") or self._numbers.get(session, "")
        if what == "end":
            self._numbers.pop(session, None)
            # exitCode and reason have no list of values that could be relied on.
            timed_out = "time" in text(fields, "reason", 1024).lower()
            kind = Kind.TIMEOUT if timed_out else Kind.ABORT
            return Heard(self.turn(kind, dialogue=session, phone=(number, "msisdn")) if number else None)
        if not number:
            raise WireError("this session has not begun here", status=404)
        typed = text(fields, "text")
        return Heard(self.turn(Kind.ANSWER, dialogue=session, phone=(number, "msisdn"), text=typed))

    def _start(self, session: str, fields: dict[str, object]) -> Turn:
        typed = text(fields, "text")
        code = text(fields, "shortCode") or self.options.service_code
        if not (code or typed.startswith("*")):
            raise WireError("missing: shortCode")
        number = text(fields, "msisdn", needed=True)
        turn = self.turn(
            Kind.BEGIN,
            dialogue=session,
            phone=(number, "msisdn"),
            text=dialled(typed if typed.startswith("*") else code),
            code=code,
        )
        self._numbers.pop(session, None)
        self._numbers[session] = number
        if len(self._numbers) > REMEMBERED_MAX:
            del self._numbers[next(iter(self._numbers))]
        return turn

    def encode(self, reply: Reply, heard: Heard) -> Answer:
        """A screen, or the acknowledgement of an end."""
        fine = {"responseExitCode": 200, "responseMessage": ""}
        if "active" in heard.echo:
            return json_answer({"sessionActive": bool(heard.echo["active"]), **fine})
        if heard.turn is None or heard.turn.kind in (Kind.ABORT, Kind.TIMEOUT):
            return json_answer(fine)
        return json_answer({"ussdMenu": reply.text, "shouldClose": not reply.open, **fine})
