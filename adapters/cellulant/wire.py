"""The form of Cellulant, both ways, without I/O.

Request (verified in vumi's transport): GET MSISDN, sessionID, opCode (BEG begins, ABO aborts), INPUT (the
dialled string at the beginning), ABORT ("0" or "null": no). Reply: one text of six fields between bars:
level, text, value, service, status ("end", or "null" where the dialogue waits), extra. To an abort nothing.
"""

from __future__ import annotations

from adapters.codec import Answer, Asked, Codec, Heard, Options, dialled, query
from adapters.form import required
from ussd_engine import Kind, Reply

__all__ = ["Cellulant", "Options"]

_FIELDS = {"MSISDN": 20, "sessionID": 128, "opCode": 16, "INPUT": 182, "ABORT": 16}
_NO_ABORT = ("", "0", "null")


class Cellulant(Codec[Options]):
    """One gateway of this form."""

    def __init__(self, gateway: str, options: Options) -> None:
        super().__init__(gateway, options)
        self.routes = (("GET", ""),)

    def decode(self, asked: Asked) -> Heard:
        """Read a request; see `Codec.decode`."""
        fields = query(asked, _FIELDS)
        required(fields, "MSISDN", "sessionID")
        operation, typed = fields.get("opCode", ""), fields.get("INPUT", "")
        dialogue, phone = fields["sessionID"], (fields["MSISDN"], "MSISDN")
        if operation == "ABO" or fields.get("ABORT", "") not in _NO_ABORT:
            return Heard(self.turn(Kind.ABORT, dialogue=dialogue, phone=phone))
        if operation == "BEG":
            required(fields, "INPUT")
            return Heard(self.turn(Kind.BEGIN, dialogue=dialogue, phone=phone, text=dialled(typed)))
        return Heard(self.turn(Kind.ANSWER, dialogue=dialogue, phone=phone, text=typed))

    def encode(self, reply: Reply, heard: Heard) -> Answer:
        """The six fields. A bar in a text would be one field more: it is shown as a slash."""
        if heard.turn is not None and heard.turn.kind is Kind.ABORT:
            return Answer()
        status = "null" if reply.open else "end"
        return Answer(f"0|{reply.text.replace('|', '/')}|null|null|{status}|null".encode())
