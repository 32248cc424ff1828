"""The state machine's edges: what the author wrote, what follows from it, and what every state has.

The trigger names are listed in docs/decisions/state-machine.md. Edges that every screen has (paging, wrong
answers, the way home, aborts) are housekeeping: pictures and proofs leave them out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from transitions import EventData

from ussd_engine.actions import Action
from ussd_engine.compiler.graph import inside, next_shown
from ussd_engine.core.service import (
    ANEW,
    BACK,
    FAILED,
    GAVE_UP,
    IDLE,
    LATE,
    OFF,
    OFFER,
    RESUME,
    START,
    WRONG_DIAL,
    AnyState,
    Do,
    End,
    Invoke,
    Listing,
    Question,
    Return,
    Screen,
    Shortcut,
    Shown,
    Switch,
    pushed_to,
)

Guard = Callable[[EventData], bool]


@dataclass(frozen=True, slots=True)
class Edge:
    """One transition.

    `implied`: the author did not write it. `sets`: the variables that are surely set on the way. `resets`:
    all variables are dropped on the way.
    """

    trigger: str
    source: str
    target: str
    guard: Guard | None = None
    implied: bool = False
    sets: frozenset[str] = frozenset()
    resets: bool = False


def successors(edges: Iterable[Edge]) -> dict[str, list[str]]:
    """Group targets by source."""
    found: dict[str, list[str]] = defaultdict(list)
    for edge in edges:
        found[edge.source].append(edge.target)
    return found


def authored(
    states: Mapping[str, AnyState], start: str, actions: Mapping[str, Action] | None = None
) -> Iterator[Edge]:
    """Yield the edges an author wrote, `back` excepted; targets may be missing."""
    known = actions or {}
    for name, state in states.items():
        match state:
            case Screen():
                for option in state.options:
                    if option.goto == START:
                        yield Edge(option.key, name, start, resets=True)
                    elif option.goto not in (BACK, RESUME, ANEW):
                        yield Edge(option.key, name, option.goto)
            case Question():
                yield Edge("answer", name, state.goto, sets=frozenset({state.variable}))
            case Listing():
                if state.goto is not None:
                    chosen = frozenset({state.variable} if state.variable else ())
                    yield Edge("pick", name, state.goto, sets=chosen)
                    if state.picks_only_row:
                        yield Edge("=one", name, state.goto, sets=chosen)
                for result, target in state.on.items():
                    yield Edge(f"={result}", name, target)
            case Do():
                action = known.get(state.action)
                for result, target in state.on.items():
                    sets = action.results.get(result, ()) if action is not None else ()
                    yield Edge(f"={result}", name, target, sets=frozenset(sets))
            case Invoke():
                yield Edge("call", name, state.target)
            case Switch():
                for value, target in state.cases.items():
                    yield Edge("case", name, target, _equals(state.variable, value))
                if state.otherwise is not None:
                    yield Edge("case", name, state.otherwise)


def returning(states: Mapping[str, AnyState], after: Mapping[str, Iterable[str]]) -> Iterator[Edge]:
    """Yield `return>C` from every `return` that can end a call made by C."""
    for name, state in states.items():
        if isinstance(state, Invoke):
            for back in sorted(inside(states, after, state.target)[1]):
                ends = states[back]
                if isinstance(ends, Return) and ends.result in state.on:
                    yield Edge(f"return>{name}", back, state.on[ends.result])


def resuming(states: Mapping[str, AnyState], entries: Iterable[str]) -> Iterator[Edge]:
    """Yield the ways from a dialogue's first screen, or list, to where it may go on after a cut."""
    resumable = [name for name, state in states.items() if state.resume != "never"]
    for entry in entries:
        for name in resumable:
            yield Edge(f"redial>{name}", entry, name, implied=True)
        if OFFER in states:
            yield Edge("offer", entry, OFFER, implied=True)
            yield Edge(f"anew>{entry}", OFFER, entry, implied=True)
    for name in resumable if OFFER in states else ():
        yield Edge(f"redial>{name}", OFFER, name, implied=True)


def late_answer(name: str) -> str:
    """Name the end that is shown when an answer comes too late for a state."""
    return f"{name}!late"


def too_late(states: Mapping[str, AnyState]) -> Iterator[Edge]:
    """Yield the ways to what is shown when an answer comes too late."""
    for name in states:
        if late_answer(name) in states:
            yield Edge("too_late", name, late_answer(name), implied=True)


def dialled(
    states: Mapping[str, AnyState],
    entries: Iterable[str],
    shortcuts: Mapping[str, tuple[Shortcut, ...]],
) -> Iterator[Edge]:
    """Yield the edges of published shortcuts, from the screens a dialogue can begin on."""
    for entry in entries:
        yield Edge("wrong_dial", entry, WRONG_DIAL, implied=True)
        for shortcut in shortcuts.get(states[entry].menu, ()):
            yield Edge(f"dial {shortcut.name}", entry, shortcut.goto, sets=frozenset(shortcut.variables))
            yield Edge(f"wrong {shortcut.name}", entry, wrong_format(shortcut))
            if holds_secret(states, shortcut):
                continue
            for place, (variable, question) in enumerate(
                zip(shortcut.variables, shortcut.questions, strict=True)
            ):
                if question:
                    refused = f"dial {shortcut.name} {variable}"
                    before = frozenset(shortcut.variables[:place])  # those after it may be refused as well
                    yield Edge(refused, entry, question, sets=before)


def pushed(pushes: Mapping[str, Iterable[str]]) -> Iterator[Edge]:
    """Yield the beginnings of dialogues that the service begins by itself, with what each is given."""
    for name, given in pushes.items():
        yield Edge(pushed_to(name), IDLE, name, implied=True, sets=frozenset(given))


def holds_secret(states: Mapping[str, AnyState], shortcut: Shortcut) -> bool:
    """Tell whether a field is secret: then none is asked for again, for what was dialled would be kept."""
    asked = (states.get(question) for question in shortcut.questions)
    return any(isinstance(question, Question) and question.type.secret for question in asked)


def wrong_format(shortcut: Shortcut) -> str:
    """Name the end that shows a shortcut's format."""
    return f"{shortcut.menu}.!{shortcut.name}"


def housekeeping(states: Mapping[str, AnyState], start: str) -> Iterator[Edge]:
    """Yield the edges every state of a kind has."""
    yield from too_late(states)
    yield Edge("begin", IDLE, start, implied=True)
    for name, state in states.items():
        if isinstance(state, Do | Listing):
            for trigger, target in (("=failed", FAILED), ("=late", LATE)):
                if trigger[1:] not in state.on:
                    yield Edge(trigger, name, target, implied=True)
        if not isinstance(state, Shown):
            continue
        if isinstance(state, Listing):
            yield Edge("=page", name, name, implied=True)
            if state.ends_on_last:
                yield Edge("=last", name, OFF, implied=True)
        for trigger in ("wrong", "more", "less"):
            yield Edge(trigger, name, name, implied=True)
        for trigger, target in (("gave_up", GAVE_UP), ("aborted", OFF), ("timed_out", OFF)):
            yield Edge(trigger, name, target, implied=True)
        if isinstance(state, Screen | Listing):
            yield Edge("home", name, start, implied=True, resets=True)


def ways_back(states: Mapping[str, AnyState], edges: Iterable[Edge]) -> Iterator[Edge]:
    """Yield `back>P` from every screen that P can come right before, and is kept in the history."""
    after = successors(edge for edge in edges if not edge.resets)
    for name, state in states.items():
        if not isinstance(state, Screen | Question | Listing):
            continue
        for follower in next_shown(states, after, after.get(name, ())):
            found = states[follower]
            if follower != name and not isinstance(found, End) and not found.clears_history:
                yield Edge(f"back>{name}", follower, name, implied=True)


def _equals(variable: str, value: str) -> Guard:
    def holds(event: EventData) -> bool:
        walk: Any = event.model
        found = walk.session.variables.get(variable)
        return (str(found).lower() if isinstance(found, bool) else str(found)) == value

    return holds
