"""What the pure halves of the HTTP families have in common: a request, what it says, an answer, a codec.

A family's `wire.py` holds one `Codec` and one `Options`; `adapters.http.Exchange` serves it.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from adapters.form import FORM, msisdn, read_form
from adapters.rate import check_rate
from ussd_engine import Kind, Reply, Turn, WireError

DIALOGUE_MAX = 128
DIALLED_MAX = 182
"""Characters of a USSD string (3GPP TS 23.038 §5: 182 septets in 160 octets)."""
PLAIN = "text/plain; charset=utf-8"
JSON = "application/json"
_PHONE_PARTS = re.compile(r"^(?:tel:)?\+?")


@dataclass(frozen=True)
class Options:
    """What `[[gateways]]` may say of any HTTP kind, beside its name, kind, `allow` and `secret`.

    Attributes:
        screen_octets: what one screen holds (3GPP TS 23.038 §5: 160; less on some links).
        deadline_s: the gateway's patience for a reply.
        rate: turns accepted from this gateway by one worker, `500/second`; empty: as many as come.
    """

    screen_octets: int = 160
    deadline_s: float = 10.0
    rate: str = ""

    def __post_init__(self) -> None:
        check_rate(self.rate)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as a codec sees it. `path`: what follows `/gateways/<name>`; `query`: undecoded."""

    method: str = "POST"
    path: str = ""
    query: str = ""
    content_type: str = ""
    body: bytes = b""
    cookie: str = ""


@dataclass(frozen=True, slots=True)
class Heard:
    """What a request says.

    Attributes:
        turn: None where nothing of it concerns a dialogue.
        echo: what the answer has to repeat of the request.
    """

    turn: Turn | None
    echo: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back on the same connection."""

    body: bytes = b""
    content_type: str = PLAIN
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int = 200


@dataclass(frozen=True, slots=True)
class Call:
    """A request of ours to the gateway: how an asynchronous family replies."""

    method: str
    url: str
    content_type: str = JSON
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


OptionsT = TypeVar("OptionsT", bound=Options)


class Codec(ABC, Generic[OptionsT]):
    """Base of the families' codecs; pure.

    Attributes:
        routes: method and path under `/gateways/<name>` of each request that the family makes.
        later: a request gets its answer at once, by `encode` of an empty reply; its turn's reply goes out by
            `call`.
    """

    routes: tuple[tuple[str, str], ...] = (("POST", ""),)
    later: bool = False

    def __init__(self, gateway: str, options: OptionsT) -> None:
        self.gateway = gateway
        self.options = options

    @abstractmethod
    def decode(self, asked: Asked) -> Heard:
        """Read a request.

        Raises:
            WireError: it can't be read; `status` is the HTTP status that says so. The message names fields,
                never what they hold: that may be a PIN.
        """

    @abstractmethod
    def encode(self, reply: Reply, heard: Heard) -> Answer:
        """The answer to `heard`; after an abort or a timeout `reply` is empty and closed."""

    def call(self, _reply: Reply, _heard: Heard, /) -> Call | None:
        """Our own request that carries the reply, where the family is asynchronous; None: nothing to tell."""
        return None

    def turn(
        self,
        kind: Kind,
        *,
        dialogue: str,
        phone: tuple[str, str],
        text: str = "",
        code: str = "",
        accumulated: str | None = None,
        may_begin: bool = False,
        request_id: str = "",
    ) -> Turn:
        """A turn of this gateway. `phone` is the value and the name of its field."""
        number, named = phone
        return Turn(
            gateway=self.gateway,
            dialogue=named_dialogue(dialogue),
            msisdn=msisdn(_PHONE_PARTS.sub("", number, count=1), named),
            kind=kind,
            text=text,
            service_code=code,
            accumulated=accumulated,
            may_begin=may_begin,
            request_id=request_id,
            screen_octets=self.options.screen_octets,
            deadline_s=self.options.deadline_s,
        )


def query(asked: Asked, known: Mapping[str, int]) -> dict[str, str]:
    """The fields of `known` in a request's query; values are bounded, as in `read_form`."""
    return read_form(asked.query.encode("utf-8", "surrogateescape"), FORM, known)


def named_dialogue(value: str) -> str:
    """A gateway's own id of a dialogue, checked: it goes into logs and keys."""
    if len(value) > DIALOGUE_MAX or not value.isprintable():
        raise WireError(f"the dialogue's id is not at most {DIALOGUE_MAX} printable characters")
    return value


def dialled(text: str) -> str:
    """`880*1`, `*880*1` and `*880*1#` alike as `*880*1#`.

    Raises:
        WireError: longer than one USSD string.
    """
    whole = f"*{text.strip().removeprefix('*').removesuffix('#')}#"
    if len(whole) > DIALLED_MAX:
        raise WireError(f"the dialled string is longer than {DIALLED_MAX} characters")
    return whole


def deeper(code: str, rest: str) -> str:
    """The dialled string whose `code` and further fields arrive apart."""
    return f"{dialled(code)[:-1]}*{rest.removesuffix('#')}#" if rest else dialled(code)
