"""Every state can be reached, leads to an end, and is not too many steps from the next screen."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from ussd_engine.compiler.edges import ways_back
from ussd_engine.compiler.graph import circles, longest_chains, reach
from ussd_engine.compiler.proofs.subject import Subject, short
from ussd_engine.core.arriving import HOPS_MAX
from ussd_engine.core.errors import Problem
from ussd_engine.core.service import BACK, Do, End, Invoke, Listing, Return, Screen, Shown, Switch
from ussd_engine.core.step import ACTIONS_MAX


def all_reachable(subject: Subject) -> Iterator[Problem]:
    """Every state can be reached by some dialogue."""
    found = reach(subject.after, subject.begins)
    for name, state in subject.states.items():
        if name in found or not subject.has_place(name) or ".!" in name:
            continue
        what = f"no way leads to state '{short(name)}' of menu '{state.menu}'."
        yield subject.at(name, "unreachable", what, "Send an option or a result to it, or delete it.")


def ends_in_reach(subject: Subject) -> Iterator[Problem]:
    """From every state some answers lead to an end."""
    before: dict[str, list[str]] = {}
    for edge in (*subject.moves, *ways_back(subject.states, subject.moves)):
        goes = not edge.trigger.startswith("back>") or _offers_back(subject, edge.source)
        if goes and not edge.trigger.startswith("wrong"):
            before.setdefault(edge.target, []).append(edge.source)
    closing = [
        name
        for name, state in subject.states.items()
        if isinstance(state, End) or (isinstance(state, Listing) and state.ends_on_last)
    ]
    found = reach(before, closing)
    for name in subject.states:
        if name not in found and subject.has_place(name):
            what = f"from state '{short(name)}' no end can be reached: it would go round for ever."
            yield subject.at(name, "no-end", what, "Let some option or result lead to a state with `end:`.")


def _offers_back(subject: Subject, name: str) -> bool:
    """Tell whether the way back is open: an option may have taken its key for something else."""
    state = subject.states[name]
    if not isinstance(state, Screen):
        return True
    taken = state.by_key.get(subject.draft.keys.back)
    return taken is None or taken.goto == BACK


def no_loops(subject: Subject) -> Iterator[Problem]:
    """No circle of actions and switches without a screen in it."""
    order = {name: place for place, name in enumerate(subject.states)}
    for group in circles(_unseen(subject)):
        names = sorted(group, key=lambda name: order[name])
        what = f"{_quoted(names)} can come again without a screen in between."
        yield subject.at(names[0], "action-loop", what, "Show something on the way, or end.")


def chains_are_short(subject: Subject) -> Iterator[Problem]:
    """So few actions follow one another, and so few other states, that one turn can pass through them."""
    after = _unseen(subject)
    # An action ends a step: what comes after it is counted anew.
    between = {name: to for name, to in after.items() if isinstance(subject.states[name], _PASSED)}
    yield from _too_long(
        subject, after, lambda name: isinstance(subject.states[name], Do | Listing), ACTIONS_MAX, "actions"
    )
    yield from _too_long(
        subject,
        between,
        lambda name: isinstance(subject.states[name], _PASSED),
        HOPS_MAX - 1,
        "switches, calls and returns",
    )


_PASSED = Switch | Invoke | Return


def _too_long(
    subject: Subject,
    after: Mapping[str, list[str]],
    counts: Callable[[str], bool],
    most: int,
    of_what: str,
) -> Iterator[Problem]:
    lengths = longest_chains(after, counts)
    longest = max(lengths, key=lambda name: lengths[name], default="")
    if lengths.get(longest, 0) > most:
        what = f"from state '{short(longest)}' {lengths[longest]} {of_what} can follow without a screen."
        yield subject.at(longest, "long-chain", what, f"Show something on the way; {most} are the most.")


def _unseen(subject: Subject) -> dict[str, list[str]]:
    """Where actions, switches, and lists that are empty or have one row lead on without a screen."""
    after: dict[str, list[str]] = {}
    for edge in subject.moves:
        if not isinstance(subject.states[edge.source], Shown) or edge.trigger.startswith("="):
            after.setdefault(edge.source, []).append(edge.target)
    return after


def _quoted(names: list[str]) -> str:
    return " and ".join(f"'{short(name)}'" for name in names[:5]) + (" and others" if names[5:] else "")
