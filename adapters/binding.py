"""To whom a dialogue id belongs: what one gateway's worker remembers of the dialogues that are open.

See docs/decisions/dialogue-binding.md for what it can and can't see.
"""

from __future__ import annotations

BOUND_MAX = 16_384
"""Dialogues remembered for certain: about 3 MB. With more open than this the oldest are forgotten first."""
BOUND_S = 180.0
"""domain.md 3.5: a dialogue's total life. After it, or twice it at most, an id is free."""


class Bindings:
    """The phone of each open dialogue, in two generations: the older one is dropped whole."""

    def __init__(self) -> None:
        self._fresh: dict[int, str] = {}
        self._older: dict[int, str] = {}
        self._turned = 0.0

    def __len__(self) -> int:
        """Dialogues remembered."""
        return len(self._fresh) + len(self._older)

    def owner(self, dialogue: str, msisdn: str, now: float) -> str:
        """Whose `dialogue` is; from now on of `msisdn` if it was nobody's. `now`: seconds on any clock."""
        if len(self._fresh) >= BOUND_MAX // 2 or now - self._turned > BOUND_S:
            stale = now - self._turned > 2 * BOUND_S
            self._older, self._fresh, self._turned = {} if stale else self._fresh, {}, now
        # 64 bits under the process's own random key: a peer can't make two ids collide.
        name = hash(dialogue)
        owner = self._fresh.get(name)
        if owner is None:
            owner = self._fresh[name] = self._older.pop(name, msisdn)
        return owner

    def end(self, dialogue: str) -> None:
        """The dialogue is over, its id free."""
        name = hash(dialogue)
        if self._fresh.pop(name, None) is None:
            self._older.pop(name, None)
