"""The journal's lines: JSON objects, one a turn, and the record that the lines of one dialogue make together.

A dialogue spans turns that several workers may answer, so each worker writes lines of its own and readers
put them together by `id`. What is refused or secret is there as length and verdict only; where a text or a
value names the caller, a stand-in for the number stands there. Names are short: there are many lines.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ussd_engine.core.events import Aborted, ActionDone, Begin, Pushed, Row, TimedOut
from ussd_engine.core.masked import UNREAD, Masked
from ussd_engine.core.session import Session
from ussd_engine.journal import cause
from ussd_engine.ports import Entry
from ussd_engine.text.cost import octets
from ussd_engine.text.template import Value

BEGIN, PUSH, ANSWER, ABORT, TIMEOUT, CLOSE = "begin", "push", "answer", "abort", "timeout", "close"


class Hidden(msgspec.Struct, array_like=True, frozen=True):
    """An input of which only length and verdict were kept; `code` is empty where it was accepted."""

    length: int
    code: str = ""
    readable: bool = False


class Did(msgspec.Struct, omit_defaults=True, frozen=True):
    """An action and what came back; rows are pairs of id and values."""

    action: str
    result: str
    values: dict[str, Value] = {}
    rows: list[tuple[str, dict[str, Value]]] = []
    more: bool = False


class Line(msgspec.Struct, omit_defaults=True, kw_only=True, frozen=True):
    """One turn, or the closing of a dialogue that just stopped (`kind` is then `close`).

    Attributes:
        id: the dialogue, the same in all its lines.
        n: the turn's number, from 1.
        at: Unix seconds, UTC.
        heard: inputs in order: fields of a dialled string, or the answer.
        did: actions that ran.
        end: a `Cause`; empty while the dialogue is open.
        before: the dialogue that was cut and may go on in this one, as it stood.
        at_state, given: where the service began by itself, and with what.
        gateway, msisdn, menu, screen: in the first line only: the gateway's name, the masked caller, the
            menus' version in hex, octets of a screen where not 160.
    """

    id: str
    n: int
    at: float
    kind: str
    heard: list[str | Hidden] = []
    did: list[Did] = []
    state: str = ""
    lang: str = ""
    text: str = ""
    octets: int = 0
    end: str = ""
    before: Session | None = None
    at_state: str = ""
    given: dict[str, Value] = {}
    gateway: str = ""
    msisdn: str = ""
    menu: str = ""
    screen: int = 160


class Dialogue(msgspec.Struct, omit_defaults=True, kw_only=True):
    """One dialogue whole.

    `began`, `ended`: Unix seconds, UTC; 0 where it has not ended. `missing`: turns whose lines were lost (a
    crash, a full queue).
    """

    id: str
    gateway: str = ""
    msisdn: str = ""
    menu: str = ""
    language: str = ""
    began: float = 0.0
    ended: float = 0.0
    screen: int = 160
    turns: list[Line] = []
    missing: int = 0
    cause: str = ""


def encoded(entry: Entry) -> bytes:
    """An entry as a line of the file, without its line feed."""
    line = line_of(entry)
    text = encode(line)
    # Hardly any line names its caller, so that looking for it is all that most of them cost.
    return encode(_without_caller(line, entry.msisdn)) if entry.msisdn.encode() in text else text


def line_of(entry: Entry) -> Line:
    """Turn an entry into its line; the caller is masked in its own field only."""
    first = entry.turn == 1
    why = cause.of_entry(entry)
    return Line(
        id=entry.dialogue.hex(),
        n=entry.turn,
        at=round(entry.at, 6),
        kind=_kind(entry),
        heard=_heard(entry),
        did=[_did(name, done) for name, done in entry.done],
        state=entry.state,
        lang=entry.language,
        text=entry.text,
        octets=octets(entry.text) if entry.text else 0,
        end=why.value if why else "",
        before=entry.event.before if isinstance(entry.event, Begin) else None,
        at_state=entry.event.state if isinstance(entry.event, Pushed) else "",
        given=dict(entry.event.given) if isinstance(entry.event, Pushed) else {},
        gateway=entry.gateway if first else "",
        msisdn=masked_msisdn(entry.msisdn) if first else "",
        menu=entry.menu.hex() if first else "",
        screen=entry.screen_octets if first else 160,
    )


def masked_msisdn(msisdn: str) -> str:
    """`998901234567` as `99890***4567`."""
    return f"{msisdn[:-7]}***{msisdn[-4:]}" if len(msisdn) > 7 else "*" * len(msisdn)


def stand_in(masked: str) -> str:
    """The number that stands for a masked caller in texts and values: `998900004567`.

    It has the length of the real one and is made of digits, so screens keep their size and formats work.
    """
    return masked.replace("*", "0")


def merge(lines: list[Line]) -> Dialogue:
    """Put one dialogue together from its lines."""
    turns = sorted((line for line in lines if line.kind != CLOSE), key=lambda line: line.n)
    closed = next((line for line in lines if line.end), None)
    first = turns[0] if turns else lines[0]
    last = closed.n - (closed.kind == CLOSE) if closed else first.n if not turns else turns[-1].n
    return Dialogue(
        id=first.id,
        gateway=first.gateway,
        msisdn=first.msisdn,
        menu=first.menu,
        screen=first.screen,
        language=next((line.lang for line in reversed(turns) if line.lang), ""),
        began=first.at,
        ended=closed.at if closed else 0.0,
        turns=turns,
        missing=last - len(turns),
        cause=closed.end if closed else "",
    )


def masked(kept: str | Hidden) -> str:
    """An input as the step takes it."""
    return kept if isinstance(kept, str) else Masked(kept.length, kept.code, readable=kept.readable)


def action_done(did: Did, at: float) -> ActionDone:
    """An action's result as the step takes it."""
    rows = tuple(Row(name, values) for name, values in did.rows)
    return ActionDone(at, did.result, did.values, rows, did.more)


encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(Line).decode


def _kind(entry: Entry) -> str:
    match entry.event:
        case None:
            return CLOSE
        case Begin():
            return BEGIN
        case Pushed():
            return PUSH
        case Aborted():
            return ABORT
        case TimedOut():
            return TIMEOUT
    return ANSWER


def _heard(entry: Entry) -> list[str | Hidden]:
    """What was used, and of a dialled string the fields that were dropped, masked."""
    heard: list[str | Hidden] = [
        Hidden(len(text), text.code, text.readable) if isinstance(text, Masked) else text
        for text in entry.heard
    ]
    if isinstance(entry.event, Begin):
        heard += [Hidden(len(field.strip()), UNREAD) for field in entry.event.fields[len(heard) :]]
    return heard


def _did(name: str, done: ActionDone) -> Did:
    rows = [(row.id, dict(row.values)) for row in done.rows]
    return Did(name, done.result, dict(done.values), rows, done.more)


def _without_caller(line: Line, caller: str) -> Line:
    """The line with the caller masked in every text; numbers are left, they are no phones."""
    shown = stand_in(masked_msisdn(caller))

    def hide(value: Any) -> Any:
        match value:
            case str():
                return value.replace(caller, shown)
            case dict():
                return {key: hide(inner) for key, inner in value.items()}
            case list() | tuple():
                return [hide(inner) for inner in value]
        return value

    return msgspec.convert(hide(msgspec.to_builtins(line)), Line)
