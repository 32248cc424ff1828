"""What can go wrong, by whose fault it is: the author's, the peer's, the store's, or the caller's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class UssdEngineError(Exception):
    """Base of everything this package raises on purpose."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a menu: where it is, what is wrong in the author's words, and the mend.

    `line` and `column` count from 1. `rule` is a stable name, e.g. ``unknown-field``.
    """

    path: str
    line: int
    column: int
    rule: str
    what: str
    mend: str
    warning: bool = False

    def __post_init__(self) -> None:
        # What an author wrote is quoted and may hold line ends; a problem is one line wherever it is listed.
        object.__setattr__(self, "what", " ".join(self.what.splitlines()))
        object.__setattr__(self, "mend", " ".join(self.mend.splitlines()))

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}: {self.what} {self.mend}"


class MenuError(UssdEngineError):
    """The menus can't be used; `problems` holds every mistake found, in file order."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class WireError(UssdEngineError):
    """The peer's request can't be read. `status` is the HTTP status that says so, 400 by default."""

    def __init__(self, message: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class StoreError(UssdEngineError):
    """Sessions are out of reach. `retryable`: nothing was written, the same call may be made again."""

    def __init__(self, message: str, *, retryable: bool = False) -> None:
        super().__init__(message)
        self.retryable = retryable


class SessionEnded(UssdEngineError):
    """An event came for a dialogue that is over."""
