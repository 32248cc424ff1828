"""What a dialect is: requests out, replies in, without I/O."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from adapters.form import FORM
from simulator.wires.wire import Call, Leaving, Options
from ussd_engine import Reply, WireError

JSON = "application/json"
NETWORK = "43404"
"""A network of Uzbekistan, where a form asks which."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request; `path` follows `/gateways/<name>`."""

    method: str = "POST"
    path: str = ""
    query: str = ""
    content_type: str = ""
    body: bytes = field(default=b"", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Response:
    """An answer, or a request of the service's that carries its reply; header names in small letters."""

    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def text(self) -> str:
        """The body.

        Raises:
            WireError: not UTF-8.
        """
        try:
            return self.body.decode("utf-8")
        except UnicodeDecodeError:
            raise WireError("the answer is not valid UTF-8") from None


class Dialect(ABC):
    """The network's half of one family; its `options` are the gateway's."""

    later: bool = False
    """The service's reply is a request of its own: `addressed` says to which dialogue."""
    reply_url: str = ""
    """Where the service sends that, by its own settings."""

    def __init__(self, options: Options) -> None:
        self.options = options

    @abstractmethod
    def begin(self, call: Call) -> Request:
        """What was dialled."""

    @abstractmethod
    def answer(self, call: Call, text: str) -> Request:
        """What was typed; it is in `call.answers` already."""

    def leave(self, _call: Call, _why: Leaving, /) -> Request | None:
        """The dialogue is over; None: the family has no words for it."""
        return None

    @abstractmethod
    def read(self, call: Call, response: Response) -> Reply:
        """The screen in an answer.

        Raises:
            WireError: the network would show nothing of it.
        """

    def addressed(self, _response: Response, /) -> str:
        """Where `later`: the name by which `call.kept["awaits"]` waits for this reply."""
        return ""

    def option(self, name: str, default: str = "") -> str:
        """A setting as text."""
        return str(self.options.get(name, default))


def get(fields: Mapping[str, str], path: str = "") -> Request:
    """Fields in the query."""
    return Request("GET", path, urlencode(fields))


def form(fields: Mapping[str, str], path: str = "") -> Request:
    """Fields as a form."""
    return Request("POST", path, "", FORM, urlencode(fields).encode())


def posted(fields: Mapping[str, Any], path: str = "", method: str = "POST") -> Request:
    """Fields as a JSON object."""
    return Request(method, path, "", JSON, json.dumps(fields, ensure_ascii=False).encode())


def parsed(response: Response) -> dict[str, Any]:
    """The JSON object in an answer.

    Raises:
        WireError: there is none.
    """
    try:
        found = json.loads(response.text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise WireError("the answer is no JSON object")
    return found


def said(fields: Mapping[str, Any], name: str) -> str:
    """A text among an answer's fields.

    Raises:
        WireError: absent, or no text.
    """
    found = fields.get(name)
    if not isinstance(found, str):
        raise WireError(f"the answer has no {name}")
    return found
