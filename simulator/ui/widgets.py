"""The pieces of the screen: a phone with its display and keys, the side panel, the bars."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

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
KEY: Final = "bold #ffd166"
ON: Final = "bold white on #b00020"
NAMES: Final = {"*": "star", "#": "hash"}


class Pane(Static):
    """A text that is drawn anew only where it is another, and laid out anew only where its height is.

    Laying out costs more than everything else here: it measures and paints the whole screen.
    """

    ALLOW_SELECT = False

    def __init__(self, **more: Any) -> None:
        super().__init__(markup=False, **more)
        self._shown = Text()
        self._height = -1

    def show(self, text: Text) -> bool:
        """Show `text`; whether it is another than before."""
        if text == self._shown and text.spans == self._shown.spans:
            return False
        self._shown = text
        width = self.content_size.width
        height = len(text.wrap(self.app.console, width)) if width > 0 else -1
        self.update(text, layout=height != self._height)
        self._height = height
        return True


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
        self._status = Pane(classes="status")
        self._text = Pane(classes="text")
        self._display = VerticalScroll(self._text, classes="display", can_focus=False)
        self._cost = Pane(classes="cost")

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
        """Show what the phone shows now, or something `instead`."""
        self._status.show(paint.status(self.phone))
        self._cost.show(paint.cost(self.phone))
        is_new = self._text.show(paint.display(self.phone, beat) if instead is None else instead)
        handset = self.phone.handset
        if is_new and handset.reading is None and handset.mode in (Mode.OPEN, Mode.WAITING):
            # A long screen begins at its top; once something is typed, the line must be seen.
            if handset.typed:
                self._display.scroll_end(animate=False)
            else:
                self._display.scroll_home(animate=False)


class Strip(Pane):
    """A line of words, each of which does something when it is clicked."""

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        self._actions: list[tuple[int, str]] = []

    def put(self, words: Iterable[tuple[Text, str]], between: str = "  ") -> None:
        """`words`: what is written, and what it does."""
        text = Text(no_wrap=True, end="")
        self._actions = []
        for word, action in words:
            if text:
                text.append(between)
            text.append_text(word)
            self._actions.append((text.cell_len, action))
        self.show(text)

    async def on_click(self, event: Click) -> None:
        """Do it."""
        event.stop()
        at = event.x - self.styles.padding.left
        action = next((action for end, action in self._actions if at < end), None)
        if action is not None:
            await self.run_action(f"app.{action}")


class Bar(Strip):
    """A line of keys."""

    def keys(self, entries: Iterable[tuple[keys.Key, bool]]) -> None:
        """`entries`: keys, and whether each is on."""
        self.put(
            (
                Text.assemble((key.label, ON if is_on else KEY), (f" {key.short}", "bold" if is_on else "")),
                key.action,
            )
            for key, is_on in entries
        )


class Tabs(Strip):
    """Which phones there are, where not all are on the screen."""

    def phones(self, phones: list[Subscriber], active: Subscriber) -> None:
        """Name them; the one in hand stands out."""
        self.put(
            (
                (Text(_tab(phone), "reverse bold" if phone is active else "dim"), f"take({index})")
                for index, phone in enumerate(phones)
            ),
            " ",
        )


def _tab(phone: Subscriber) -> str:
    handset = phone.handset
    unread = f" ✉{handset.unread}" if handset.unread else ""
    dot = " ●" if handset.mode in (Mode.OPEN, Mode.WAITING) else ""
    return f" {handset.name or handset.number}{unread}{dot} "
