"""Inputs whose text must not be written down: only how long they were, and how they were judged.

The step tells with these what it took; a journal keeps them, and a replay hands them back to the step, which
repeats the verdict instead of reading the text.
"""

from __future__ import annotations

from ussd_engine.core.answers import Accepted, AnswerType, Refused, Verdict

UNREAD = "unread"
"""The code of an input that was dropped before anything judged it."""
_DOT = "•"
_NEVER_TAKEN = "\0"


class Masked(str):
    """Dots, as many as the input had characters.

    Attributes:
        code: why it was refused; empty where it was accepted, `UNREAD` where it was dropped.
        readable: as `Refused.readable`.
    """

    __slots__ = ("code", "readable")
    code: str
    readable: bool

    def __new__(cls, length: int, code: str = "", *, readable: bool = False) -> Masked:
        masked = super().__new__(cls, _DOT * length)
        masked.code = code
        masked.readable = readable
        return masked

    def strip(self, _chars: str | None = None, /) -> Masked:
        """It stays what it is."""
        return self

    def verdict(self, kind: AnswerType, caller: str) -> Verdict:
        """Repeat the verdict; the limits that a refusal shows are those of `kind`."""
        if not self.code:
            return Accepted(str(self))
        # No type takes a control character, and all show their limits when they refuse it.
        refused = kind.read(_NEVER_TAKEN, caller)
        limits = refused.values if isinstance(refused, Refused) else {}
        return Refused(self.code, limits, self.readable)


def judge(kind: AnswerType, text: str, caller: str) -> Verdict:
    """Read an input by its question's type."""
    return text.verdict(kind, caller) if isinstance(text, Masked) else kind.read(text, caller)
