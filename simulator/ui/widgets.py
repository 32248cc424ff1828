"""The pieces of the screen: a phone with its display and keys, the side panel, the bars."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.events import Click
from textual.message import Message
from textual.widgets import Static

from simulator.model import Mode
from simulator.subscriber import Subscriber
from simulator.ui import keys, paint

KEYPAD: Final = (
    (("call", "Call"), ("clear", "C"), ("end", "End")),
    (("1", "1"), ("2", "2 abc"), ("3", "3 def")),
    (("4", "4 ghi"), ("5", "5 jkl"), ("6", "6 mno")),
    (("7", "7 pqrs"), ("8", "8 tuv"), ("9", "9 wxyz")),
    (("*", "*"), ("0", "0 +"), ("#", "#")),
)
NAMES: Final = {"*": "star", "#": "hash"}


class PhoneKey(Static):
    """One key of the keypad."""

    ALLOW_SELECT = False

    class Pressed(Message):
        """`key`: a digit, `*`, `#`, or `call`, `clear`, `end`."""

        def __init__(self, phone: Subscriber, key: str) -> None:
            super().__init__()
            self.phone = phone
            self.key = key

    def __init__(self, phone: Subscriber, key: str, label: str) -> None:
        super().__init__(Text(label), classes=f"key {key if key.isalpha() else 'digit'}")
        self.add_class(f"key-{NAMES.get(key, key)}")
        self._phone = phone
        self._key = key

    def on_click(self, event: Click) -> None:
        """Press it."""
        event.stop()
        self.post_message(self.Pressed(self._phone, self._key))


class PhoneView(Vertical):
    """One phone."""

    class Chosen(Message):
        """Its owner takes this phone in hand."""

        def __init__(self, phone: Subscriber) -> None:
            super().__init__()
            self.phone = phone

    def __init__(self, phone: Subscriber) -> None:
        super().__init__(classes="phone")
        self.phone = phone
        self._status = Static(classes="status")
        self._text = Static(classes="text")
        self._display = VerticalScroll(self._text, classes="display", can_focus=False)
        self._cost = Static(classes="cost")
        self._drawn: tuple[object, ...] = ()

    def compose(self) -> ComposeResult:
        """Top to bottom."""
        yield self._status
        yield self._display
        yield self._cost
        with Vertical(classes="keypad"):
            for row in KEYPAD:
                with Horizontal(classes="row"):
                    for key, label in row:
                        yield PhoneKey(self.phone, key, label)

    def on_click(self) -> None:
        """Anywhere on it."""
        self.post_message(self.Chosen(self.phone))

    def draw(self, beat: int, instead: Text | None = None) -> None:
        """Show what the phone shows now, or something `instead`; what is as it was is left alone."""
        text = paint.display(self.phone, beat) if instead is None else instead
        status, cost = paint.status(self.phone), paint.cost(self.phone)
        drawn = (text.markup, status.markup, cost.markup)
        if drawn == self._drawn:
            return
        before, self._drawn = self._drawn, drawn
        self._status.update(status)
        self._cost.update(cost)
        if not before or before[0] != drawn[0]:
            self._text.update(text)
            handset = self.phone.handset
            if handset.reading is None and handset.mode in (Mode.OPEN, Mode.WAITING):
                # A long screen begins at its top; once something is typed, the line must be seen.
                if handset.typed:
                    self._display.scroll_end(animate=False)
                else:
                    self._display.scroll_home(animate=False)


class Bar(Static):
    """A line of keys that can be clicked."""

    ALLOW_SELECT = False

    def show(self, entries: Iterator[tuple[keys.Key, bool]] | list[tuple[keys.Key, bool]]) -> None:
        """`entries`: keys, and whether each is on."""
        parts = []
        for key, is_on in entries:
            style = "bold white on #b00020" if is_on else "bold #ffd166"
            parts.append(f"[@click=app.{key.action}][{style}]{key.label}[/] {key.short}[/]")
        self.update("  ".join(parts))


class Tabs(Static):
    """Which phones there are, where not all are on the screen."""

    ALLOW_SELECT = False

    def show(self, phones: list[Subscriber], active: Subscriber) -> None:
        """Name them; the one in hand stands out."""
        parts = []
        for index, phone in enumerate(phones):
            unread = f" ✉{phone.handset.unread}" if phone.handset.unread else ""
            dot = " ●" if phone.handset.mode in (Mode.OPEN, Mode.WAITING) else ""
            name = f" {phone.handset.name or phone.handset.number}{unread}{dot} "
            style = "reverse bold" if phone is active else "dim"
            parts.append(f"[@click=app.take({index})][{style}]{name}[/][/]")
        self.update(" ".join(parts))
