"""What lies over the phones for a while: help, raw frames, a question."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from simulator.plain import HIDDEN
from simulator.ui import keys
from simulator.wires.wire import Frame


class Sheet(ModalScreen[None]):
    """A text to be read; Esc or the key that brought it puts it away."""

    BINDINGS: ClassVar = [
        Binding(key, "close", "Back", priority=True) for key in ("escape", "q", "f1", "f3", "enter")
    ]

    def __init__(self, text: Text, *, at_end: bool = False) -> None:
        super().__init__()
        self._text = text
        self._at_end = at_end

    def compose(self) -> ComposeResult:
        """The text, to be scrolled."""
        yield VerticalScroll(Static(self._text))

    def on_mount(self) -> None:
        """Frames are read from the newest back."""
        scroll = self.query_one(VerticalScroll)
        scroll.focus()
        if self._at_end:
            scroll.scroll_end(animate=False)

    def action_close(self) -> None:
        """Back to the phones."""
        self.dismiss()


class FramesSheet(Sheet):
    """What went over the wire; what holds a secret is shown on a key of its own."""

    BINDINGS: ClassVar = [Binding("s", "show_secrets", "Secrets too")]

    def __init__(self, frames: Sequence[Frame]) -> None:
        super().__init__(frames_text(frames), at_end=True)
        self._frames = frames

    def action_show_secrets(self) -> None:
        """All of it."""
        self.query_one(Static).update(frames_text(self._frames, secrets=True))


class Ask(ModalScreen[str | None]):
    """One line to be typed; Esc gives none."""

    BINDINGS: ClassVar = [Binding("escape", "close", "Back", priority=True)]

    def __init__(self, question: str, given: str) -> None:
        super().__init__()
        self._question = question
        self._given = given

    def compose(self) -> ComposeResult:
        """The question and the line."""
        with Vertical():
            yield Static(self._question)
            yield Input(self._given)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter."""
        self.dismiss(event.value)

    def action_close(self) -> None:
        """Esc."""
        self.dismiss(None)


def help_text() -> Text:
    """All keys."""
    text = Text("Digits, letters, * and # are typed; a click presses a key of the keypad.\n\n")
    for title, group in (
        ("The phone", keys.PHONE),
        ("More", keys.MORE),
        ("Faults", keys.FAULTS),
        ("Replay", keys.REPLAY),
    ):
        text.append(f"{title}\n", "bold #7fb3d5")
        for key in group:
            text.append(f"  {key.label:<10}", "bold #ffd166")
            text.append(f"{key.help}\n")
        text.append("\n")
    return text.append("Esc, arrows: back, scroll")


def frames_text(frames: Iterable[Frame], *, secrets: bool = False) -> Text:
    """What went over the wire; `»` out to the service, `«` in."""
    text = Text()
    for frame in frames:
        clock = datetime.fromtimestamp(frame.at).astimezone().strftime("%H:%M:%S.%f")[:-3]
        style = "bold #ffd166" if frame.out else "bold #7fb3d5"
        text.append(f"{clock} {'»' if frame.out else '«'} {frame.number} {frame.head}\n", style)
        shown = f"{HIDDEN[:-1]}; S shows it)" if frame.secret and not secrets else frame.text
        for line in shown.split("\n"):
            text.append(f"    {line}\n")
    return text if text.plain else Text("nothing has gone over the wire yet")
