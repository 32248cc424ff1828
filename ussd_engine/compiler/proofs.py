"""What is proved of a service before anyone dials it, beyond the form of its files.

Every proof yields problems with the place of the state they are about. They look at what the author wrote:
ways that every screen has (wrong answers, aborts) prove nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from ussd_engine.actions import Action, Shape
from ussd_engine.compiler import edges as graph
from ussd_engine.compiler.edges import Edge
from ussd_engine.compiler.source import Path, Source
from ussd_engine.compiler.texts import nearest
from ussd_engine.core.errors import Problem
from ussd_engine.core.service import (
    BACK,
    AnyState,
    Arg,
    Do,
    End,
    Invoke,
    Listing,
    Question,
    Return,
    Screen,
    Shortcut,
    Switch,
    Text,
)
from ussd_engine.text.template import Slot

ALWAYS_HANDLED = frozenset({"failed", "late"})
"""Results that lead to the engine's own ends where a menu does not name them."""
BUILT_IN = {"caller": Shape("msisdn", 15, gsm=True)}
"""Variables that every dialogue has."""

_FITS: Mapping[str, frozenset[str]] = {
    "text": frozenset({"text", "digits", "msisdn", "word", "choice", "id"}),
    "digits": frozenset({"digits", "msisdn"}),
    "id": frozenset({"id", "text"}),
    "word": frozenset({"word", "choice", "text"}),
    "time": frozenset({"time", "integer"}),
}


def prove(
    states: Mapping[str, AnyState],
    places: Mapping[str, tuple[Source, Path]],
    start: str,
    moves: Iterable[Edge],
    shortcuts: Mapping[str, tuple[Shortcut, ...]],
    questions: Mapping[tuple[str, str], str],
    actions: Mapping[str, Action],
) -> list[Problem]:
    """Return everything that can be proved wrong."""
    proof = _Proof(states, places, start, tuple(moves), shortcuts, questions, actions)
    problems = list(proof.targets())
    problems += proof.actions_fit()
    problems += proof.secrets()
    if any(problem.rule == "missing-target" for problem in problems):
        return problems  # with holes in it, nothing sure can be said about the whole graph
    problems += proof.calls()
    problems += proof.reachable()
    problems += proof.ends()
    problems += proof.loops()
    if not any(problem.rule == "unknown-action" for problem in problems):
        problems += proof.set_before_read()
    return problems


def shadowed(
    states: Mapping[str, AnyState],
    places: Mapping[str, tuple[Source, Path]],
    entries: Iterable[str],
    shortcuts: Mapping[str, tuple[Shortcut, ...]],
) -> Iterator[Problem]:
    """Warn of shortcuts that begin like the way by options: the shortcut wins where both fit."""
    for entry in entries:
        screen = states[entry]
        if not isinstance(screen, Screen):
            continue
        for shortcut in shortcuts.get(screen.menu, ()):
            if shortcut.fixed and shortcut.fixed[0] in screen.by_key:
                source, path = places[graph.wrong_format(shortcut)]
                what = (
                    f"'{shortcut.name}' begins like option {shortcut.fixed[0]} of state '{_short(entry)}': "
                    "dialled on, the digits mean the shortcut where it fits, else the option."
                )
                mend = "Begin it with an empty field (`**…`) or another digit, unless this is meant."
                yield source.problem((*path, "dial"), "shortcut-overlap", what, mend, warning=True)


@dataclass(frozen=True)
class _Proof:
    states: Mapping[str, AnyState]
    places: Mapping[str, tuple[Source, Path]]
    start: str
    moves: tuple[Edge, ...]
    shortcuts: Mapping[str, tuple[Shortcut, ...]]
    questions: Mapping[tuple[str, str], str]
    actions: Mapping[str, Action]

    def at(
        self, name: str, rule: str, what: str, mend: str, *below: str | int, on_key: bool = True
    ) -> Problem:
        source, path = self.places[name]
        return source.problem((*path, *below), rule, what, mend, on_key=on_key)

    # --- the graph ----------------------------------------------------------------------------------------

    def targets(self) -> Iterator[Problem]:
        """Every `goto` names a state."""
        for edge in self.moves:
            if edge.target in self.states or edge.implied:
                continue
            yield self.lost(edge)

    def lost(self, edge: Edge) -> Problem:
        state = self.states[edge.source]
        shown = edge.target.removeprefix(f"{state.menu}.")
        known = [
            name.removeprefix(f"{state.menu}.") for name in self.states if ".!" not in name and name[0] != "!"
        ]
        mend = f"{nearest(shown, known)} Otherwise add a `{shown}:` state under `states:`."
        if edge.trigger.startswith("dial "):
            source, path, name = self.shortcut_place(edge)
            what = f"shortcut '{name}' goes to '{shown}', but no state has that name."
            return source.problem((*path, "goto"), "missing-target", what, mend)
        what, below = (
            f"state '{_short(edge.source)}' goes to '{shown}', but no state has that name.",
            ("goto",),
        )
        if isinstance(state, Screen):
            index, option = next((i, o) for i, o in enumerate(state.options) if o.key == edge.trigger)
            label = option.text.render(next(iter(option.text.by_language)), {})
            what = (
                f"option '{label}' of state '{_short(edge.source)}' goes to '{shown}', "
                "but no state has that name."
            )
            return self.at(edge.source, "missing-target", what, mend, "options", index, "goto", on_key=False)
        if isinstance(state, Invoke):
            return self.at(edge.source, "missing-target", what, mend, "call", on_key=False)
        if isinstance(state, Return):
            caller = edge.trigger.removeprefix("return>")
            what = f"state '{_short(caller)}' goes to '{shown}', but no state has that name."
            return self.at(caller, "missing-target", what, mend, "on", state.result, on_key=False)
        if isinstance(state, Switch) or (isinstance(state, Do | Listing) and edge.trigger.startswith("=")):
            key = edge.trigger[1:] if edge.trigger[0] == "=" else _case_of(state, edge.target)
            if key == "none":
                return self.at(edge.source, "missing-target", what, mend, "none", on_key=False)
            return self.at(edge.source, "missing-target", what, mend, "on", key, on_key=False)
        return self.at(edge.source, "missing-target", what, mend, *below, on_key=False)

    def shortcut_place(self, edge: Edge) -> tuple[Source, Path, str]:
        menu = self.states[edge.source].menu
        for shortcut in self.shortcuts[menu]:
            if f"{edge.trigger} ".startswith(f"dial {shortcut.name} "):
                source, path = self.places[graph.wrong_format(shortcut)]
                return source, path, shortcut.name
        raise LookupError(edge.trigger)

    def reachable(self) -> Iterator[Problem]:
        """Every state can be reached by some dialogue."""
        found = graph.reach(graph.successors(self.moves), [self.start])
        for name, state in self.states.items():
            if name in found or name not in self.places or ".!" in name:
                continue
            what = f"no way leads to state '{_short(name)}' of menu '{state.menu}'."
            yield self.at(name, "unreachable", what, "Send an option or a result to it, or delete it.")

    def ends(self) -> Iterator[Problem]:
        """From every state some answers lead to an end."""
        before: dict[str, list[str]] = {}
        for edge in (*self.moves, *graph.ways_back(self.states, self.moves)):
            goes = not edge.trigger.startswith("back>") or self.offers_back(edge.source)
            if goes and not edge.trigger.startswith("wrong"):
                before.setdefault(edge.target, []).append(edge.source)
        closing = [
            name
            for name, state in self.states.items()
            if isinstance(state, End) or (isinstance(state, Listing) and state.ends_on_last)
        ]
        found = graph.reach(before, closing)
        for name in self.states:
            if name not in found and name in self.places:
                what = f"from state '{_short(name)}' no end can be reached: it would go round for ever."
                yield self.at(name, "no-end", what, "Let some option or result lead to a state with `end:`.")

    def offers_back(self, name: str) -> bool:
        state = self.states[name]
        return not isinstance(state, Screen) or all(o.key != "0" or o.goto == BACK for o in state.options)

    def loops(self) -> Iterator[Problem]:
        """No circle of actions and switches without a screen in it."""
        order = {name: place for place, name in enumerate(self.states)}
        for group in graph.circles(self.unseen()):
            names = sorted(group, key=lambda name: order[name])
            what = f"{_quoted(names)} can come again without a screen in between."
            yield self.at(names[0], "action-loop", what, "Show something on the way, or end.")

    def unseen(self) -> dict[str, list[str]]:
        """Where actions, switches, and lists that are empty or have one row lead on without a screen."""
        after: dict[str, list[str]] = {}
        for edge in self.moves:
            if not graph.is_shown(self.states[edge.source]) or edge.trigger.startswith("="):
                after.setdefault(edge.source, []).append(edge.target)
        return after

    def calls(self) -> Iterator[Problem]:
        """Every `return` is inside a call, and every call handles what can be returned, and nothing else."""
        after = graph.successors(self.moves)
        for loose in sorted(graph.inside(self.states, after, self.start)[1]):
            what = f"state '{_short(loose)}' returns, but is reached without a call."
            yield self.at(
                loose, "return-outside-call", what, "Go there by `call:`, or lead on with `goto:`.", "return"
            )
        for name, state in self.states.items():
            if not isinstance(state, Invoke):
                continue
            found = {back: self.states[back] for back in graph.inside(self.states, after, state.target)[1]}
            results = {back.result for back in found.values() if isinstance(back, Return)}
            for missing in sorted(results - set(state.on)):
                what = f"'{_short(state.target)}' can return '{missing}', which leads nowhere."
                yield self.at(name, "unhandled-result", what, f"Add `{missing}: …` under `on:`.", "on")
            for extra in sorted(set(state.on) - results):
                what = f"'{_short(state.target)}' never returns '{extra}'."
                yield self.at(name, "unknown-result", what, nearest(extra, sorted(results)), "on", extra)

    # --- actions ------------------------------------------------------------------------------------------

    def actions_fit(self) -> Iterator[Problem]:
        """Actions exist, their results are handled, their arguments are what they take."""
        for name, state in self.states.items():
            if not isinstance(state, Do | Listing):
                continue
            action = self.actions.get(state.action)
            field = "do" if isinstance(state, Do) else "list"
            if action is None:
                what = f"no action is named '{state.action}'."
                yield self.at(
                    name,
                    "unknown-action",
                    what,
                    nearest(state.action, list(self.actions)),
                    field,
                    on_key=False,
                )
                continue
            yield from self.results(name, state, action)
            yield from self.arguments(name, state, action)

    def results(self, name: str, state: Do | Listing, action: Action) -> Iterator[Problem]:
        declared = set(action.results) - {"rows"}
        if isinstance(state, Listing):
            if action.row is None:
                what = f"action '{action.name}' returns no rows."
                yield self.at(name, "not-a-list", what, "Use it with `do:`.", "list", on_key=False)
                return
            for slot in sorted(state.row.names):
                if slot.startswith("row.") and slot not in action.row:
                    what = f"a row of '{action.name}' has no '{slot}'."
                    yield self.at(
                        name, "unknown-variable", what, nearest(slot, list(action.row)), "row", on_key=False
                    )
        elif action.row is not None:
            what = f"action '{action.name}' returns rows."
            yield self.at(name, "not-a-do", what, "Use it with `list:`.", "do", on_key=False)
            return
        for result in state.on:
            if result not in declared | ALWAYS_HANDLED and not (
                isinstance(state, Listing) and result == "none"
            ):
                what = f"action '{action.name}' never returns '{result}'."
                known = sorted(declared | ALWAYS_HANDLED)
                yield self.at(name, "unknown-result", what, nearest(result, known), "on", result)
        missing = sorted(declared - ALWAYS_HANDLED - set(state.on))
        if missing:
            plural = "s" if len(missing) > 1 else ""
            what = f"result{plural} {', '.join(missing)} of '{action.name}' lead nowhere."
            yield self.at(name, "unhandled-result", what, f"Add `{missing[0]}: …` under `on:`.", "on")

    def arguments(self, name: str, state: Do | Listing, action: Action) -> Iterator[Problem]:
        for parameter, arg in state.args.items():
            shape = action.parameters.get(parameter)
            if shape is None:
                what = f"action '{action.name}' takes no '{parameter}'."
                yield self.at(
                    name,
                    "unknown-argument",
                    what,
                    nearest(parameter, list(action.parameters)),
                    "with",
                    parameter,
                )
                continue
            given = _kinds_of(arg, self.kinds)
            wrong = sorted(
                kind for kind in given if kind != shape.kind and kind not in _FITS.get(shape.kind, ())
            )
            if wrong:
                what = (
                    f"'{parameter}' of '{action.name}' is {shape.kind}, "
                    f"'{arg.variable or arg.literal}' is {wrong[0]}."
                )
                yield self.at(
                    name, "argument-kind", what, "Give it a variable of that kind.", "with", parameter
                )
        for parameter, shape in action.parameters.items():
            if parameter not in state.args and not shape.optional:
                what = f"action '{action.name}' needs '{parameter}'."
                yield self.at(name, "missing-argument", what, f"Add `with: {{{parameter}: …}}`.")

    @cached_property
    def kinds(self) -> dict[str, set[str]]:
        """For each variable the kinds of value it can hold."""
        found: dict[str, set[str]] = {name: {shape.kind} for name, shape in BUILT_IN.items()}
        for state in self.states.values():
            if isinstance(state, Question):
                found.setdefault(state.variable, set()).add(
                    "secret" if state.type.secret else state.type.kind
                )
            elif isinstance(state, Listing) and state.variable is not None:
                found.setdefault(state.variable, set()).add("id")
            elif isinstance(state, Do) and (action := self.actions.get(state.action)) is not None:
                for result in state.on:
                    for variable, shape in action.results.get(result, {}).items():
                        found.setdefault(variable, set()).add(shape.kind)
        return found

    # --- secrets and variables ----------------------------------------------------------------------------

    def secrets(self) -> Iterator[Problem]:
        """A secret answer goes straight to the action that takes it, and nowhere else."""
        secret = {s.variable for s in self.states.values() if isinstance(s, Question) and s.type.secret}
        for name, state in self.states.items():
            if isinstance(state, Question) and state.type.secret:
                target = self.states.get(state.goto)
                if target is not None and not (
                    isinstance(target, Do)
                    and any(arg.variable == state.variable for arg in target.args.values())
                ):
                    what = (
                        f"'{state.variable}' is secret, but '{_short(state.goto)}' "
                        "is no action that takes it."
                    )
                    mend = "The action that reads a secret follows its question directly."
                    yield self.at(name, "secret", what, mend, "goto", on_key=False)
            yield from self.misused(name, state, secret)
            for field, text in _texts(state):
                for leaked in sorted(text.names & secret):
                    what = f"'{leaked}' is secret and would be shown."
                    yield self.at(name, "secret", what, "Take it out of the text.", field, on_key=False)

    def misused(self, name: str, state: AnyState, secret: set[str]) -> Iterator[Problem]:
        """A secret lives for one action: whatever else reads it would find nothing."""
        mend = "The action that reads a secret follows its question directly, whichever way leads there."
        if isinstance(state, Switch) and state.variable in secret:
            yield self.at(name, "secret", f"'{state.variable}' is secret.", mend, "switch", on_key=False)
        if not isinstance(state, Do | Listing):
            return
        for parameter, arg in state.args.items():
            if arg.variable not in secret:
                continue
            for edge in self.into.get(name, ()):
                if not (edge.trigger == "answer" and arg.variable in edge.sets):
                    what = f"'{arg.variable}' is secret and gone on the way from '{_short(edge.source)}'."
                    yield self.at(name, "secret", what, mend, "with", parameter)

    @cached_property
    def into(self) -> dict[str, list[Edge]]:
        return _grouped(self.moves, lambda edge: edge.target)

    def set_before_read(self) -> Iterator[Problem]:
        """On every way to a state, what it reads has been set; optional texts and `when` may stay empty."""
        sure = self.surely_set()
        for name, state in self.states.items():
            if name not in self.places or name not in sure:
                continue
            for field, variable in _needs(state, self.actions):
                if variable in sure[name] or variable.startswith("row."):
                    continue
                known = sorted(sure[name])
                ever = variable in self.kinds
                what = (
                    f"'{variable}' is not set on every way to state '{_short(name)}'."
                    if ever
                    else f"nothing sets '{variable}', which state '{_short(name)}' reads."
                )
                if not ever:
                    mend = nearest(variable, known)
                elif field == "with":
                    mend = "Ask for it on every way, or let the action do without."
                else:
                    mend = "Put the text into […] if it may be empty."
                yield self.at(name, "unset-variable", what, mend, field, on_key=False)

    def surely_set(self) -> dict[str, frozenset[str]]:
        """For each state in reach, the variables set on every way to it (a greatest fixed point)."""
        return self.set_from(self.start, frozenset(BUILT_IN), self.summaries)

    @cached_property
    def summaries(self) -> dict[tuple[str, str], frozenset[str]]:
        """For each call and result, the variables set on every way through the call that returns it.

        Begins with nothing, so that what holds is what the call itself sets, whoever calls it; inner calls
        are summed up first, and one that comes to itself counts as setting nothing.
        """
        found: dict[tuple[str, str], frozenset[str]] = {}
        for name in self.innermost_first():
            call = self.states[name]
            assert isinstance(call, Invoke)
            sure = self.set_from(call.target, frozenset(), found)
            region = graph.inside(self.states, graph.successors(self.moves), call.target)[1]
            for back in region:
                ends = self.states[back]
                if isinstance(ends, Return) and back in sure:
                    key = (name, ends.result)
                    found[key] = found.get(key, sure[back]) & sure[back]
        return found

    def innermost_first(self) -> list[str]:
        after = graph.successors(self.moves)
        calls = {name: state.target for name, state in self.states.items() if isinstance(state, Invoke)}
        inner = {
            name: graph.inside(self.states, after, target)[0] & set(calls) for name, target in calls.items()
        }
        ordered: list[str] = []

        def visit(name: str, above: frozenset[str]) -> None:
            if name not in ordered and name not in above:
                for other in sorted(inner[name]):
                    visit(other, above | {name})
                ordered.append(name)

        for name in calls:
            visit(name, frozenset())
        return ordered

    @cached_property
    def ways(self) -> dict[str, list[Edge]]:
        return _grouped(self.moves)

    def set_from(
        self, begin: str, known_at_begin: frozenset[str], summaries: Mapping[tuple[str, str], frozenset[str]]
    ) -> dict[str, frozenset[str]]:
        sure: dict[str, frozenset[str]] = {begin: known_at_begin}
        after = self.ways
        queue = [begin]
        while queue:
            name = queue.pop()
            for edge in self.followed(name, after.get(name, ()), summaries):
                arriving = sure[name] | edge.sets
                if edge.target == self.start:
                    arriving = frozenset(BUILT_IN)
                known = sure.get(edge.target)
                merged = arriving if known is None else known & arriving
                if merged != known:
                    sure[edge.target] = merged
                    queue.append(edge.target)
        return sure

    def followed(
        self, name: str, edges: Iterable[Edge], summaries: Mapping[tuple[str, str], frozenset[str]]
    ) -> Iterator[Edge]:
        """Yield the ways on: a call goes in, and past itself with what it sets; a `return` goes nowhere."""
        state = self.states[name]
        if isinstance(state, Return):
            return
        yield from edges
        if isinstance(state, Invoke):
            for result, target in state.on.items():
                yield Edge(f"={result}", name, target, sets=summaries.get((name, result), frozenset()))


def _needs(state: AnyState, actions: Mapping[str, Action]) -> Iterator[tuple[str, str]]:
    for field, text in _texts(state):
        for variable in sorted(
            {slot.name for t in text.by_language.values() for slot in t.parts if isinstance(slot, Slot)}
        ):
            yield field, variable
    if isinstance(state, Switch):
        yield "switch", state.variable
    if isinstance(state, Do | Listing) and (action := actions.get(state.action)) is not None:
        for parameter, arg in state.args.items():
            shape = action.parameters.get(parameter)
            if arg.variable is not None and shape is not None and not shape.optional:
                yield "with", arg.variable


def _texts(state: AnyState) -> Iterator[tuple[str, Text]]:
    match state:
        case Screen():
            yield "text", state.text
            for option in state.options:
                yield "options", option.text
        case Question():
            yield "ask", state.text
        case End():
            yield "end", state.text
        case Listing():
            yield "row", state.row
            if state.text is not None:
                yield "text", state.text


def _kinds_of(arg: Arg, known: Mapping[str, set[str]]) -> set[str]:
    if arg.variable is not None:
        return known.get(arg.variable, set())
    if isinstance(arg.literal, bool):
        return {"flag"}
    return {"integer" if isinstance(arg.literal, int) else "text"}


def _grouped(
    edges: Iterable[Edge], key: Callable[[Edge], str] = lambda edge: edge.source
) -> dict[str, list[Edge]]:
    found: dict[str, list[Edge]] = {}
    for edge in edges:
        found.setdefault(key(edge), []).append(edge)
    return found


def _case_of(state: AnyState, target: str) -> str:
    if isinstance(state, Switch):
        return next((value for value, goto in state.cases.items() if goto == target), "else")
    return ""


def _quoted(names: list[str]) -> str:
    return " and ".join(f"'{_short(name)}'" for name in names[:5]) + (" and others" if names[5:] else "")


def _short(name: str) -> str:
    return name.split(".", 1)[-1]
