"""The form of MTN's MADAPI, both ways, without I/O.

Request (verified, MTN's OpenAPI document): POST JSON; sessionId, messageType, msisdn, serviceCode,
ussdString, cellId, language, imsi. messageType: 0 begin, 1 continue, 2 end, 3 notification, 4 cancel or
abort, 5 timeout. Reply: statusCode "0000", statusMessage, transactionId, data{inboundResponse,
userInputRequired, messageType, serviceCode, msisdn}. Calls carry the header x-api-key: the gateway's
`secret`.

Push (verified, the same document and its published client): POST of sessionId, messageType (0 begins, 3 only
notifies), msisdn, serviceCode and ussdString to `…/messages/ussd/outbound`; statusCode "0000" where it was
taken. Answers come as ever, under that sessionId. Of the client's two ways to prove itself both are there.

Not verified: whether ussdString is the dialled string at the beginning; where it begins with a star
it is taken for one, else serviceCode is.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from adapters.codec import JSON, Answer, Asked, Call, Codec, Heard, dialled
from adapters.codec import Options as CommonOptions
from adapters.jsonbody import json_answer, read_json, text
from adapters.outward import PushOptions, Told
from ussd_engine import Kind, PushOutcome, Reply, WireError

_SUCCESS = "0000"
_NOTIFICATION = "3"
_KINDS = {"0": Kind.BEGIN, "1": Kind.ANSWER, "2": Kind.ABORT, "4": Kind.ABORT, "5": Kind.TIMEOUT}


@dataclass(frozen=True, kw_only=True)
class Options(PushOptions, CommonOptions):
    """As all kinds, and where pushes go (`https://api.mtn.com/v1/messages/ussd/outbound`).

    Attributes:
        push_code: the serviceCode that a pushed screen comes from; needed with `push_url`.
        push_key, push_token: sent as `X-API-Key`, and as a bearer's, where they are set.
    """

    push_code: str = ""
    push_key: str = field(default="", repr=False)
    push_token: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        """As the base, and what a push needs is there."""
        CommonOptions.__post_init__(self)
        self.check_push()
        if self.push_url and not self.push_code:
            raise ValueError("push_url needs push_code, the service code that pushed screens come from")


class Madapi(Codec[Options]):
    """One gateway of MADAPI."""

    def decode(self, asked: Asked) -> Heard:
        """Read a request; see `Codec.decode`. A notification is no turn."""
        fields = read_json(asked)
        numbered = text(fields, "messageType", 8, needed=True)
        echo = {name: text(fields, name) for name in ("sessionId", "serviceCode", "msisdn")}
        if numbered == _NOTIFICATION:
            return Heard(None, echo)
        kind = _KINDS.get(numbered)
        if kind is None:
            raise WireError("messageType is none of 0 to 5")
        # In an abort ussdString is its reason.
        typed = text(fields, "ussdString") if kind in (Kind.BEGIN, Kind.ANSWER) else ""
        code = echo["serviceCode"]
        turn = self.turn(
            kind,
            dialogue=text(fields, "sessionId", needed=True),
            phone=(text(fields, "msisdn", needed=True), "msisdn"),
            text=dialled(typed if typed.startswith("*") else code) if kind is Kind.BEGIN else typed,
            code=code,
        )
        return Heard(turn, echo)

    def encode(self, reply: Reply, heard: Heard) -> Answer:
        """The answer, whatever was asked: it succeeded, and the screen is in `data`."""
        return json_answer(
            {
                "statusCode": _SUCCESS,
                "statusMessage": "Success",
                "transactionId": heard.echo["sessionId"],
                "data": {
                    "inboundResponse": reply.text,
                    "userInputRequired": reply.open,
                    "messageType": 1 if reply.open else 2,
                    "serviceCode": heard.echo["serviceCode"],
                    "msisdn": heard.echo["msisdn"],
                },
            }
        )

    def push(self, dialogue: str, msisdn: str, text: str, *, ask: bool) -> Call:
        """Our request that begins a session, or only notifies."""
        options = self.options
        headers = options.basic()
        if options.push_key:
            headers["X-API-Key"] = options.push_key
        if options.push_token:
            headers["Authorization"] = f"Bearer {options.push_token}"
        fields = {
            "sessionId": dialogue,
            "messageType": "0" if ask else _NOTIFICATION,
            "msisdn": msisdn,
            "serviceCode": options.push_code,
            "ussdString": text,
        }
        return Call("POST", options.push_url, JSON, msgspec.json.encode(fields), headers)

    def pushed(self, told: Told) -> PushOutcome:
        """As `adapters.outward.PushCodec`."""
        if not 200 <= told.status < 300:
            return PushOutcome.REFUSED
        fields = read_json(Asked(content_type=told.content_type, body=told.body))
        taken = text(fields, "statusCode") == _SUCCESS
        return PushOutcome.ACCEPTED if taken else PushOutcome.REFUSED
