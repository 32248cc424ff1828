"""The form of RestComm's (Mobicents') USSD gateway, both ways, without I/O.

Request (verified, its administrator's guide): POST text/xml `<dialog>` with type Begin, Continue, End or
Abort, localId, remoteId and others, and a child operation. A begin holds processUnstructuredSSRequest_Request
(invokeId, dataCodingScheme, string, child msisdn with number), an answer unstructuredSSRequest_Response.
Reply: a dialog that continues with unstructuredSSRequest_Request, or ends with
processUnstructuredSSRequest_Response under the first invokeId. dataCodingScheme 15 is GSM 7-bit, 72 UCS-2.
Aborts and timeouts are attributes of the dialog.

An answer names no number. The guide ties a session by the cookie JSESSIONID, which is ours to set: it holds
the number and the first invokeId, so any worker can take the next request.
"""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element

from adapters.codec import Answer, Asked, Codec, Heard, Options
from adapters.xmlbody import attribute, read_xml, xml_answer
from ussd_engine import Kind, Reply, Turn, WireError
from ussd_engine.text.gsm import is_gsm7

__all__ = ["Options", "RestComm"]

DCS_GSM, DCS_UCS2 = 15, 72
"""3GPP TS 23.038 §5: language unspecified in the default alphabet; UCS-2, no message class."""
_COOKIE = re.compile(r"(?:^|;)\s*JSESSIONID=(\d{5,15})-(-?\d{1,4})(?:;|$)")
_ABORTS = ("mapUserAbortChoice", "mapAbortProviderReason", "mapRefuseReason", "invokeTimedOut")
_KEPT = ("appCntx", "networkId", "localId", "remoteId")


class RestComm(Codec[Options]):
    """One gateway of this form."""

    def decode(self, asked: Asked) -> Heard:
        """Read a request; see `Codec.decode`."""
        dialog = read_xml(asked, "dialog")
        kept = {name: _attribute(dialog, name) for name in _KEPT}
        dialogue = f"{kept['localId']}-{kept['remoteId']}"
        begun = dialog.find("processUnstructuredSSRequest_Request")
        if begun is not None and dialog.get("type") == "Begin":
            return self._begin(begun, dialogue, kept)
        tied = _COOKIE.search(asked.cookie)
        if tied is None:
            raise WireError("the dialogue's cookie is missing")
        number, kept["invokeId"] = tied.groups()
        return Heard(self._later(dialog, dialogue, number), {**kept, "number": number})

    def _begin(self, asking: Element, dialogue: str, kept: dict[str, str]) -> Heard:
        msisdn = asking.find("msisdn")
        if msisdn is None:
            raise WireError("missing: msisdn")
        invoke = _attribute(asking, "invokeId") or "0"
        if not re.fullmatch(r"-?\d{1,4}", invoke):
            raise WireError("invokeId is no number")
        turn = self.turn(
            Kind.BEGIN,
            dialogue=dialogue,
            phone=(_attribute(msisdn, "number"), "msisdn"),
            text=_attribute(asking, "string"),
        )
        return Heard(turn, {**kept, "invokeId": invoke, "number": turn.msisdn})

    def _later(self, dialog: Element, dialogue: str, number: str) -> Turn:
        """An answer, or whatever else ended the dialogue."""
        phone = (number, "the cookie's number")
        answered = dialog.find("unstructuredSSRequest_Response")
        if dialog.get("dialogTimedOut") == "true":
            return self.turn(Kind.TIMEOUT, dialogue=dialogue, phone=phone)
        is_gone = dialog.get("type") in ("End", "Abort") or any(name in dialog.attrib for name in _ABORTS)
        if is_gone or dialog.find("errComponents") is not None:
            return self.turn(Kind.ABORT, dialogue=dialogue, phone=phone)
        if answered is None:
            raise WireError("the dialog holds no operation of USSD")
        typed = _attribute(answered, "string")
        return self.turn(Kind.ANSWER, dialogue=dialogue, phone=phone, text=typed)

    def encode(self, reply: Reply, heard: Heard) -> Answer:
        """A dialog that continues or ends; nothing after an abort."""
        if heard.turn is None or heard.turn.kind in (Kind.ABORT, Kind.TIMEOUT):
            return Answer()
        kept = "".join(f" {name}={attribute(heard.echo[name])}" for name in _KEPT if heard.echo[name])
        coding = DCS_GSM if is_gsm7(reply.text) else DCS_UCS2
        said = f'dataCodingScheme="{coding}" string={attribute(reply.text)}/></dialog>'
        if not reply.open:
            return xml_answer(
                f'<dialog type="End"{kept} mapMessagesSize="1" prearrangedEnd="false">'
                f'<processUnstructuredSSRequest_Response invokeId="{heard.echo["invokeId"]}" {said}'
            )
        answer = xml_answer(
            f'<dialog type="Continue"{kept} mapMessagesSize="1"><unstructuredSSRequest_Request {said}'
        )
        cookie = f"JSESSIONID={heard.echo['number']}-{heard.echo['invokeId']}; Path=/; HttpOnly"
        return Answer(answer.body, answer.content_type, {"Set-Cookie": cookie})


def _attribute(element: Element, name: str, limit: int = 182) -> str:
    value = element.get(name, "")
    if len(value) > limit:
        raise WireError(f"{name} is longer than {limit} characters")
    return value
