"""Families that speak XML."""

from __future__ import annotations

import itertools
import re
from typing import Final
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from adapters.xmlbody import attribute, written
from simulator.wires.dialects.dialect import Dialect, Request, Response, get
from simulator.wires.wire import Call, Leaving, Options
from ussd_engine import Reply, WireError
from ussd_engine.text.gsm import is_gsm7

_XML: Final = "text/xml"
_HEAD: Final = '<?xml version="1.0" encoding="UTF-8"?>'
_CONTEXT: Final = "networkUnstructuredSsContext_version2"
_GSM, _UCS2 = 15, 72
"""Data coding schemes (3GPP TS 23.038 §5)."""


class TruRoute(Dialect):
    """TruRoute: `type` 1 begins, 2 is an input, 3 the leaving, 4 a timeout."""

    def begin(self, call: Call) -> Request:
        """The whole dialled string."""
        return self._request(call, 1, call.code)

    def answer(self, call: Call, text: str) -> Request:
        """As typed."""
        return self._request(call, 2, text)

    def leave(self, call: Call, why: Leaving) -> Request:
        """A timeout has a type of its own."""
        return self._request(call, 4 if why is Leaving.TIMEOUT else 3, "")

    def read(self, _call: Call, response: Response) -> Reply:
        """Type 2 waits, 3 is the end."""
        document = _document(response)
        kind = document.findtext("type", "")
        if document.tag != "ussd" or kind not in ("2", "3"):
            raise WireError("the answer is no <ussd> of type 2 or 3")
        return Reply(document.findtext("msg", ""), open=kind == "2")

    def _request(self, call: Call, kind: int, text: str) -> Request:
        said = f"<msisdn>{call.number}</msisdn><sessionid>{call.name}</sessionid>"
        return _posted(f"<ussd>{said}<type>{kind}</type><msg>{written(text)}</msg></ussd>")


class Sads(Dialect):
    """Eyeline's SADS: pages; a page with an input waits. What was dialled is never told."""

    def begin(self, call: Call) -> Request:
        """The first page."""
        return self._request(call, {})

    def answer(self, call: Call, text: str) -> Request:
        """Under the name that the page's input has."""
        return self._request(call, {call.kept.get("field") or self.option("answer", "answer"): text})

    def read(self, call: Call, response: Response) -> Reply:
        """The text of all `<div>`s."""
        document = _document(response)
        if document.tag != "page":
            raise WireError("the answer is no <page>")
        asked = document.find(".//input")
        call.kept["field"] = "" if asked is None else asked.get("name", "")
        lines = "".join(_with_breaks(part) for part in document.findall("div") if part.find("input") is None)
        return Reply(lines, open=asked is not None)

    def _request(self, call: Call, more: dict[str, str]) -> Request:
        fields = {self.option("subscriber", "subscriber"): call.number, "lang": "en"}
        if self.option("session"):
            fields[self.option("session")] = call.name
        return get({**fields, **more})


class RestComm(Dialect):
    """RestComm's gateway: MAP dialogues as XML, tied together by the service's cookie."""

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self._ids = itertools.count(1)

    def begin(self, call: Call) -> Request:
        """What the phone invoked."""
        call.kept["ids"] = next(self._ids), int(call.name[:6], 16)
        asked = f'invokeId="1" {_said(call.code)}><msisdn nai="international_number" npi="ISDN"'
        return self._dialog(
            call,
            "Begin",
            ' mapMessagesSize="1" returnMessageOnError="false"',
            f'<processUnstructuredSSRequest_Request {asked} number="{call.number}"/>'
            "</processUnstructuredSSRequest_Request>",
        )

    def answer(self, call: Call, text: str) -> Request:
        """The result of what the service invoked."""
        told = f'<unstructuredSSRequest_Response invokeId="2" {_said(text)}/>'
        return self._dialog(call, "Continue", ' mapMessagesSize="1"', told)

    def leave(self, call: Call, why: Leaving) -> Request:
        """Attributes of the dialog."""
        how = {
            Leaving.USER: ' mapUserAbortChoice="isUserSpecificReason"',
            Leaving.NETWORK: ' mapAbortProviderReason="ProviderMalfunction"',
            Leaving.TIMEOUT: ' dialogTimedOut="true"',
        }
        return self._dialog(call, "Abort", how[why], "")

    def read(self, call: Call, response: Response) -> Reply:
        """A dialog that continues or ends."""
        document = _document(response)
        if cookie := response.headers.get("set-cookie"):
            call.kept["cookie"] = cookie.partition(";")[0]
        for name, is_open in (
            ("unstructuredSSRequest_Request", True),
            ("processUnstructuredSSRequest_Response", False),
        ):
            found = document.find(name)
            if found is not None:
                return Reply(found.get("string", ""), open=is_open)
        raise WireError("the dialog holds no operation of USSD")

    def _dialog(self, call: Call, kind: str, attributes: str, inside: str) -> Request:
        local, remote = call.kept["ids"]
        names = f'appCntx="{_CONTEXT}" networkId="0" localId="{local}" remoteId="{remote}"'
        headers = {"Cookie": call.kept["cookie"]} if "cookie" in call.kept else {}
        return _posted(f'<dialog type="{kind}" {names}{attributes}>{inside}</dialog>', headers)


def _said(text: str) -> str:
    return f'dataCodingScheme="{_GSM if is_gsm7(text) else _UCS2}" string={attribute(text)}'


def _posted(document: str, headers: dict[str, str] | None = None) -> Request:
    return Request(content_type=_XML, body=f"{_HEAD}{document}".encode(), headers=headers or {})


def _document(response: Response) -> Element:
    try:
        found: Element = fromstring(response.body, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError):
        raise WireError("the answer is no XML") from None
    return found


def _with_breaks(element: Element) -> str:
    parts = [element.text or ""]
    for child in element:
        parts += ["\n" if child.tag == "br" else _with_breaks(child), child.tail or ""]
    return re.sub(r"[ \t]+", " ", "".join(parts))
