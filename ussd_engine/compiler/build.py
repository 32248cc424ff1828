"""Compile menu files to a `Service`, or tell every mistake at once, in file order."""

from __future__ import annotations

import gc
import hashlib
import logging
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from ussd_engine.actions import Action
from ussd_engine.compiler import edges
from ussd_engine.compiler.baseline import Baseline, changes
from ussd_engine.compiler.draft import Draft
from ussd_engine.compiler.edges import Edge
from ussd_engine.compiler.files import Menu, read_files
from ussd_engine.compiler.graph import next_shown
from ussd_engine.compiler.http import HttpProblem, declared, http_action, without_max
from ussd_engine.compiler.proofs import prove, shortcut_warnings
from ussd_engine.compiler.reads import live_variables, reads
from ussd_engine.compiler.schema import KeysSpec, LimitsSpec, MenuSpec
from ussd_engine.compiler.shortcuts import read_shortcuts
from ussd_engine.compiler.sizes.proof import SizeProof
from ussd_engine.compiler.source import Source
from ussd_engine.compiler.states import read_states
from ussd_engine.compiler.texts import TextCompiler, nearest
from ussd_engine.core.errors import MenuError, Problem
from ussd_engine.core.machine import ServiceMachine
from ussd_engine.core.service import (
    ANEW,
    FAILED,
    GAVE_UP,
    IDLE,
    LATE,
    OFF,
    OFFER,
    RESUME,
    WRONG_DIAL,
    End,
    Keys,
    Labels,
    Option,
    Question,
    Screen,
    Service,
    Text,
)
from ussd_engine.core.session import state_id
from ussd_engine.text.cost import USSD_OCTETS_MAX
from ussd_engine.text.template import Template

IMPLICIT = {GAVE_UP: "gave_up", FAILED: "trouble", LATE: "late", WRONG_DIAL: "wrong_dial"}
"""Ends that every service has, and the engine's text each shows."""
_FATAL = frozenset({"yaml", "hash-collision"})
"""Rules after which nothing sure can be said."""

# At DEBUG `transitions` writes several lines a trigger, which costs ten times the trigger.
logging.getLogger("transitions").setLevel(logging.WARNING)


def compile_menus(files: Mapping[str, str], actions: Mapping[str, Action]) -> Service:
    """Compile a service's menu files, `{name: text}`.

    Raises:
        MenuError: with every problem found.
    """
    service, problems = check(files, actions)
    errors = [problem for problem in problems if not problem.warning]
    if errors or service is None:
        raise MenuError(errors)
    return service


def check(
    files: Mapping[str, str], actions: Mapping[str, Action], *, published: Baseline | None = None
) -> tuple[Service | None, list[Problem]]:
    """Return the service, if it could be compiled, and all problems, warnings included, in file order.

    `published`: what dialled digits meant before; what leads elsewhere now is a problem.
    """
    collecting = gc.isenabled()
    gc.disable()  # tens of thousands of nodes live at once and none is garbage: half the time otherwise
    try:
        compilation = _Compilation(files, actions)
        service = compilation.run()
        found = compilation.draft.problems
        if service is not None and published is not None:
            found += changes(service, published, compilation.draft.places)
    finally:
        if collecting:
            gc.enable()
    order = {path: index for index, path in enumerate(files)}
    problems = sorted(set(found), key=lambda p: (order.get(p.path, 0), p.line, p.column, p.rule, p.what))
    return service, problems


def size_proof(
    files: Mapping[str, str], actions: Mapping[str, Action], octets: int = USSD_OCTETS_MAX
) -> SizeProof:
    """Compile, and return what measures the screens for networks that carry so many octets.

    Raises:
        MenuError: the menus can't be compiled.
        ValueError: no menu could live with so few octets.
    """
    compilation = _Compilation(files, actions)
    service = compilation.run()
    if service is None:
        raise MenuError([problem for problem in compilation.draft.problems if not problem.warning])
    return compilation.sizes(service, octets)


def content_version(files: Mapping[str, str]) -> bytes:
    """Hash a service's sources to four octets: equal menus have equal versions."""
    digest = hashlib.blake2b(digest_size=4)
    for name in sorted(files):
        digest.update(f"{name}\0{files[name]}\0".encode("utf-8", "surrogatepass"))
    return digest.digest()


class _Compilation:
    """From files to a draft, from the draft to a service."""

    def __init__(self, files: Mapping[str, str], actions: Mapping[str, Action]) -> None:
        self.files = files
        self.draft = Draft(actions=dict(actions))
        self.texts: TextCompiler

    def run(self) -> Service | None:
        draft = self.draft
        menus, root = read_files(draft, self.files)
        if root is None:
            return None
        source, spec = root
        self.texts = TextCompiler(source, spec, draft.problems)
        for menu_source, menu in menus:
            self.texts.add_words(menu_source, menu)
        says = self.texts.says(source, spec)
        self.read_keys(source, spec)
        self.read_menus(menus, says)
        start = self.start(source, spec)
        if start is None:
            return None
        self.add_own_states(says)
        self.tell_apart()
        if any(problem.rule in _FATAL for problem in draft.problems):
            return None
        return self.finish(spec, start, says)

    # --- the draft ----------------------------------------------------------------------------------------

    def read_keys(self, source: Source, spec: MenuSpec) -> None:
        keys = spec.keys or KeysSpec()
        self.draft.keys = Keys(keys.back, keys.home, keys.more, keys.previous)
        if len({keys.back, keys.home, keys.more, keys.previous}) < 4:
            what = "two of the service's keys are the same."
            mend = "Give back, home, more and previous one each."
            self.draft.say(source, ("keys",), "service-keys", what, mend)

    def read_menus(self, menus: list[Menu], says: Mapping[str, Text]) -> None:
        for source, menu in menus:
            self.read_actions(source, menu)
            read_states(self.draft, self.texts, source, menu)
        for source, menu in menus:  # a shortcut's fields are questions, which stand further down
            read_shortcuts(self.draft, self.texts, says, source, menu)

    def read_actions(self, source: Source, menu: MenuSpec) -> None:
        draft = self.draft
        for name, spec in menu.actions.items():
            at = ("actions", name)
            if name in draft.actions:
                what = f"an action is named '{name}' already."
                draft.say(source, at, "duplicate-name", what, "Give it another name.", on_key=True)
                continue
            try:
                draft.http[name] = http_action(name, spec)
            except HttpProblem as problem:
                draft.say(source, (*at, "http"), "http-url", str(problem), problem.mend)
                continue
            draft.actions[name] = declared(draft.http[name])
            for below in without_max(spec):
                mend = "Add it: the most characters of a text, or the largest number."
                draft.say(source, (*at, *below), "missing-field", "`max` is missing here.", mend, on_key=True)

    def start(self, source: Source, spec: MenuSpec) -> str | None:
        if spec.start is None:
            what = "the service has no `start`."
            self.draft.say(source, ("service_code",), "start", what, "Add `start: home`.", on_key=True)
            return None
        start = self.draft.target(source, ("start",), spec.menu, spec.start)
        if start not in self.draft.states:
            what = f"`start` is '{spec.start}', but no state has that name."
            mend = nearest(start, list(self.draft.states))
            self.draft.say(source, ("start",), "missing-target", what, mend)
            return None
        return start

    def add_own_states(self, says: Mapping[str, Text]) -> None:
        """Add the states that no author writes."""
        states = self.draft.states
        for name, code in IMPLICIT.items():
            states[name] = End(name=name, id=state_id(name), menu="", text=says[code])
        if any(state.resume == "confirm" for state in states.values()):
            states[OFFER] = _offer(says)
        nothing = Text({language: Template("") for language in self.texts.languages})
        states[OFF] = End(name=OFF, id=state_id(OFF), menu="", text=nothing)

    def tell_apart(self) -> None:
        """Stored sessions know states by a short hash: no two may share one."""
        draft = self.draft
        ids: dict[int, str] = {state_id(IDLE): IDLE}
        for name, state in draft.states.items():
            if ids.setdefault(state.id, name) != name:
                source, path = draft.places.get(name) or draft.places[ids[state.id]]
                what = f"'{name}' and '{ids[state.id]}' have the same short hash."
                draft.say(source, path, "hash-collision", what, "Rename one of them.", on_key=True)

    # --- the service --------------------------------------------------------------------------------------

    def finish(self, spec: MenuSpec, start: str, says: Mapping[str, Text]) -> Service | None:
        """Prove the draft, join its states by a machine, and prove the sizes."""
        draft = self.draft
        states = draft.states
        own = list(edges.authored(states, start, draft.actions))
        own += edges.returning(states, edges.successors(own))
        firsts = sorted(next_shown(states, edges.successors(own), [start]))
        entries = [name for name in firsts if isinstance(states[name], Screen | Question)]
        dialled = list(edges.dialled(states, entries, draft.shortcuts))
        moves = [*own, *dialled]
        draft.problems += shortcut_warnings(draft, entries)
        draft.problems += prove(draft, start, [*moves, *edges.too_late(states)])
        if any(not problem.warning for problem in draft.problems):
            return None
        all_edges = [
            *moves,
            *edges.housekeeping(states, start),
            *edges.ways_back(states, moves),
            *edges.resuming(states, firsts),
            *edges.pushed(draft.pushes),
        ]
        self.complete(all_edges)
        service = Service(
            version=content_version(self.files),
            service_code=spec.service_code or "",
            languages=self.texts.languages,
            start=start,
            states=states,
            names={state.id: name for name, state in states.items()} | {state_id(IDLE): IDLE},
            shortcuts=draft.shortcuts,
            says=says,
            labels={language: _labels(says, language) for language in self.texts.languages},
            keys=draft.keys,
            wrong_answers_max=(spec.limits or LimitsSpec()).wrong_answers,
            http=draft.http,
            pushes=draft.pushes,
            machine=_machine([IDLE, *states], all_edges),
        )
        draft.problems += self.sizes(service).problems()
        return service

    def complete(self, all_edges: Iterable[Edge]) -> None:
        """Fill in what each state owes to the graph: its triggers, and the variables still needed."""
        states = self.draft.states
        triggers: dict[str, set[str]] = {name: set() for name in states}
        for edge in all_edges:
            if edge.source in triggers:
                triggers[edge.source].add(edge.trigger)
        live = live_variables(reads(states), all_edges)
        shared: dict[frozenset[str], frozenset[str]] = {}
        for name, state in states.items():
            mine = frozenset(triggers[name])
            states[name] = replace(state, triggers=shared.setdefault(mine, mine), live=live[name])

    def sizes(self, service: Service, octets: int = USSD_OCTETS_MAX) -> SizeProof:
        formatters = {language: self.texts.formatters(language) for language in service.languages}
        return SizeProof(service, self.draft.actions, self.texts.words, formatters, self.draft.places, octets)


def _offer(says: Mapping[str, Text]) -> Screen:
    options = (
        Option(key="1", text=says["resume.yes"], goto=RESUME),
        Option(key="2", text=says["resume.no"], goto=ANEW),
    )
    by_key = {option.key: option for option in options}
    text = says["resume.question"]
    return Screen(name=OFFER, id=state_id(OFFER), menu="", text=text, options=options, by_key=by_key)


def _labels(says: Mapping[str, Text], language: str) -> Labels:
    return Labels(
        back=says["label.back"].render(language, {}),
        more=says["label.more"].render(language, {}),
        previous=says["label.previous"].render(language, {}),
    )


def _machine(names: list[str], all_edges: Iterable[Edge]) -> ServiceMachine:
    """Build the one shared machine; edges may repeat, the first of a kind counts."""
    seen: set[tuple[str, str]] = set()
    moves: list[dict[str, Any]] = []
    for edge in all_edges:
        if edge.guard is None:
            if (edge.trigger, edge.source) in seen:
                continue
            seen.add((edge.trigger, edge.source))
        move = {"trigger": edge.trigger, "source": edge.source, "dest": edge.target}
        moves.append(move if edge.guard is None else {**move, "conditions": edge.guard})
    return ServiceMachine(names, moves, IDLE)
