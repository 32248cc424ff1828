"""What proofs are about: the draft of a service, and the ways between its states."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from ussd_engine.actions import Action, Shape
from ussd_engine.compiler.draft import Draft
from ussd_engine.compiler.edges import Edge, successors
from ussd_engine.compiler.sizes.domains import Domains, domains
from ussd_engine.core.errors import Problem
from ussd_engine.core.service import AnyState, Do, Listing, Question

BUILT_IN: Mapping[str, Shape] = {"caller": Shape("msisdn", 15, gsm=True)}
"""Variables that every dialogue has."""


@dataclass(frozen=True)
class Subject:
    """A service with all its states, `start`, and the `moves` that its author wrote."""

    draft: Draft
    start: str
    moves: tuple[Edge, ...]

    @property
    def states(self) -> Mapping[str, AnyState]:
        """All states, the engine's own included."""
        return self.draft.states

    @property
    def actions(self) -> Mapping[str, Action]:
        """The actions that menus can use."""
        return self.draft.actions

    def has_place(self, name: str) -> bool:
        """Tell whether the author wrote this state."""
        return name in self.draft.places

    def at(
        self, name: str, rule: str, what: str, mend: str, *below: str | int, on_key: bool = True
    ) -> Problem:
        """Make a problem about a state, or about what stands `below` it."""
        source, path = self.draft.places[name]
        return source.problem((*path, *below), rule, what, mend, on_key=on_key)

    @property
    def begins(self) -> tuple[str, ...]:
        """Where dialogues can begin: where who dials does, and where the service does by itself."""
        return (self.start, *self.draft.pushes)

    @cached_property
    def after(self) -> Mapping[str, list[str]]:
        """Where each state leads."""
        return successors(self.moves)

    @cached_property
    def ways_out(self) -> Mapping[str, list[Edge]]:
        """The moves from each state."""
        return _grouped(self.moves, lambda edge: edge.source)

    @cached_property
    def ways_in(self) -> Mapping[str, list[Edge]]:
        """The moves to each state."""
        return _grouped(self.moves, lambda edge: edge.target)

    @cached_property
    def domains(self) -> Domains:
        """For each variable the values it can hold."""
        return domains(self.states, self.actions, self.draft.pushes)

    @cached_property
    def kinds(self) -> Mapping[str, set[str]]:
        """For each variable the kinds of value it can hold."""
        found: dict[str, set[str]] = {name: {shape.kind} for name, shape in BUILT_IN.items()}
        for state in self.states.values():
            if isinstance(state, Question):
                kind = "secret" if state.type.secret else state.type.kind
                found.setdefault(state.variable, set()).add(kind)
            elif isinstance(state, Listing) and state.variable is not None:
                found.setdefault(state.variable, set()).add("id")
            elif isinstance(state, Do) and (action := self.actions.get(state.action)) is not None:
                for result in state.on:
                    for variable, shape in action.results.get(result, {}).items():
                        found.setdefault(variable, set()).add(shape.kind)
        for given in self.draft.pushes.values():
            for variable, asked in given.items():
                found.setdefault(variable, set()).add(asked.kind)
        return found


def short(name: str) -> str:
    """Name a state as its own menu does."""
    return name.split(".", 1)[-1]


def _grouped(edges: Iterable[Edge], key: Callable[[Edge], str]) -> dict[str, list[Edge]]:
    found: dict[str, list[Edge]] = {}
    for edge in edges:
        found.setdefault(key(edge), []).append(edge)
    return found
