"""Families that speak JSON."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from simulator.wires.dialects.dialect import Dialect, Request, Response, parsed, posted, said
from simulator.wires.wire import Call, Leaving, Options
from ussd_engine import Reply, WireError


class Hubtel(Dialect):
    """Hubtel: `Type` Initiation, Response, Release, Timeout."""

    def begin(self, call: Call) -> Request:
        """The whole dialled string is the message."""
        return self._request(call, "Initiation", call.code)

    def answer(self, call: Call, text: str) -> Request:
        """As typed."""
        return self._request(call, "Response", text)

    def leave(self, call: Call, why: Leaving) -> Request:
        """A timeout has a word of its own."""
        return self._request(call, "Timeout" if why is Leaving.TIMEOUT else "Release", "")

    def read(self, call: Call, response: Response) -> Reply:
        """`Response` waits, `Release` is the end."""
        fields = parsed(response)
        if fields.get("Type") not in ("Response", "Release"):
            raise WireError("Type is neither Response nor Release")
        call.kept["state"] = fields.get("ClientState", "")
        return Reply(said(fields, "Message"), open=fields["Type"] == "Response")

    def _request(self, call: Call, kind: str, typed: str) -> Request:
        sequence = call.kept["sequence"] = call.kept.get("sequence", 0) + 1
        return posted(
            {
                "Mobile": call.number,
                "SessionId": call.name,
                "ServiceCode": call.base,
                "Type": kind,
                "Message": typed,
                "Operator": "beeline",
                "Sequence": sequence,
                "ClientState": call.kept.get("state", ""),
                "Platform": "USSD",
            }
        )


class Infobip(Dialect):
    """Infobip's older JSON interface: a path for each session."""

    def begin(self, call: Call) -> Request:
        """`start`."""
        fields = {"msisdn": call.number, "text": call.code, "shortCode": call.base, "imsi": "434040000000001"}
        more = {"language": "en", "optional": "", "ussdGwId": "11"}
        return posted({**fields, **more}, f"/session/{call.name}/start")

    def answer(self, call: Call, text: str) -> Request:
        """`response`; a number is not part of it."""
        return posted({"text": text}, f"/session/{call.name}/response")

    def leave(self, call: Call, why: Leaving) -> Request:
        """`end`."""
        told = "Dialog timeout" if why is Leaving.TIMEOUT else "Abort"
        return posted({"exitCode": 510, "reason": told}, f"/session/{call.name}/end", "PUT")

    def read(self, _call: Call, response: Response) -> Reply:
        """`ussdMenu`, `shouldClose`."""
        fields = parsed(response)
        return Reply(said(fields, "ussdMenu"), open=fields.get("shouldClose") is False)


class Madapi(Dialect):
    """MTN's MADAPI: `messageType` 0 begins, 1 goes on, 4 aborts, 5 is a timeout."""

    def begin(self, call: Call) -> Request:
        """The whole dialled string."""
        return self._request(call, "0", call.code)

    def answer(self, call: Call, text: str) -> Request:
        """As typed."""
        return self._request(call, "1", text)

    def leave(self, call: Call, why: Leaving) -> Request:
        """In an abort the text is its reason."""
        if why is Leaving.TIMEOUT:
            return self._request(call, "5", "")
        return self._request(call, "4", "User cancelled" if why is Leaving.USER else "Network abort")

    def read(self, _call: Call, response: Response) -> Reply:
        """In `data`."""
        fields = parsed(response)
        data = fields.get("data")
        if fields.get("statusCode") != "0000" or not isinstance(data, dict):
            raise WireError("statusCode is not 0000, or there is no data")
        return Reply(said(data, "inboundResponse"), open=data.get("userInputRequired") is True)

    def _request(self, call: Call, kind: str, typed: str) -> Request:
        fields = {"sessionId": call.name, "messageType": kind, "msisdn": call.number}
        more = {"ussdString": typed, "cellId": "1", "language": "en", "imsi": "434040000000001"}
        return posted({**fields, "serviceCode": call.base, **more})


class Junebug(Dialect):
    """Junebug: messages; the reply is a message of the service's, `reply_to` ours."""

    later = True
    _names = ("from", "to")

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self.reply_url = self.option("url")

    def begin(self, call: Call) -> Request:
        """What was dialled is `to`."""
        return self._message(call, "new", None)

    def answer(self, call: Call, text: str) -> Request:
        """As typed."""
        return self._message(call, "resume", text)

    def leave(self, call: Call, _why: Leaving) -> Request:
        """Content is null."""
        return self._message(call, "close", None)

    def read(self, _call: Call, response: Response) -> Reply:
        """`continue_session` tells whether it waits."""
        fields = parsed(response)
        channel = fields.get("channel_data")
        is_open = isinstance(channel, dict) and channel.get("continue_session") is True
        return Reply(said(fields, "content"), open=is_open)

    def addressed(self, response: Response) -> str:
        """By our message's id."""
        return said(parsed(response), "reply_to")

    def _message(self, call: Call, event: str, content: str | None) -> Request:
        call.kept["awaits"] = uuid4().hex
        sender, receiver = self._names
        fields = {sender: f"+{call.number}", receiver: call.code, "message_id": call.kept["awaits"]}
        return posted({**fields, "content": content, **self._event(event)})

    def _event(self, event: str) -> dict[str, Any]:
        return {"channel_id": "handset", "reply_to": None, "channel_data": {"session_event": event}}


class Vumi(Junebug):
    """Vumi Go's HTTP API: the same with other names."""

    _names = ("from_addr", "to_addr")

    def read(self, _call: Call, response: Response) -> Reply:
        """`session_event` tells whether it waits."""
        fields = parsed(response)
        return Reply(said(fields, "content"), open=fields.get("session_event") == "resume")

    def addressed(self, response: Response) -> str:
        """By our message's id."""
        return said(parsed(response), "in_reply_to")

    def _event(self, event: str) -> dict[str, Any]:
        return {"in_reply_to": None, "session_event": event, "transport_type": "ussd"}
