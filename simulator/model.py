"""A phone as its owner has it in hand: keys, the line being typed, the screen, calls made, messages.

Pure: what has to go to the network leaves as a `Sent`, what came from there is told by `shown`, `lost`, …
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

TYPED_MAX: Final = 182
"""Septets of a USSD string (3GPP TS 23.038 §5); no phone lets its owner type more."""
HISTORY_MAX: Final = 50
_CODE: Final = re.compile(r"[*#][0-9A-Za-z*#.\-]*#")


class Mode(Enum):
    """What the phone is doing."""

    IDLE = "idle"
    WAITING = "waiting"
    OPEN = "open"
    ENDED = "ended"
    LOST = "no answer"


class Cause(Enum):
    """Who ended the dialogue."""

    SERVICE = "the service said its last word"
    USER = "hung up by the user"
    NETWORK = "aborted by the network"
    TIMEOUT = "timed out"
    LOST = "no answer came"
    REFUSED = "the gateway could not be used"


@dataclass(frozen=True, slots=True)
class Dial:
    """A dialogue begins."""

    code: str


@dataclass(frozen=True, slots=True)
class Answer:
    """Something was typed into an open dialogue; not shown, since it may be a PIN."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Again:
    """What got no answer is sent once more, as it was."""


Sent = Dial | Answer | Again


@dataclass(frozen=True, slots=True)
class Message:
    """An SMS. `at`: as the service writes times; `parts`: how many SMS carry it."""

    at: str
    sender: str
    text: str
    parts: int = 1


class Handset:
    """One phone.

    Attributes:
        typed: the line being typed.
        secret: what is typed now is a PIN or a code: it is shown as dots.
        text: what the screen shows; empty at rest.
        pushed: the network began this dialogue.
        notice: the phone's own word, below the screen.
        cause: who ended the last dialogue; None while there is none.
        reading: index of the message on the screen, newest first; None where the screen is USSD's.
    """

    def __init__(self, number: str, name: str = "") -> None:
        self.number = number
        self.name = name
        self.mode = Mode.IDLE
        self.typed = ""
        self.secret = False
        self.text = ""
        self.pushed = False
        self.notice = ""
        self.cause: Cause | None = None
        self.history: list[str] = []
        self.inbox: list[Message] = []
        self.reading: int | None = None
        self._seen: set[Message] = set()
        self._recalled: int | None = None

    # --- keys ---------------------------------------------------------------------------------------------

    def press(self, keys: str) -> None:
        """Type `keys`; control characters are passed over."""
        if self.mode is Mode.WAITING:
            return
        self.reading = None
        self._recalled = None
        if self.mode in (Mode.ENDED, Mode.LOST) and not self.typed:
            self._rest()
        self.typed = (self.typed + "".join(key for key in keys if key.isprintable()))[:TYPED_MAX]

    def clear(self) -> None:
        """The C key: the last character; on an ended screen the screen."""
        self.notice = ""
        if self.typed:
            self.typed = self.typed[:-1]
        elif self.mode in (Mode.ENDED, Mode.LOST):
            self._rest()

    def clear_line(self) -> None:
        """C held down: the whole line."""
        self.typed = ""

    def older(self) -> None:
        """Up: the call made before; in the messages, the next older one."""
        if self.reading is not None:
            self.read(self.reading + 1)
        elif self._may_dial and self.history:
            self._recall(len(self.history) - 1 if self._recalled is None else max(self._recalled - 1, 0))

    def newer(self) -> None:
        """Down: the call made after; in the messages, the next newer one."""
        if self.reading is not None:
            self.read(self.reading - 1)
        elif self._may_dial and self._recalled is not None:
            if self._recalled + 1 < len(self.history):
                self._recall(self._recalled + 1)
            else:
                self._recalled, self.typed = None, ""

    def call(self) -> Sent | None:
        """The green key: what goes to the network now, if anything does."""
        self.notice = ""
        if self.reading is not None:
            self.reading = None
            return None
        if self.mode is Mode.WAITING:
            return None
        if self.mode is Mode.OPEN:
            text, self.typed = self.typed, ""
            self.mode = Mode.WAITING
            return Answer(text)
        if self.mode is Mode.LOST and not self.typed:
            self.mode, self.cause = Mode.WAITING, None
            return Again()
        if not self.typed:
            self.older()
            return None
        return self._dial()

    def end(self) -> bool:
        """The red key; True where the network has to be told that the dialogue is over."""
        self.reading = None
        was_open = self.mode in (Mode.OPEN, Mode.WAITING)
        if was_open:
            self.ended(Cause.USER)
            self.text = ""
            self.mode = Mode.IDLE
        elif self.mode is Mode.IDLE:
            self.typed, self.notice = "", ""
        else:
            self._rest()
        self._recalled = None
        return was_open

    # --- messages -----------------------------------------------------------------------------------------

    @property
    def unread(self) -> int:
        """Messages not looked at yet."""
        return sum(message not in self._seen for message in self.inbox)

    def is_new(self, message: Message) -> bool:
        """Whether `message` was not looked at yet."""
        return message not in self._seen

    def receive(self, messages: Sequence[Message]) -> int:
        """Take the whole inbox, oldest first; how many came since the last time."""
        known = set(self.inbox)
        came = sum(message not in known for message in messages)
        self.inbox = list(messages)
        return came

    def know_all(self) -> None:
        """What is in the inbox now is old: it was there before this handset was."""
        self._seen.update(self.inbox)

    def read(self, index: int) -> None:
        """Show the message of that number, 0 the newest; an empty inbox shows itself."""
        self.reading = min(max(index, 0), max(len(self.inbox) - 1, 0))
        if self.inbox:
            self._seen.add(self.inbox[-1 - self.reading])

    # --- what comes ---------------------------------------------------------------------------------------

    def shown(self, text: str, *, is_open: bool) -> None:
        """A screen came."""
        self.text = text
        self.secret = False
        self.mode = Mode.OPEN if is_open else Mode.ENDED
        self.cause = None if is_open else Cause.SERVICE
        if not is_open:
            self.typed = ""

    def push(self, text: str, *, waits: bool) -> bool:
        """The network shows something by itself; False: the phone is in a dialogue and can't."""
        if self.mode in (Mode.OPEN, Mode.WAITING):
            return False
        self.reading, self.typed, self.notice = None, "", ""
        self.shown(text, is_open=waits)
        self.pushed = True
        return True

    def lost(self, why: str) -> None:
        """No answer came; the green key sends it again."""
        self.mode, self.cause, self.notice = Mode.LOST, Cause.LOST, why

    def refused(self, why: str) -> None:
        """The gateway answered what a network would drop, or is out of reach."""
        self.mode, self.cause, self.notice = Mode.LOST, Cause.REFUSED, why

    def ended(self, cause: Cause) -> None:
        """The dialogue is over without a last screen."""
        self.mode, self.cause = Mode.ENDED, cause
        self.typed, self.secret = "", False
        self.notice = f"({cause.value})"

    def _dial(self) -> Dial | None:
        code = self.typed
        if not _CODE.fullmatch(code):
            self.notice = "A USSD code begins with * and ends with #"
            return None
        if code in self.history:
            self.history.remove(code)
        self.history = [*self.history, code][-HISTORY_MAX:]
        self._recalled, self.typed, self.text = None, "", ""
        self.mode, self.cause, self.pushed = Mode.WAITING, None, False
        return Dial(code)

    @property
    def _may_dial(self) -> bool:
        return self.mode not in (Mode.OPEN, Mode.WAITING)

    def _recall(self, index: int) -> None:
        if self.mode in (Mode.ENDED, Mode.LOST):
            self._rest()
        self._recalled, self.typed = index, self.history[index]

    def _rest(self) -> None:
        self.mode, self.text, self.typed, self.notice = Mode.IDLE, "", "", ""
        self.secret = self.pushed = False
