"""Which states and transitions of a service its scenarios have been to."""

from __future__ import annotations

from dataclasses import dataclass

from transitions import EventData

from ussd_engine.compiler.edges import authored, dialled, successors, wrong_format
from ussd_engine.compiler.graph import next_shown
from ussd_engine.core.service import FAILED, GAVE_UP, LATE, OFF, WRONG_DIAL, Question, Screen, Service

ENGINES_OWN = frozenset({FAILED, GAVE_UP, LATE, OFF, WRONG_DIAL})


@dataclass(frozen=True, slots=True, order=True)
class Move:
    """A transition that an author wrote: an option, an accepted answer, a result, a case, a shortcut."""

    source: str
    trigger: str
    target: str

    def __str__(self) -> str:
        return f"{self.source} --{self.trigger}--> {self.target}"


def move_of(event: EventData) -> Move:
    """The transition that a machine is making."""
    transition = event.transition
    assert transition is not None
    return Move(transition.source, event.event.name, str(transition.dest))


def moves(service: Service) -> tuple[Move, ...]:
    """All transitions that the service's author wrote, in the order of the menus."""
    own = list(authored(service.states, service.start))
    after = successors(own)
    entries = [
        name
        for name in next_shown(service.states, after, [service.start])
        if isinstance(service.states[name], Screen | Question)
    ]
    by_shortcut = dialled(service.states, sorted(entries), service.shortcuts)
    never = _never(service)
    written = [Move(e.source, e.trigger, e.target) for e in (*own, *by_shortcut) if not e.implied]
    return tuple(
        dict.fromkeys(move for move in written if move.target not in never and not _asks(move, service))
    )


def _never(service: Service) -> set[str]:
    """Ends for the wrong form of shortcuts that have none: what isn't theirs is answers typed ahead."""
    return {
        wrong_format(shortcut)
        for shortcuts in service.shortcuts.values()
        for shortcut in shortcuts
        if shortcut.rest or not shortcut.fixed
    }


def _asks(move: Move, service: Service) -> bool:
    """Tell whether a shortcut without a fixed part would ask for a field again: it claims right ones only."""
    return any(
        move.trigger == f"dial {shortcut.name} {variable}"
        for shortcut in service.shortcuts.get(service.states[move.source].menu, ())
        for variable in shortcut.variables
        if not shortcut.fixed
    )


class Coverage:
    """Counts what a service's machine does from now on, whoever plays on it."""

    def __init__(self, service: Service) -> None:
        self.moves = moves(service)
        unseen = ENGINES_OWN | _never(service)
        self.states = tuple(name for name in service.states if name not in unseen)
        self.taken: dict[Move, int] = {}
        self.entered: dict[str, int] = {}
        service.machine.after_state_change = [*service.machine.after_state_change, self._note]

    def _note(self, event: EventData) -> None:
        move = move_of(event)
        self.taken[move] = self.taken.get(move, 0) + 1
        self.entered[move.target] = self.entered.get(move.target, 0) + 1

    def missed_moves(self) -> list[Move]:
        """The transitions that nobody has taken."""
        return [move for move in self.moves if move not in self.taken]

    def missed_states(self) -> list[str]:
        """The states that nobody has been in."""
        return [name for name in self.states if name not in self.entered]

    def table(self) -> str:
        """A line a menu, then what was missed."""
        rows = [("menu", "states", "transitions")]
        menus = list(dict.fromkeys(_menu(name) for name in self.states))
        rows += [(menu, *self._figures(menu)) for menu in menus]
        rows.append(("all", *self._figures(None)))
        widths = [max(len(row[column]) for row in rows) for column in range(3)]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        ]
        missed = self.missed_moves()
        if missed:
            lines += ["", "not taken:", *(f"  {move}" for move in missed)]
        return "\n".join(lines)

    def _figures(self, menu: str | None) -> tuple[str, str]:
        states = [name for name in self.states if menu in (None, _menu(name))]
        own = [move for move in self.moves if menu in (None, _menu(move.source))]
        been = sum(name in self.entered for name in states)
        return f"{been} of {len(states)}", f"{sum(move in self.taken for move in own)} of {len(own)}"


def _menu(name: str) -> str:
    return name.partition(".")[0]
