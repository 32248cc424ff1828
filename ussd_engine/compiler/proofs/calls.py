"""Every `return` is inside a call, and every call handles what can be returned, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator

from ussd_engine.compiler.graph import inside
from ussd_engine.compiler.proofs.subject import Subject, short
from ussd_engine.compiler.texts import nearest
from ussd_engine.core.errors import Problem
from ussd_engine.core.service import Invoke, Return


def calls_return(subject: Subject) -> Iterator[Problem]:
    """Returns and calls fit one another."""
    states, after = subject.states, subject.after
    outside = {back for begin in subject.begins for back in inside(states, after, begin)[1]}
    for loose in sorted(outside):
        what = f"state '{short(loose)}' returns, but is reached without a call."
        mend = "Go there by `call:`, or lead on with `goto:`."
        yield subject.at(loose, "return-outside-call", what, mend, "return")
    for name, state in states.items():
        if not isinstance(state, Invoke):
            continue
        found = [states[back] for back in inside(states, after, state.target)[1]]
        results = {back.result for back in found if isinstance(back, Return)}
        for missing in sorted(results - set(state.on)):
            what = f"'{short(state.target)}' can return '{missing}', which leads nowhere."
            yield subject.at(name, "unhandled-result", what, f"Add `{missing}: …` under `on:`.", "on")
        for extra in sorted(set(state.on) - results):
            what = f"'{short(state.target)}' never returns '{extra}'."
            yield subject.at(name, "unknown-result", what, nearest(extra, sorted(results)), "on", extra)
