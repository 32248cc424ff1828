"""The form of Airtel's Comviva Flares (pull), both ways, without I/O.

Request (verified in vumi's transport): GET SessionID, MSISDN, MSC, input, optional userid and password. At
the beginning input is the dialled string without its first star and its hash. Reply: text/plain with the
headers Freeflow FC (waits) or FB (ends), charge and amount. A dialogue's end is another GET: clean, error,
SessionID, msisdn (small letters there).

Nothing else tells a beginning, so an input that begins with our own code is one (`service_code`).
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field

from adapters.codec import Answer, Asked, Codec, Heard, dialled, query
from adapters.codec import Options as CommonOptions
from adapters.form import required
from ussd_engine import Kind, Reply, Turn, WireError

_FIELDS = {
    "SessionID": 128, "MSISDN": 20, "msisdn": 20, "input": 182, "clean": 64, "error": 64, "userid": 64,
    "password": 64,
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Options(CommonOptions):
    """As all kinds, and three more.

    Attributes:
        service_code: what is dialled here, `*880#`.
        userid: what a request must carry in its query, with `password`; empty: nothing is asked.
    """

    service_code: str
    userid: str = ""
    password: str = field(default="", repr=False)


class Airtel(Codec[Options]):
    """One gateway of this form."""

    def __init__(self, gateway: str, options: Options) -> None:
        super().__init__(gateway, options)
        self.routes = (("GET", ""),)
        self._own = dialled(options.service_code)[1:-1]

    def decode(self, asked: Asked) -> Heard:
        """Read a request; see `Codec.decode`. 401: another userid or password than the settings'."""
        fields = query(asked, _FIELDS)
        self._check(fields)
        if "clean" in fields:
            return Heard(self._end(fields))
        required(fields, "SessionID", "MSISDN")
        typed, phone = fields.get("input", ""), (fields["MSISDN"], "MSISDN")
        if typed == self._own or typed.startswith(f"{self._own}*"):
            begun = dialled(typed)
            return Heard(self.turn(Kind.BEGIN, dialogue=fields["SessionID"], phone=phone, text=begun))
        return Heard(self.turn(Kind.ANSWER, dialogue=fields["SessionID"], phone=phone, text=typed))

    def encode(self, reply: Reply, heard: Heard) -> Answer:
        """The screen; to a clean-up nothing."""
        if heard.turn is not None and heard.turn.kind is Kind.ABORT:
            return Answer()
        headers = {"Freeflow": "FC" if reply.open else "FB", "charge": "N", "amount": "0"}
        return Answer(reply.text.encode(), headers=headers)

    def _end(self, fields: dict[str, str]) -> Turn:
        # Which of the error's numbers are timeouts is not verified: all are the end.
        required(fields, "SessionID", "msisdn")
        return self.turn(Kind.ABORT, dialogue=fields["SessionID"], phone=(fields["msisdn"], "msisdn"))

    def _check(self, fields: dict[str, str]) -> None:
        if not self.options.userid:
            return
        given = f"{fields.get('userid', '')}:{fields.get('password', '')}"
        if not hmac.compare_digest(given.encode(), f"{self.options.userid}:{self.options.password}".encode()):
            raise WireError("wrong userid or password", status=401)
