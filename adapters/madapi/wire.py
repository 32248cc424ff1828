"""The form of MTN's MADAPI, both ways, without I/O.

Request (verified, MTN's OpenAPI document): POST JSON; sessionId, messageType, msisdn, serviceCode,
ussdString, cellId, language, imsi. messageType: 0 begin, 1 continue, 2 end, 3 notification, 4 cancel or
abort, 5 timeout. Reply: statusCode "0000", statusMessage, transactionId, data{inboundResponse,
userInputRequired, messageType, serviceCode, msisdn}. Calls carry the header x-api-key: the gateway's
`secret`. Not verified: whether ussdString is the dialled string at the beginning; where it begins with a star
it is taken for one, else serviceCode is.
"""

from __future__ import annotations

from adapters.codec import Answer, Asked, Codec, Heard, Options, dialled
from adapters.jsonbody import json_answer, read_json, text
from ussd_engine import Kind, Reply, WireError

__all__ = ["Madapi", "Options"]

_NOTIFICATION = "3"
_KINDS = {"0": Kind.BEGIN, "1": Kind.ANSWER, "2": Kind.ABORT, "4": Kind.ABORT, "5": Kind.TIMEOUT}


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
                "statusCode": "0000",
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
