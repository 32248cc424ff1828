"""What a state shows and reads, and so which variables must stay in a session that waits there."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping

from ussd_engine.compiler.edges import Edge
from ussd_engine.compiler.source import Path
from ussd_engine.core.service import AnyState, Do, End, Listing, Question, Screen, Switch, Text


def texts_of(state: AnyState) -> Iterator[tuple[Path, Text]]:
    """Yield a state's texts, and where each stands below the state."""
    match state:
        case Screen():
            yield ("text",), state.text
            for index, option in enumerate(state.options):
                yield ("options", index, "text"), option.text
        case Listing():
            if state.text is not None:
                yield ("text",), state.text
            yield ("row",), state.row
        case Question():
            yield ("ask",), state.text
        case End():
            yield ("end",), state.text


def reads(states: Mapping[str, AnyState]) -> dict[str, frozenset[str]]:
    """For each state, the variables it reads itself."""
    return {name: frozenset(_reads(state)) for name, state in states.items()}


def _reads(state: AnyState) -> Iterator[str]:
    for _, text in texts_of(state):
        yield from (name for name in text.names if not name.startswith("row."))
    if isinstance(state, Screen):
        yield from (option.when for option in state.options if option.when is not None)
    elif isinstance(state, Switch):
        yield state.variable
    elif isinstance(state, Do | Listing):
        yield from (arg.variable for arg in state.args.values() if arg.variable is not None)


def live_variables(reads: Mapping[str, frozenset[str]], edges: Iterable[Edge]) -> dict[str, frozenset[str]]:
    """For each state, the variables that it or a state ahead may read before they are set anew.

    States that need the same share one set, so that thousands of them cost little.
    """
    before: dict[str, list[Edge]] = defaultdict(list)
    for edge in edges:
        if not edge.resets and edge.source in reads:
            before[edge.target].append(edge)
    live = dict(reads)
    queue = deque(name for name in live if live[name])
    while queue:
        name = queue.popleft()
        for edge in before.get(name, ()):
            needed = live[name] - edge.sets
            if not needed <= live[edge.source]:
                live[edge.source] |= needed
                queue.append(edge.source)
    shared: dict[frozenset[str], frozenset[str]] = {}
    return {name: shared.setdefault(names, names) for name, names in live.items()}
