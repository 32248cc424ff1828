"""How the simulation says that something is wrong."""

from __future__ import annotations

from collections.abc import Callable


class Violation(BaseException):
    """An invariant is broken. `name` stays the same while a history is made shorter.

    No `Exception`: the code under test must not be able to swallow it.
    """

    def __init__(self, name: str, what: str) -> None:
        super().__init__(f"{name}: {what}")
        self.name = name


def must(name: str, true: bool, what: Callable[[], str] | str) -> None:
    if not true:
        raise Violation(name, what if isinstance(what, str) else what())
