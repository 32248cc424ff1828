"""The form of RestComm's (Mobicents') USSD gateway, both ways, without I/O.

Request (verified, its administrator's guide): POST text/xml `<dialog>` with type Begin, Continue, End or
Abort, localId, remoteId and others, and a child operation. A begin holds processUnstructuredSSRequest_Request
(invokeId, dataCodingScheme, string, child msisdn with number), an answer unstructuredSSRequest_Response.
Reply: a dialog that continues with unstructuredSSRequest_Request, or ends with
processUnstructuredSSRequest_Response under the first invokeId. dataCodingScheme 15 is GSM 7-bit, 72 UCS-2.
Aborts and timeouts are attributes of the dialog.

Push (verified, the same guide): we POST a dialog with unstructuredSSRequest_Request or
unstructuredSSNotify_Request, whose child msisdn is the phone's, to the gateway's own address. It answers with
a dialog once the phone has, and with the cookie JSESSIONID, which our next POST of it has to carry.
A dialog with mapMessagesSize="0" and prearrangedEnd="false" ends it. Not verified: that the answer to a POST
is what the phone said, and not another request of the gateway's; the guide shows it only as a picture.

An answer names no number. The guide ties a session by the cookie JSESSIONID, which is ours to set: it holds
the number and the first invokeId, so any worker can take the next request.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from adapters.codec import Answer, Asked, Call, Codec, Heard
from adapters.codec import Options as CommonOptions
from adapters.outward import PushOptions
from adapters.xmlbody import XML, attribute, read_xml, xml_answer
from ussd_engine import Kind, PushOutcome, Reply, Turn, WireError
from ussd_engine.text.gsm import is_gsm7

DCS_GSM, DCS_UCS2 = 15, 72
"""3GPP TS 23.038 §5: language unspecified in the default alphabet; UCS-2, no message class."""
_COOKIE = re.compile(r"(?:^|;)\s*JSESSIONID=(\d{5,15})-(-?\d{1,4})(?:;|$)")
_ABORTS = ("mapUserAbortChoice", "mapAbortProviderReason", "mapRefuseReason", "invokeTimedOut")
_BUSY, _ABSENT = frozenset({72}), frozenset({1, 6, 27})
"""Of MAP (TS 29.002 §17.6): ussd-Busy; unknownSubscriber, absentSubscriberSM, absentSubscriber."""
_KEPT = ("appCntx", "networkId", "localId", "remoteId")


@dataclass(frozen=True, kw_only=True)
class Options(PushOptions, CommonOptions):
    """As all kinds, and where pushes go (`http://gateway:8080/restcomm`).

    Attributes:
        push_answer_s: patience with the subscriber, told to the gateway as customInvokeTimeout.
        network_id: the operator's, where the gateway has several.
    """

    push_answer_s: float = 60.0
    network_id: int = 0

    def __post_init__(self) -> None:
        """As the base, and times are above 0."""
        CommonOptions.__post_init__(self)
        self.check_push()
        if self.push_answer_s <= 0:
            raise ValueError("push_answer_s is above 0")


@dataclass(frozen=True, slots=True)
class Answered:
    """What a gateway says of a screen that we sent: it was shown, or what was typed on it."""

    typed: str | None


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


def pushed(options: Options, msisdn: str, text: str, *, ask: bool, cookie: str = "") -> Call:
    """Our request that shows a text; `cookie`: that of a dialogue that has begun, which knows its phone."""
    operation = "unstructuredSSRequest_Request" if ask else "unstructuredSSNotify_Request"
    coding = DCS_GSM if is_gsm7(text) else DCS_UCS2
    phone = "" if cookie else f'<msisdn nai="international_number" npi="ISDN" number={attribute(msisdn)}/>'
    network = f' networkId="{options.network_id}"' if options.network_id and not cookie else ""
    document = (
        f'<dialog mapMessagesSize="1"{network} customInvokeTimeout="{options.push_answer_s * 1000:.0f}">'
        f'<{operation} dataCodingScheme="{coding}" string={attribute(text)}>{phone}</{operation}></dialog>'
    )
    return _call(options, document, cookie)


def released(options: Options, cookie: str) -> Call:
    """Our request that ends a dialogue."""
    return _call(options, '<dialog mapMessagesSize="0" prearrangedEnd="false"></dialog>', cookie)


def _call(options: Options, document: str, cookie: str) -> Call:
    headers = options.basic()
    if cookie:
        headers["Cookie"] = f"JSESSIONID={cookie}"
    return Call("POST", options.push_url, XML, xml_answer(document).body, headers)


def read_told(content_type: str, body: bytes) -> Answered | PushOutcome:
    """What a gateway says of a screen that we sent.

    Raises:
        WireError: it can't be read.
    """
    dialog = read_xml(Asked(content_type=content_type, body=body), "dialog")
    if dialog.get("dialogTimedOut") == "true" or "invokeTimedOut" in dialog.attrib:
        return PushOutcome.TIMEOUT
    codes = [error.get("errorCode", "") for error in dialog.iter("errorComponent")]
    if codes:
        return _refused(codes[0])
    if any(name in dialog.attrib for name in _ABORTS):
        return PushOutcome.REFUSED
    answered = dialog.find("unstructuredSSRequest_Response")
    if answered is not None and "string" in answered.attrib:
        return Answered(_attribute(answered, "string"))
    if answered is not None or dialog.find("unstructuredSSNotify_Response") is not None:
        return Answered(None)  # the guide prints the answer to a notice under the other one's name
    if dialog.get("type") in ("End", "Abort") or dialog.find("errComponents") is not None:
        return PushOutcome.REFUSED
    raise WireError("the dialog holds no operation of USSD")


def _refused(code: str) -> PushOutcome:
    number = int(code) if code.isascii() and code.isdigit() and len(code) < 4 else -1
    if number in _BUSY:
        return PushOutcome.BUSY
    return PushOutcome.ABSENT if number in _ABSENT else PushOutcome.REFUSED


def _attribute(element: Element, name: str, limit: int = 182) -> str:
    value = element.get(name, "")
    if len(value) > limit:
        raise WireError(f"{name} is longer than {limit} characters")
    return value
