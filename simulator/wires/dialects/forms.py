"""Families whose requests are forms and queries, and whose answers are plain text."""

from __future__ import annotations

from urllib.parse import parse_qs, urlencode

from adapters.africastalking import wire as africastalking
from adapters.form import FORM
from simulator.wires.dialects.dialect import NETWORK, Dialect, Request, Response, form, get
from simulator.wires.wire import Call, Leaving, Options
from ussd_engine import Reply, WireError


class AfricasTalking(Dialect):
    """Africa's Talking: all inputs so far joined by `*`; `CON …`, `END …`."""

    def begin(self, call: Call) -> Request:
        """The whole dialled string goes as the service code, as one of the two forms seen has it."""
        return self._request(call, "")

    def answer(self, call: Call, _text: str) -> Request:
        """All answers so far."""
        return self._request(call, "*".join(call.answers))

    def _request(self, call: Call, text: str) -> Request:
        body = africastalking.encode_request(
            dialogue=call.name, phone=f"+{call.number}", code=call.code, text=text, network=NETWORK
        )
        return Request(content_type=FORM, body=body)

    def leave(self, call: Call, why: Leaving) -> Request:
        """The notice to the second URL."""
        fields = {"sessionId": call.name, "serviceCode": call.code, "phoneNumber": f"+{call.number}"}
        told = "Timed out" if why is Leaving.TIMEOUT else "The user has left"
        return form({**fields, "status": "Incomplete", "errorMessage": told}, "/events")

    def read(self, _call: Call, response: Response) -> Reply:
        """As the codec has it."""
        return africastalking.decode_reply(response.body)


class Airtel(Dialect):
    """Airtel's Flares: `input`; the header `Freeflow` tells whether the dialogue waits."""

    def begin(self, call: Call) -> Request:
        """Without the first star and the hash."""
        return self._request(call, call.code.removeprefix("*").removesuffix("#"))

    def answer(self, call: Call, text: str) -> Request:
        """As typed."""
        return self._request(call, text)

    def leave(self, call: Call, _why: Leaving) -> Request:
        """The clean-up."""
        fields = {"clean": "clean-session", "error": "522", "SessionID": call.name, "msisdn": call.number}
        return get(self._known(fields))

    def read(self, _call: Call, response: Response) -> Reply:
        """FC waits, FB is the end."""
        flow = response.headers.get("freeflow", "")
        if flow not in ("FC", "FB"):
            raise WireError("the header Freeflow is neither FC nor FB")
        return Reply(response.text, open=flow == "FC")

    def _request(self, call: Call, typed: str) -> Request:
        fields = {"SessionID": call.name, "MSISDN": call.number, "MSC": "MSC1", "input": typed}
        return get(self._known(fields))

    def _known(self, fields: dict[str, str]) -> dict[str, str]:
        user = self.option("userid")
        return {**fields, "userid": user, "password": self.option("password")} if user else fields


class Cellulant(Dialect):
    """Cellulant: `opCode`; six fields between bars."""

    def begin(self, call: Call) -> Request:
        """`BEG`."""
        return self._request(call, "BEG", call.code)

    def answer(self, call: Call, text: str) -> Request:
        """No operation at all."""
        return self._request(call, "", text)

    def leave(self, call: Call, _why: Leaving) -> Request:
        """`ABO`."""
        return self._request(call, "ABO", "", abort="1")

    def read(self, _call: Call, response: Response) -> Reply:
        """The second field is the text, the fifth says `end`."""
        fields = response.text.split("|")
        if len(fields) != 6:
            raise WireError("the answer is not six fields between bars")
        return Reply(fields[1], open=fields[4] != "end")

    def _request(self, call: Call, operation: str, typed: str, abort: str = "0") -> Request:
        fields = {"MSISDN": call.number, "sessionID": call.name, "opCode": operation}
        return get({**fields, "INPUT": typed, "ABORT": abort})


class Yate(Dialect):
    """YateUSGW: `operation`; with the service's setting `url` the reply is a request of its own."""

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self.reply_url = self.option("url")
        self.later = bool(self.reply_url)

    def begin(self, call: Call) -> Request:
        """`pssr`."""
        return self._request(call, "pssr", "")

    def answer(self, call: Call, text: str) -> Request:
        """`ussr`."""
        return self._request(call, "ussr", text)

    def leave(self, call: Call, _why: Leaving) -> Request:
        """The first of what the settings list."""
        aborts = self.options.get("aborts") or ("stop",)
        return self._request(call, str(next(iter(aborts))), "")

    def read(self, _call: Call, response: Response) -> Reply:
        """The body, and the header `operation`; or the fields of the service's own request."""
        if not self.later:
            return Reply(response.text, open=response.headers.get("operation") != "pssr")
        fields = _fields(response)
        if fields.get("operation") not in ("ussr", "pssr"):
            raise WireError("operation is neither ussr nor pssr")
        return Reply(fields.get("text", ""), open=fields["operation"] == "ussr")

    def addressed(self, response: Response) -> str:
        """By the dialogue's id."""
        return _fields(response).get("id", "")

    def _request(self, call: Call, operation: str, text: str) -> Request:
        call.kept["awaits"] = call.name
        fields = {"id": call.name, "operation": operation, "msisdn": call.number, "code": call.code}
        return Request("GET", "", urlencode({**fields, "text": text}))


def _fields(response: Response) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(response.text, keep_blank_values=True).items()}
