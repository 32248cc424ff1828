"""Actions exist, their results are handled, their arguments are what they take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ussd_engine.actions import Action
from ussd_engine.compiler.proofs.subject import Subject
from ussd_engine.compiler.texts import nearest
from ussd_engine.core.errors import Problem
from ussd_engine.core.service import Arg, Do, Listing

ALWAYS_HANDLED = frozenset({"failed", "late"})
"""Results that lead to the engine's own ends where a menu does not name them."""

_FITS: Mapping[str, frozenset[str]] = {
    "text": frozenset({"text", "digits", "msisdn", "word", "choice", "id"}),
    "digits": frozenset({"digits", "msisdn"}),
    "id": frozenset({"id", "text"}),
    "word": frozenset({"word", "choice", "text"}),
    "time": frozenset({"time", "integer"}),
}
"""For a parameter's kind, the other kinds of value that it takes."""


def actions_fit(subject: Subject) -> Iterator[Problem]:
    """Every action is used as it was declared."""
    for name, state in subject.states.items():
        if not isinstance(state, Do | Listing):
            continue
        action = subject.actions.get(state.action)
        if action is None:
            what = f"no action is named '{state.action}'."
            mend = nearest(state.action, list(subject.actions))
            yield subject.at(name, "unknown-action", what, mend, _field(state), on_key=False)
        elif (action.row is None) == isinstance(state, Listing):
            yield _misplaced(subject, name, state, action)
        else:
            yield from _row_is_known(subject, name, state, action)
            yield from _results_are_handled(subject, name, state, action)
        if action is not None:
            yield from _arguments_are_taken(subject, name, state, action)
            yield from _nothing_is_missing(subject, name, state, action)


def _field(state: Do | Listing) -> str:
    return "do" if isinstance(state, Do) else "list"


def _misplaced(subject: Subject, name: str, state: Do | Listing, action: Action) -> Problem:
    if isinstance(state, Listing):
        what, mend = f"action '{action.name}' returns no rows.", "Use it with `do:`."
        return subject.at(name, "not-a-list", what, mend, "list", on_key=False)
    what, mend = f"action '{action.name}' returns rows.", "Use it with `list:`."
    return subject.at(name, "not-a-do", what, mend, "do", on_key=False)


def _row_is_known(subject: Subject, name: str, state: Do | Listing, action: Action) -> Iterator[Problem]:
    if not isinstance(state, Listing) or action.row is None:
        return
    for slot in sorted(state.row.names):
        if slot.startswith("row.") and slot not in action.row:
            what = f"a row of '{action.name}' has no '{slot}'."
            mend = nearest(slot, list(action.row))
            yield subject.at(name, "unknown-variable", what, mend, "row", on_key=False)


def _results_are_handled(
    subject: Subject, name: str, state: Do | Listing, action: Action
) -> Iterator[Problem]:
    declared = set(action.results) - {"rows"}
    own = {"none"} if isinstance(state, Listing) else set()
    for result in state.on:
        if result not in declared | ALWAYS_HANDLED | own:
            what = f"action '{action.name}' never returns '{result}'."
            mend = nearest(result, sorted(declared | ALWAYS_HANDLED))
            yield subject.at(name, "unknown-result", what, mend, "on", result)
    missing = sorted(declared - ALWAYS_HANDLED - set(state.on))
    if missing:
        plural = "s" if len(missing) > 1 else ""
        what = f"result{plural} {', '.join(missing)} of '{action.name}' lead nowhere."
        yield subject.at(name, "unhandled-result", what, f"Add `{missing[0]}: …` under `on:`.", "on")


def _arguments_are_taken(
    subject: Subject, name: str, state: Do | Listing, action: Action
) -> Iterator[Problem]:
    for parameter, arg in state.args.items():
        shape = action.parameters.get(parameter)
        if shape is None:
            what = f"action '{action.name}' takes no '{parameter}'."
            mend = nearest(parameter, list(action.parameters))
            yield subject.at(name, "unknown-argument", what, mend, "with", parameter)
            continue
        if shape.kind == "state":
            yield from _is_a_push(subject, name, parameter, arg)
            continue
        fitting = _FITS.get(shape.kind, frozenset()) | {shape.kind}
        wrong = sorted(_kinds_of(arg, subject.kinds) - fitting)
        if wrong:
            given = arg.literal if arg.variable is None else arg.variable
            what = f"'{parameter}' of '{action.name}' is {shape.kind}, '{given}' is {wrong[0]}."
            mend = "Give it a variable of that kind."
            yield subject.at(name, "argument-kind", what, mend, "with", parameter)


def _is_a_push(subject: Subject, name: str, parameter: str, arg: Arg) -> Iterator[Problem]:
    """A state that an action is told to begin at stands there by its full name, and may be begun at."""
    known = subject.draft.pushes
    if arg.variable is not None or str(arg.literal) not in known:
        given = arg.variable if arg.variable is not None else arg.literal
        what = f"'{parameter}' is a state with `push:`, '{given}' is none."
        mend = f"In quotes inside quotes: {parameter}: \"'{next(iter(known), 'menu.state')}'\"."
        yield subject.at(name, "push-state", what, mend, "with", parameter)


def _nothing_is_missing(
    subject: Subject, name: str, state: Do | Listing, action: Action
) -> Iterator[Problem]:
    for parameter, shape in action.parameters.items():
        if parameter not in state.args and not shape.optional:
            what = f"action '{action.name}' needs '{parameter}'."
            yield subject.at(name, "missing-argument", what, f"Add `with: {{{parameter}: …}}`.")


def _kinds_of(arg: Arg, known: Mapping[str, set[str]]) -> set[str]:
    if arg.variable is not None:
        return known.get(arg.variable, set())
    if isinstance(arg.literal, bool):
        return {"flag"}
    return {"integer" if isinstance(arg.literal, int) else "text"}
