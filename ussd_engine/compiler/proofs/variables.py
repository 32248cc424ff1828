"""On every way to a state, what it reads has been set; what may stay empty, something sets somewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from ussd_engine.actions import Action
from ussd_engine.compiler.edges import Edge
from ussd_engine.compiler.graph import inside
from ussd_engine.compiler.proofs.subject import BUILT_IN, Subject, short
from ussd_engine.compiler.reads import texts_of
from ussd_engine.compiler.source import Path
from ussd_engine.compiler.texts import nearest
from ussd_engine.core.errors import Problem
from ussd_engine.core.service import AnyState, Do, Invoke, Listing, Return, Screen, Switch
from ussd_engine.text.template import Slot

Summaries = Mapping[tuple[str, str], frozenset[str]]
"""For each call and result, the variables set on every way through the call that returns it."""


def set_before_read(subject: Subject) -> Iterator[Problem]:
    """Nothing is read that some way there has not set, or where it may be empty that nothing ever sets."""
    always = frozenset(BUILT_IN)
    begins = {name: always | frozenset(given) for name, given in subject.draft.pushes.items()}
    begins[subject.start] = always
    sure = _set_from(subject, begins, _summaries(subject))
    for name, state in subject.states.items():
        if not subject.has_place(name) or name not in sure:
            continue
        needs = frozenset(_needs(state, subject.actions))
        for below, variable in _mentions(state):
            if variable.startswith("row.") and below == ("row",):
                continue
            needed = (below, variable) in needs
            if variable not in (sure[name] if needed else subject.kinds):
                known = sorted(sure[name] if needed else subject.kinds)
                yield _unset(subject, name, below, variable, known)


def _unset(subject: Subject, name: str, below: Path, variable: str, known: list[str]) -> Problem:
    if variable not in subject.kinds:
        what = f"nothing sets '{variable}', which state '{short(name)}' reads."
        mend = nearest(variable, known)
    else:
        what = f"'{variable}' is not set on every way to state '{short(name)}'."
        mend = (
            "Ask for it on every way, or let the action do without."
            if below == ("with",)
            else "Put the text into […] if it may be empty."
        )
    return subject.at(name, "unset-variable", what, mend, *below, on_key=False)


def _mentions(state: AnyState) -> Iterator[tuple[Path, str]]:
    """Yield all that a state reads, and where it stands."""
    for below, text in texts_of(state):
        yield from ((below, variable) for variable in sorted(text.names))
    if isinstance(state, Screen):
        yield from (
            (("options", i, "when"), o.when) for i, o in enumerate(state.options) if o.when is not None
        )
    elif isinstance(state, Switch):
        yield ("switch",), state.variable
    elif isinstance(state, Do | Listing):
        given = (arg.variable for arg in state.args.values())
        yield from ((("with",), variable) for variable in given if variable is not None)


def _needs(state: AnyState, actions: Mapping[str, Action]) -> Iterator[tuple[Path, str]]:
    """Yield what a state can't do without, and where it stands."""
    for below, text in texts_of(state):
        slots = {
            part.name
            for template in text.by_language.values()
            for part in template.parts
            if isinstance(part, Slot)
        }
        yield from ((below, variable) for variable in sorted(slots))
    if isinstance(state, Switch):
        yield ("switch",), state.variable
    if isinstance(state, Do | Listing) and (action := actions.get(state.action)) is not None:
        for parameter, arg in state.args.items():
            shape = action.parameters.get(parameter)
            if arg.variable is not None and shape is not None and not shape.optional:
                yield ("with",), arg.variable


# --- the greatest fixed point -----------------------------------------------------------------------------


def _set_from(
    subject: Subject, begins: Mapping[str, frozenset[str]], summaries: Summaries
) -> dict[str, frozenset[str]]:
    """For each state in reach of `begins`, the variables set on every way to it, beside its own."""
    sure = dict(begins)
    queue = list(begins)
    while queue:
        name = queue.pop()
        for edge in _followed(subject, name, summaries):
            arriving = sure[name] | edge.sets
            if edge.target == subject.start:
                arriving = frozenset(BUILT_IN)
            known = sure.get(edge.target)
            merged = arriving if known is None else known & arriving
            if merged != known:
                sure[edge.target] = merged
                queue.append(edge.target)
    return sure


def _followed(subject: Subject, name: str, summaries: Summaries) -> Iterator[Edge]:
    """Yield the ways on: a call goes in, and past itself with what it sets; a `return` goes nowhere."""
    state = subject.states[name]
    if isinstance(state, Return):
        return
    yield from subject.ways_out.get(name, ())
    if isinstance(state, Invoke):
        for result, target in state.on.items():
            yield Edge(f"={result}", name, target, sets=summaries.get((name, result), frozenset()))


def _summaries(subject: Subject) -> Summaries:
    """Sum the calls up, each by itself.

    Begins with nothing, so that what holds is what the call itself sets, whoever calls it; inner calls are
    summed up first, and one that comes to itself counts as setting nothing.
    """
    found: dict[tuple[str, str], frozenset[str]] = {}
    calls = {name: state.target for name, state in subject.states.items() if isinstance(state, Invoke)}
    for name in _innermost_first(subject, calls):
        sure = _set_from(subject, {calls[name]: frozenset()}, found)
        for back in inside(subject.states, subject.after, calls[name])[1]:
            ends = subject.states[back]
            if isinstance(ends, Return) and back in sure:
                key = (name, ends.result)
                found[key] = found.get(key, sure[back]) & sure[back]
    return found


def _innermost_first(subject: Subject, calls: Mapping[str, str]) -> Iterable[str]:
    inner = {
        name: inside(subject.states, subject.after, target)[0] & set(calls) for name, target in calls.items()
    }
    ordered: dict[str, None] = {}

    def visit(name: str, above: frozenset[str]) -> None:
        if name not in ordered and name not in above:
            for other in sorted(inner[name]):
                visit(other, above | {name})
            ordered[name] = None

    for name in calls:
        visit(name, frozenset())
    return ordered
