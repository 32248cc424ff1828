"""What phones and their side panel show, as rich texts. No widget, no I/O."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import wrap
from typing import TYPE_CHECKING, Final

from rich.text import Text

from simulator.display import NAMES, Size, measure
from simulator.model import Handset, Message, Mode
from simulator.plain import HIDDEN
from simulator.subscriber import Subscriber

if TYPE_CHECKING:
    from simulator.script_replay import Frame
    from simulator.wires.wire import Frame as WireFrame

_ID: Final = 12
"""Characters of a dialogue's id: enough to find it by."""
_NAME: Final = 10
_ALARM: Final = "bold #ff6b6b"
_FRAME_LINES: Final = 6
CURSOR: Final = "▏"
DOT: Final = "•"
CUT: Final = "bold #ffffff on #b00020"
"""What the phone would cut off."""
DIM: Final = "#5b6b48"
"""On the display, the phone's own words."""
_SPINNER: Final = "·•●•"


def status(phone: Subscriber) -> Text:
    """The line above the display."""
    handset = phone.handset
    unread = handset.unread
    mail = Text(f"  ✉ {unread} new", "bold #ffd166") if unread else Text()
    bars = "✕" if phone.carrier.down else "▂▄▆█"
    text = Text.assemble((handset.name or f"+{handset.number}", "bold"))
    text.append(f"  {bars}", "red" if phone.carrier.down else "green")
    return text + mail


def display(phone: Subscriber, beat: int = 0) -> Text:
    """The display itself."""
    handset = phone.handset
    if handset.reading is not None:
        return _messages(handset)
    if handset.mode is Mode.IDLE:
        return _idle(handset)
    text = screen_text(handset.text, phone.wire.screen_octets)
    if handset.pushed:
        text = Text("⚑ from the network\n", DIM) + text
    if handset.mode is Mode.WAITING:
        text.stylize(DIM)
        return text + Text(f"{_gap(text)}{_SPINNER[beat % len(_SPINNER)]} USSD code running…", DIM)
    if handset.mode is Mode.OPEN:
        return text + Text(_gap(text)) + _line(handset)
    if handset.notice:
        style = "bold #b00020" if handset.mode is Mode.LOST else DIM
        text = text + Text(f"{_gap(text)}{handset.notice}", style)
    if handset.mode is Mode.LOST:
        text = text + Text("\nCall: send it again", DIM)
    return text + Text("\n") + _line(handset) if handset.typed else text


def screen_text(shown: str, octets_max: int) -> Text:
    """A screen with what doesn't fit marked."""
    text = Text(shown)
    cut_at = measure(shown, octets_max).cut_at
    if cut_at is not None:
        text.stylize(CUT, cut_at)
    return text


def cost(phone: Subscriber) -> Text:
    """The line below the display: octets on the left, time on the right."""
    handset = phone.handset
    text = Text()
    if handset.text and handset.reading is None:
        size = measure(handset.text, phone.wire.screen_octets)
        if size.cut_at is None:
            text.append(str(size), "#9fb48a")
        else:
            text.append(f"{size} CUT", "bold red")
    left = phone.left_s
    if left is not None:
        text.append("  " if text else "")
        text.append(f"{left:.0f} s", "bold red" if left < 30 else "#9fb48a")
    return text


def panel(phone: Subscriber, line: str, recorded: int, width: int) -> Text:
    """The side panel of one phone, `width` columns."""
    text = Text()
    for title, rows in (
        ("Session", _session(phone)),
        ("Variables", _variables(phone)),
        ("Screen", _size(phone)),
        (
            "Network",
            ((("line", line), *_network(phone), ("recorded", f"{recorded} steps" if recorded else ""))),
        ),
    ):
        told = [(name, value) for name, value in rows if value]
        if told:
            text.append(f"{title}\n", "bold #7fb3d5")
        for name, value in told:
            text.append(f" {_fitted(name)} ", "#8a8f98")
            wrapped = wrap(value, max(width - _NAME - 2, 8)) or [""]
            text.append(f"\n{' ' * (_NAME + 2)}".join(wrapped), _ALARM if value.startswith("!") else "")
            text.append("\n")
    return text


def _fitted(name: str) -> str:
    return f"{name:<{_NAME}}" if len(name) <= _NAME else f"{name[: _NAME - 1]}…"


def replay(step: str, frame: Frame | None) -> Text:
    """What a scenario's step did, what it expected, and what came. `step`: which of how many."""
    text = Text.assemble((f"Replay {step}\n", "bold #7fb3d5"))
    if frame is None:
        return text
    style = {"as expected": "bold #7bd88f", "otherwise": "bold #ff6b6b"}.get(frame.verdict.value, "")
    text.append(f"{frame.did}\n").append(f"{frame.verdict.value}\n", style)
    if frame.why:
        text.append(f"{frame.why}\n", "#ff6b6b")
    elif frame.expected and frame.live is None:
        text.append(f"{frame.expected}\n", "#8a8f98")
    return text


def wire(frames: Sequence[WireFrame], width: int) -> Text:
    """The last frames, a few lines each, none wider than `width`."""
    text = Text.assemble(("Wire\n", "bold #7fb3d5")) if frames else Text()
    for frame in frames:
        style = "#ffd166" if frame.out else "#9fb48a"
        text.append(f" {'»' if frame.out else '«'} {frame.head}\n", style)
        lines = [HIDDEN] if frame.secret else frame.text.split("\n")
        for line in lines[:_FRAME_LINES]:
            text.append(f"  {line[: width - 2]}\n", "#8a8f98")
        if len(lines) > _FRAME_LINES:
            text.append("  …\n", "#8a8f98")
    return text


def looked_at(frame: Frame, octets_max: int) -> Text:
    """The display of a phone while one looks back at a step."""
    shown = frame.live.text if frame.live is not None else frame.expected
    return Text(f"◂ {frame.did}\n\n", DIM) + screen_text(shown, octets_max)


def _session(phone: Subscriber) -> Iterator[tuple[str, str]]:
    standing, call, left = phone.standing, phone.call, phone.left_s
    yield "dialogue", f"{call.name[:_ID]}…" if call is not None else "none yet"
    if standing is not None:
        yield "journal", standing.dialogue[:_ID]
        yield "menu", standing.menu
        yield "state", standing.state
        yield "way", " › ".join(name.rpartition(".")[2] for name in standing.history[-3:])
        yield "language", standing.language
    yield "turns", str(phone.turns or "")
    yield "took", f"{phone.took_s * 1000:.0f} ms" if phone.took_s is not None else ""
    yield "time left", f"{left:.0f} s" if left is not None else ""
    cause = phone.handset.cause
    yield "ended", cause.value if cause is not None else ""
    yield "cause", standing.cause if standing is not None else ""
    yield "on its way", f"! {phone.told}" if "DIFFER" in phone.told else phone.told


def _variables(phone: Subscriber) -> Iterator[tuple[str, str]]:
    if phone.standing is not None:
        for name, value in phone.standing.variables.items():
            yield name, {"True": "yes", "False": "no"}.get(value, value)
        if phone.standing.secret:
            yield "(asked)", "a secret: shown as dots, kept nowhere"


def _size(phone: Subscriber) -> Iterator[tuple[str, str]]:
    shown = phone.handset.text
    if not shown:
        return
    size = measure(shown, phone.wire.screen_octets)
    yield "octets", f"{size.octets} of {size.octets_max}, {_room(size)}"
    because = f" because of {size.forced_by!r} U+{ord(size.forced_by):04X}" if size.forced_by else ""
    yield "alphabet", NAMES[size.coding] + because
    if size.cut_at is not None:
        yield "cut", f"! {len(shown) - size.cut_at} characters would be lost"


def _room(size: Size) -> str:
    left = size.octets_max - size.octets
    if left < 0:
        return "too many"
    return f"room for {left // 2 if size.coding == 'ucs2' else left * 8 // 7} characters"


def _network(phone: Subscriber) -> Iterator[tuple[str, str]]:
    carrier = phone.carrier
    yield "operator", str(carrier.operator)
    yield "next turn", f"! {carrier.armed.value}" if carrier.armed is not None else ""
    yield "gateway", "! down" if carrier.down else ""


def _idle(handset: Handset) -> Text:
    text = Text.assemble((f"+{handset.number}\n\n", "bold"))
    if handset.typed:
        return text + _line(handset) + Text(f"\n\n{handset.notice}" if handset.notice else "", DIM)
    if handset.notice:
        text.append(f"{handset.notice}\n\n", DIM)
    text.append("Dial *880#" if not handset.history else "↑ recent calls", DIM)
    if handset.unread:
        text.append(f"\n✉ {handset.unread} new", "bold")
    return text


def _line(handset: Handset) -> Text:
    typed = DOT * len(handset.typed) if handset.secret else handset.typed
    return Text(f"{typed}{CURSOR}", "bold")


def _messages(handset: Handset) -> Text:
    if not handset.inbox:
        return Text("No messages", DIM)
    assert handset.reading is not None
    number = handset.reading
    message = handset.inbox[-1 - number]
    parts = f", {message.parts} SMS" if message.parts > 1 else ""
    text = Text.assemble((f"✉ {number + 1}/{len(handset.inbox)}{parts}\n", DIM))
    text.append(f"{message.sender}", "bold")
    text.append(f"  {_when(message)}\n", DIM)
    return text.append(message.text)


def _when(message: Message) -> str:
    return message.at[:16].replace("T", " ")


def _gap(text: Text) -> str:
    return "\n\n" if text.plain and not text.plain.endswith("\n") else ""
