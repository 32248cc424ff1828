"""The form of TruRoute (Truteq, Telecel, sms.com.na), both ways, without I/O.

Request (verified, sms.com.na's specification and three programs that speak it): POST
`<ussd><msisdn/><sessionid/> <type/><msg/></ussd>`; type 1 begins (msg is the dialled string), 2 is an input,
3 the subscriber's leaving, 4 a timeout, 10 a failed charge. Reply: the same element; type 2 waits, 3 ends.
Redirecting (5) is not used.
"""

from __future__ import annotations

from adapters.codec import Answer, Asked, Codec, Heard, Options, dialled
from adapters.xmlbody import child_text, read_xml, written, xml_answer
from ussd_engine import Kind, Reply, WireError

__all__ = ["Options", "TruRoute"]

_KINDS = {"1": Kind.BEGIN, "2": Kind.ANSWER, "3": Kind.ABORT, "4": Kind.TIMEOUT, "10": Kind.ABORT}


class TruRoute(Codec[Options]):
    """One gateway of this form."""

    def decode(self, asked: Asked) -> Heard:
        """Read a request; see `Codec.decode`."""
        document = read_xml(asked, "ussd")
        kind = _KINDS.get(child_text(document, "type", 8, needed=True))
        if kind is None:
            raise WireError("type is none of 1, 2, 3, 4, 10")
        typed = child_text(document, "msg")
        turn = self.turn(
            kind,
            dialogue=child_text(document, "sessionid", needed=True),
            phone=(child_text(document, "msisdn", needed=True), "msisdn"),
            text=dialled(typed) if kind is Kind.BEGIN else typed,
        )
        return Heard(turn)

    def encode(self, reply: Reply, heard: Heard) -> Answer:  # noqa: ARG002
        """The answer's type and text."""
        return xml_answer(
            f"<ussd><type>{2 if reply.open else 3}</type><msg>{written(reply.text)}</msg></ussd>"
        )
