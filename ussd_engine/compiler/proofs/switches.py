"""Every switch leads on, whatever its variable holds."""

from __future__ import annotations

from collections.abc import Iterator

from ussd_engine.compiler.proofs.subject import Subject, short
from ussd_engine.compiler.sizes.domains import Domain
from ussd_engine.core.errors import Problem
from ussd_engine.core.service import Switch


def switches_lead_on(subject: Subject) -> Iterator[Problem]:
    """A switch without `else` names all that its variable can hold: no way would lead on from any other."""
    for name, state in subject.states.items():
        if not isinstance(state, Switch) or state.otherwise is not None:
            continue
        left = next(
            (left for held in subject.domains.get(state.variable, ()) if (left := _left(held, state))), ""
        )
        if left:
            what = f"'{state.variable}' can be {left}, which leads nowhere from state '{short(name)}'."
            yield subject.at(name, "unhandled-result", what, "Add `else: …` under `on:`.", "on")


def _left(held: Domain, state: Switch) -> str:
    """Say what a variable can hold that the switch does not name; empty where there is nothing."""
    for value in held.values:
        word = str(value).lower() if isinstance(value, bool) else str(value)
        if word not in state.cases:
            return f"'{word}'"
    if held.shape.optional:
        return "empty"
    return "" if held.values else "something else"
