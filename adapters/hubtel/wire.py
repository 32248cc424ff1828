"""The form of Hubtel, both ways, without I/O.

Request (verified, the vendor's SDK): POST JSON; Mobile, SessionId, ServiceCode, Type, Message (the whole
dialled string on Initiation), Operator, Sequence, ClientState, Platform. Reply: Type Response (the dialogue
waits) or Release, Message, ClientState, Label, DataType, FieldType. The subscriber's leaving is Type Release,
a timeout Type Timeout. Hubtel waits 5 s. The SDK's Query and Favorite (of its own shops) are refused.
"""

from __future__ import annotations

from dataclasses import dataclass

from adapters.codec import Answer, Asked, Codec, Heard, dialled
from adapters.codec import Options as CommonOptions
from adapters.jsonbody import json_answer, read_json, text
from ussd_engine import Kind, Reply, WireError

_KINDS = {
    "initiation": Kind.BEGIN,
    "response": Kind.ANSWER,
    "release": Kind.ABORT,
    "timeout": Kind.TIMEOUT,
}


@dataclass(frozen=True)
class Options(CommonOptions):
    """As all kinds; Hubtel waits 5 s. `label`: what its apps show above a screen."""

    deadline_s: float = 4.5
    label: str = "Menu"


class Hubtel(Codec[Options]):
    """One gateway of Hubtel."""

    def decode(self, asked: Asked) -> Heard:
        """Read a request; see `Codec.decode`."""
        fields = read_json(asked)
        kind = _KINDS.get(text(fields, "Type", needed=True).lower())
        if kind is None:
            raise WireError("Type is none of Initiation, Response, Release, Timeout")
        code, typed = text(fields, "ServiceCode"), text(fields, "Message")
        if kind is Kind.BEGIN:
            typed = dialled(typed if typed.startswith("*") else code)
        turn = self.turn(
            kind,
            dialogue=text(fields, "SessionId", needed=True),
            phone=(text(fields, "Mobile", needed=True), "Mobile"),
            text=typed,
            code=code,
            request_id=text(fields, "Sequence", 32),
        )
        return Heard(turn, {"ClientState": text(fields, "ClientState", 1024)})

    def encode(self, reply: Reply, heard: Heard) -> Answer:
        """Nothing waits for the answer to a Release or Timeout; it gets the same form."""
        return json_answer(
            {
                "Type": "Response" if reply.open else "Release",
                "Message": reply.text,
                "ClientState": heard.echo["ClientState"],
                "Label": self.options.label,
                "DataType": "input" if reply.open else "display",
                "FieldType": "text",
            }
        )
