"""The form of YateUSGW, both ways, without I/O.

Request (verified, the vendor's wiki): GET on a URL template; it must be set up with id, operation, msisdn,
code and text. Operations: pssr begins (code is the dialled string), ussr answers, stop ends. Synchronous: the
body of the answer is the next screen; with the header `operation: pssr` it is the last one. Asynchronous: the
answer is empty, and we call `/usgw/ussd.php` with id, operation (ussr: waits; pssr: ends) and text.

Push (verified, the same wiki): we call the same address with an id of ours, msisdn, operation (ussr asks,
ussn tells) and text. The callbacks bring that id back; such a session is ended by ussn in place of pssr.

Not verified: the operation that tells an abort; the setting `aborts` lists what counts as one.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from adapters.codec import Answer, Asked, Call, Codec, Heard, dialled, query
from adapters.codec import Options as CommonOptions
from adapters.form import FORM, required
from adapters.outward import PushOptions, Told
from ussd_engine import Kind, PushOutcome, Reply, WireError

OURS = "push-"
"""Begins the ids of sessions that we began."""
_FIELDS = {"id": 128, "operation": 32, "msisdn": 20, "code": 182, "text": 182}


@dataclass(frozen=True, kw_only=True)
class Options(PushOptions, CommonOptions):
    """As all kinds, where pushes go (`http://gateway/usgw/ussd.php`), and two more.

    Attributes:
        url: where our replies go (`http://gateway/usgw/ussd.php`); empty: the answer itself is the reply.
        aborts: operations that tell that the dialogue is over.
    """

    url: str = ""
    aborts: tuple[str, ...] = ("stop",)

    def __post_init__(self) -> None:
        """As the base, and a `url` must be one."""
        CommonOptions.__post_init__(self)
        self.check_push()
        if self.url and (
            urlsplit(self.url).scheme not in ("http", "https") or not urlsplit(self.url).hostname
        ):
            raise ValueError("url is no address. Write it as http://gateway/usgw/ussd.php")


class Yate(Codec[Options]):
    """One gateway of this form."""

    def __init__(self, gateway: str, options: Options) -> None:
        super().__init__(gateway, options)
        self.routes = (("GET", ""),)
        self.later = bool(options.url)

    def decode(self, asked: Asked) -> Heard:
        """Read a request; see `Codec.decode`."""
        fields = query(asked, _FIELDS)
        required(fields, "id", "operation", "msisdn")
        operation, code = fields["operation"], fields.get("code", "")
        dialogue, phone = fields["id"], (fields["msisdn"], "msisdn")
        if operation == "pssr":
            required(fields, "code")
            return Heard(self.turn(Kind.BEGIN, dialogue=dialogue, phone=phone, text=dialled(code), code=code))
        if operation == "ussr":
            typed = fields.get("text", "")
            return Heard(self.turn(Kind.ANSWER, dialogue=dialogue, phone=phone, text=typed, code=code))
        if operation in self.options.aborts:
            return Heard(self.turn(Kind.ABORT, dialogue=dialogue, phone=phone))
        raise WireError("operation is none of pssr, ussr and the configured aborts")

    def encode(self, reply: Reply, heard: Heard) -> Answer:
        """The screen where the answer is the reply; else nothing."""
        if self.later or heard.turn is None or heard.turn.kind is Kind.ABORT:
            return Answer()
        return Answer(reply.text.encode(), headers={} if reply.open else {"operation": _last(heard)})

    def call(self, reply: Reply, heard: Heard) -> Call | None:
        """The reply to a begin or an answer."""
        assert heard.turn is not None
        if heard.turn.kind is Kind.ABORT:
            return None
        operation = "ussr" if reply.open else _last(heard)
        fields = {"id": heard.turn.dialogue, "operation": operation, "text": reply.text}
        return Call("POST", self.options.url, FORM, urlencode(fields).encode())

    def push(self, dialogue: str, msisdn: str, text: str, *, ask: bool) -> Call:
        """Our request that begins a session."""
        operation = "ussr" if ask else "ussn"
        fields = {"id": dialogue, "operation": operation, "msisdn": msisdn, "text": text}
        options = self.options
        return Call("POST", options.push_url, FORM, urlencode(fields).encode(), options.basic())

    def pushed(self, told: Told) -> PushOutcome:
        """As `adapters.outward.PushCodec`; what errors say is not documented: any but 200 is a refusal."""
        return PushOutcome.ACCEPTED if told.status == 200 else PushOutcome.REFUSED


def _last(heard: Heard) -> str:
    """The operation of a last screen: who has not dialled is told it."""
    assert heard.turn is not None
    return "ussn" if heard.turn.dialogue.startswith(OURS) else "pssr"
