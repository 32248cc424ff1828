"""The parts of a screen that may come and go, and which of them must go so that the rest fits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ussd_engine.compiler.sizes.costs import NOTHING, Cost, joined
from ussd_engine.core.screens import giving_way


@dataclass(frozen=True, slots=True)
class Frame:
    """What each part of a screen costs at worst; `turning`: the lines of a list that turn its pages."""

    note: Cost
    title: Cost
    body: Cost
    foot: Cost
    turning: Cost = NOTHING

    def whole(self) -> Cost:
        """Return what all of it costs without the note."""
        return joined((self.title, self.body, self.turning, self.foot))

    def fitting(self, octets: int, *, replaced: bool, dropped: bool) -> tuple[tuple[str, ...], bool]:
        """Find what may be left out, and whether the screen then fits in one piece whatever it shows.

        `replaced`, `dropped`: as in `core.screens.giving_way`.
        """
        left_out: frozenset[str] = frozenset()
        fits = False
        for each in (self, replace(self, note=NOTHING)):
            for dropping, cost in each.attempts(replaced=replaced, dropped=dropped):
                fits = cost.octets <= octets
                if fits:
                    left_out |= dropping
                    break
            else:
                courtesies = {"note": each.note, "back": each.foot}
                left_out |= {name for name, cost in courtesies.items() if cost is not NOTHING}
        return tuple(name for name in ("back", "note", "title") if name in left_out), fits

    def attempts(self, *, replaced: bool, dropped: bool) -> Iterator[tuple[frozenset[str], Cost]]:
        """Yield, in the order of `giving_way`, what is left out and what the rest costs."""
        present = {"note": self.note, "title": self.title, "back": self.foot}
        named = [name if present[name] is not NOTHING else "" for name in ("note", "title", "back")]
        for kept in giving_way(named[0], named[1], named[2], replaced=replaced, dropped=dropped):
            note, title, foot = (present[name] if name else NOTHING for name in kept)
            left_out = frozenset(name for name in named if name and name not in kept)
            yield left_out, joined((note, title, self.body, self.turning, foot))
