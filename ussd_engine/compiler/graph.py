"""What can be reached from where, in a service whose states lead to one another.

`after` is where each node leads; the nodes are names of states.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping

from ussd_engine.core.service import AnyState, Invoke, Listing, Return, Shown


def reach(after: Mapping[str, Iterable[str]], begin: Iterable[str]) -> set[str]:
    """Return everything that can be reached, the beginnings included."""
    seen, queue = set(begin), deque(begin)
    while queue:
        for target in after.get(queue.popleft(), ()):
            if target not in seen:
                seen.add(target)
                queue.append(target)
    return seen


def circles(after: Mapping[str, Iterable[str]]) -> list[set[str]]:
    """Return the groups of nodes that lead to one another, each as a set."""
    before: dict[str, list[str]] = defaultdict(list)
    for source, targets in after.items():
        for target in targets:
            before[target].append(source)
    # What nothing leads to, or what leads nowhere, is on no circle: without it little is left to search.
    left = _trimmed(_trimmed(set(after) | set(before), after), before)
    found = []
    while left:
        name = min(left)
        group = reach(after, [name]) & reach(before, [name])
        if len(group) > 1 or name in after.get(name, ()):
            found.append(group)
        left -= group
    return found


def _trimmed(names: set[str], after: Mapping[str, Iterable[str]]) -> set[str]:
    """Drop, again and again, the names that no other name of the set leads to."""
    arriving = dict.fromkeys(names, 0)
    for name in names:
        for target in after.get(name, ()):
            if target in arriving:
                arriving[target] += 1
    queue = deque(name for name, count in arriving.items() if count == 0)
    while queue:
        name = queue.popleft()
        del arriving[name]
        for target in after.get(name, ()):
            if target in arriving:
                arriving[target] -= 1
                if arriving[target] == 0:
                    queue.append(target)
    return set(arriving)


def longest_chains(after: Mapping[str, Iterable[str]], counts: Callable[[str], bool]) -> dict[str, int]:
    """For each node, the most nodes that count on any way from it, itself included.

    `after` has no circles; ways end at nodes that lead nowhere.
    """
    found: dict[str, int] = {}
    for begin in after:
        ahead = [begin]
        while ahead:
            name = ahead[-1]
            unknown = [target for target in after.get(name, ()) if target not in found]
            if unknown:
                ahead += unknown
                continue
            ahead.pop()
            found[name] = counts(name) + max((found[target] for target in after.get(name, ())), default=0)
    return found


def inside(
    states: Mapping[str, AnyState], after: Mapping[str, Iterable[str]], begin: str
) -> tuple[set[str], set[str]]:
    """Return the states that run in one call begun at a state, and those of them that return from it.

    An inner call is passed over: what it returns to belongs to this call, what it calls to the inner one.
    """
    seen, returns = {begin}, set()
    queue = deque([begin])
    while queue:
        name = queue.popleft()
        state = states.get(name)
        if isinstance(state, Return):
            returns.add(name)
            continue
        for target in state.on.values() if isinstance(state, Invoke) else after.get(name, ()):
            if target not in seen:
                seen.add(target)
                queue.append(target)
    return seen, returns


def next_shown(
    states: Mapping[str, AnyState], after: Mapping[str, Iterable[str]], begin: Iterable[str]
) -> set[str]:
    """Return the first shown states on every way from `begin`, through whatever is not shown."""
    shown: set[str] = set()
    seen: set[str] = set()
    queue = deque(begin)
    while queue:
        name = queue.popleft()
        if name in seen or name not in states:
            continue
        seen.add(name)
        state = states[name]
        if isinstance(state, Shown):
            shown.add(name)
        if isinstance(state, Listing):
            queue.extend(
                ([state.goto] if state.picks_only_row and state.goto else []) + list(state.on.values())
            )
        elif not isinstance(state, Shown):
            queue.extend(after.get(name, ()))
            queue.extend(state.on.values() if isinstance(state, Invoke) else ())
    return shown
