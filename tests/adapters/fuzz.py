"""Anything at all, read by every HTTP codec: only WireError may come of it.

    python -m tests.adapters.fuzz 1000000

plays that many inputs in all, told by their seed; `tests/adapters/test_fuzz.py` plays a part of them.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from pydantic import TypeAdapter

from adapters.africastalking import wire as africastalking
from adapters.codec import Answer, Asked, Codec
from adapters.exchange import Exchange
from app import plugins
from tests.adapters.payloads import ALL, Payloads
from ussd_engine import Kind, Reply, Turn, WireError

CASES = ("begin", "answer", "end", "late", "ucs2", "deep", "abort", "timeout")
PIECES = (
    b"", b"\x00", b"\xff", b"%", b"%ff", b"%2A", b"&", b"=", b"*", b"#", b"+", b"<", b">", b"</", b"&#0;",
    b"<![CDATA[", b"&lt;", b"<!DOCTYPE a>", b'"', b"{", b"}", b"[", b"]", b":", b",", b"null", b"true", b"-1",
    b"1e999", b"\\ud800", b"9" * 300, b"[" * 3000, b"\r\n", b'encoding="x"', b"0", b"1", b"*880#",
    b"\xed\xa0\x80", "Қ".encode(), "😀".encode(),
)  # fmt: skip
TYPES = (
    "",
    "application/json",
    "text/xml",
    "application/x-www-form-urlencoded",
    "text/plain",
    ";",
    "\xff",
    "a/b+xml",
)
REPLIES = (
    Reply("", open=False),
    Reply("Kiosk\n1.Note", open=True),
    Reply('Қ😀\x00\x1b|<&>"]]>\ufffe\r', open=False),
)


@dataclass(frozen=True)
class Target:
    """A codec's reading, and the golden requests that inputs are made from."""

    name: str
    read: Callable[[Asked], Turn | None]
    golden: tuple[Asked, ...]


def targets() -> Iterator[Target]:
    """Every form that has payloads."""
    for form in ALL:
        yield Target(form.name, reader(form), tuple(golden_requests(form)))


def codec_of(form: Payloads) -> Codec[Any]:
    """A form's codec, with its file's options."""
    family = plugins.adapter(form.kind)
    assert issubclass(family, Exchange)
    given = {
        name: value.replace("{peer}", "http://127.0.0.1:1") if isinstance(value, str) else value
        for name, value in form.options.items()
    }
    return family.codec_type("gw", TypeAdapter(family.options_type).validate_python(given))


def reader(form: Payloads) -> Callable[[Asked], Turn | None]:
    """A form's codec: what it reads it also answers, with all sorts of screens."""
    if form.kind == "africastalking":
        return _africas_talking
    codec = codec_of(form)
    return lambda asked: _through(codec, asked)


def _through(codec: Codec[Any], asked: Asked) -> Turn | None:
    heard = codec.decode(asked)
    for reply in REPLIES:
        answer = codec.encode(reply, heard)
        assert isinstance(answer, Answer)
        for name, value in answer.headers.items():
            assert (name + value).isascii(), name
            assert (name + value).isprintable(), name
        if codec.later and heard.turn is not None:
            codec.call(reply, heard)
    return heard.turn


def _africas_talking(asked: Asked) -> Turn | None:
    read = africastalking.decode_event if asked.path else africastalking.decode
    return read(asked.body, asked.content_type, gateway="gw")


def golden_requests(form: Payloads) -> Iterator[Asked]:
    """The requests of a form's file."""
    for case in CASES:
        if not form.has(case):
            continue
        step = form.step(case)
        cookie = "JSESSIONID=998901234567-5"
        if step.content_type:
            yield Asked(step.method, step.path, "", step.content_type, step.send.encode(), cookie)
        else:
            yield Asked(step.method, step.path, step.send, "", b"", cookie)


def spoilt(asked: Asked, draw: random.Random) -> Asked:
    """A golden request with up to four changes, or rarely something else altogether."""
    content = asked.body or asked.query.encode()
    if draw.random() < 0.05:
        content = draw.randbytes(draw.randrange(200))
    for _ in range(draw.randrange(5)):
        place, width = draw.randrange(len(content) + 1), draw.choice((0, 0, 1, 2, 8, 64))
        content = content[:place] + draw.choice(PIECES) + content[place + width :]
    kind, path, cookie = asked.content_type, asked.path, asked.cookie
    if draw.random() < 0.05:
        kind = draw.choice(TYPES)
    if draw.random() < 0.05:
        path = draw.choice(("/", "/events", "/session/%00/start", "/session/D1/status", path * 2))
    if draw.random() < 0.1:
        cookie = draw.choice(("", "JSESSIONID=", "JSESSIONID=998901234567-", f"{cookie};{cookie}"))
    if asked.body:
        return replace(asked, body=content, content_type=kind, path=path, cookie=cookie)
    return replace(asked, query=content.decode("utf-8", "surrogateescape"), path=path)


def fuzz(target: Target, count: int, seed: int) -> tuple[int, int]:
    """Play `count` inputs; how many were read, and how many refused.

    Raises:
        AssertionError: something else than WireError came of one, or a turn that is none.
    """
    draw, read, refused = random.Random(seed), 0, 0
    for number in range(count):
        asked = spoilt(draw.choice(target.golden), draw)
        try:
            turn = target.read(asked)
        except WireError as error:
            refused += 1
            assert 0 < len(str(error)) < 160, f"{target.name} {seed}/{number}"
            assert error.status in (400, 401, 404, 415), f"{target.name} {seed}/{number}"
        except Exception as error:
            raise AssertionError(f"{target.name}, input {number} of seed {seed}: {asked!r}"[:800]) from error
        else:
            read += 1
            assert turn is None or sound(turn), f"{target.name} {seed}/{number}: {turn}"
    return read, refused


def sound(turn: Turn) -> bool:
    """What the engine may rely on."""
    turn.text.encode()
    bounded = len(turn.text) <= 4200 and len(turn.dialogue) <= 128 and turn.dialogue.isprintable()
    return bounded and turn.msisdn.isdigit() and 5 <= len(turn.msisdn) <= 15 and isinstance(turn.kind, Kind)


def main() -> None:
    """Play a count of inputs, spread over all codecs."""
    total, every = int(sys.argv[1]), list(targets())
    for number, target in enumerate(every):
        read, refused = fuzz(target, -(-total // len(every)), seed=number)
        print(f"{target.name:32} {read:8} read {refused:8} refused", flush=True)


if __name__ == "__main__":
    main()
