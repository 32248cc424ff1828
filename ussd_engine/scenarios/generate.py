"""Scenarios from the menus: the shortest dialogue to every transition, fake actions choosing the results.

The search is breadth-first over the real step, so what it finds can really happen: an option that is hidden,
a shortcut whose field can't be read, a case that no value meets are not walked through on paper.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from transitions import EventData

from ussd_engine.actions import Action
from ussd_engine.core.errors import UssdEngineError
from ussd_engine.core.events import ActionDone, Answer, Begin, Close, Event, Pushed, Row, Run
from ussd_engine.core.service import BACK, AnyState, Do, Listing, Question, Screen, Service
from ussd_engine.core.session import Session
from ussd_engine.core.step import ACTIONS_MAX, begin, step
from ussd_engine.pushing import given_to
from ussd_engine.scenarios import samples
from ussd_engine.scenarios.coverage import Move, move_of, moves
from ussd_engine.scenarios.model import DEFAULT_MSISDN
from ussd_engine.scenarios.write import dumped
from ussd_engine.text.template import Value

_Done = tuple[tuple[str, ActionDone], ...]


@dataclass(frozen=True, slots=True)
class _Node:
    """A turn played: what was typed, which actions came back with what, and the screen that followed."""

    before: _Node | None
    typed: str
    secret: bool
    done: _Done
    text: str
    session: Session
    pushed: Mapping[str, str] | None = None
    """What it was given, where the service began by itself; `typed` is then the state."""

    def turns(self) -> list[_Node]:
        node: _Node | None = self
        found: list[_Node] = []
        while node is not None:
            found.append(node)
            node = node.before
        return found[::-1]


@dataclass(frozen=True, slots=True)
class Generated:
    """What was found.

    Attributes:
        text: a scenario file; no dialogue in it is the beginning of another.
        dialogues: how many it has.
        missed: transitions that no dialogue found takes.
    """

    text: str
    dialogues: int
    moves: int
    missed: tuple[Move, ...]


def generate(service: Service, actions: Mapping[str, Action], *, msisdn: str = DEFAULT_MSISDN) -> Generated:
    """Find the shortest dialogue to every transition that the menus' author wrote."""
    search = _Search(service, actions, msisdn)
    ends = search.run()
    missed = tuple(move for move in search.wanted if move not in ends)
    inner = {id(turn) for node in ends.values() for turn in node.turns()[:-1]}
    reached: dict[int, tuple[_Node, list[Move]]] = {}
    for move, node in ends.items():
        reached.setdefault(id(node), (node, []))[1].append(move)
    # A dialogue that another one goes on from is played there anyway.
    kept = [(node, found) for key, (node, found) in reached.items() if key not in inner]
    scenarios = [_scenario(msisdn, node, found) for node, found in kept]
    return Generated(_file(scenarios), len(scenarios), len(search.wanted), missed)


class _Search:
    def __init__(self, service: Service, actions: Mapping[str, Action], msisdn: str) -> None:
        self.service = service
        self.actions = actions
        self.msisdn = msisdn
        self.wanted = moves(service)
        self.deciding = samples.decisions(service)
        self.fired: list[Move] = []

    def run(self) -> dict[Move, _Node]:
        """Play everything there is to play; return for each wanted transition the first turn that took it."""
        machine, wanted = self.service.machine, set(self.wanted)
        found: dict[Move, _Node] = {}
        seen: set[object] = set()
        queue: deque[_Node] = deque()
        listeners = machine.after_state_change
        machine.after_state_change = [self._note]  # who counts what is played counts no tries
        try:
            for dialled in self.dial_strings():
                fresh = begin(self.service, self.msisdn)
                fields = () if dialled is None else tuple(dialled.split("*"))
                code = self.service.service_code
                typed = code if dialled is None else f"{code.removesuffix('#')}*{dialled}#"
                for node, fired in self.turn(None, fresh, Begin(samples.AT, fields), typed, secret=False):
                    self.take(node, fired, wanted, found, seen, queue)
            for state, given in self.service.pushes.items():
                texts = {
                    name: next(iter(samples.accepted(kind, self.msisdn)), "1") for name, kind in given.items()
                }
                pushed = Pushed(samples.AT, state, given_to(self.service, state, texts, self.msisdn))
                fresh = begin(self.service, self.msisdn)
                for node, fired in self.turn(None, fresh, pushed, state, secret=False):
                    self.take(replace(node, pushed=texts), fired, wanted, found, seen, queue)
            while queue:
                node = queue.popleft()
                for typed, secret in self.inputs(node.session):
                    event = Answer(samples.AT, typed)
                    for after, fired in self.turn(node, node.session, event, typed, secret=secret):
                        self.take(after, fired, wanted, found, seen, queue)
        finally:
            machine.after_state_change = listeners
        return found

    def _note(self, event: EventData) -> None:
        self.fired.append(move_of(event))

    def take(
        self,
        node: _Node,
        fired: list[Move],
        wanted: set[Move],
        found: dict[Move, _Node],
        seen: set[object],
        queue: deque[_Node],
    ) -> None:
        for move in fired:
            if move in wanted:
                found.setdefault(move, node)
        session = node.session
        # What has not been decided yet makes no difference to where a dialogue can go.
        decided = tuple(session.variables.get(name) for name in self.deciding)
        key = (session.state, decided, len(session.rows))
        if not session.ended and key not in seen:
            seen.add(key)
            queue.append(node)

    def turn(
        self, before: _Node | None, session: Session, event: Event, typed: str, *, secret: bool
    ) -> Iterator[tuple[_Node, list[Move]]]:
        """One turn in all the ways its actions can come out."""
        paths: list[tuple[Session, Event, _Done, list[Move]]] = [(session, event, (), [])]
        while paths:
            session, event, done, fired = paths.pop(0)
            self.fired = []
            try:
                taken = step(self.service, session, event)
            except UssdEngineError:
                continue
            fired = [*fired, *self.fired]
            effect = taken.effects[0]
            if not isinstance(effect, Run):
                yield _Node(before, typed, secret, done, effect.text, taken.session), fired
                assert isinstance(effect, Close) is taken.session.ended
            elif len(done) < ACTIONS_MAX:
                state = self.service.states[effect.state]
                assert isinstance(state, Do | Listing)
                paths += [
                    (taken.session, result, (*done, (effect.action, result)), fired)
                    for result in samples.outcomes(state, self.service, self.actions, self.deciding)
                ]

    def inputs(self, session: Session) -> Iterator[tuple[str, bool]]:
        """What a subscriber could usefully type here, and whether it is secret."""
        state: AnyState = self.service.states[self.service.names[session.state]]
        match state:
            case Screen():
                yield from ((option.key, False) for option in state.options if option.goto != BACK)
            case Question():
                for text in samples.accepted(state.type, self.msisdn):
                    yield text, state.type.secret
            case Listing():
                if session.rows and state.variable is not None:
                    yield "1", False

    def dial_strings(self) -> Iterator[str | None]:
        """The bare code, and each shortcut right, in the wrong form, and with each of its fields refused."""
        yield None
        for shortcuts in self.service.shortcuts.values():
            for shortcut in shortcuts:
                fixed = list(shortcut.fixed)
                if shortcut.rest:
                    yield "*".join([*fixed, "1"])
                    continue
                types = [self.type_of(question) for question in shortcut.questions]
                right = [next(iter(samples.accepted(kind, self.msisdn)), "1") for kind in types]
                yield "*".join([*fixed, *right])
                yield "*".join([*fixed, *right[:-1]] if right[1:] else [*fixed, *right, "1"])
                for place, kind in enumerate(types):
                    wrong = samples.refused(kind, self.msisdn, readable=True)
                    if wrong is not None:
                        yield "*".join([*fixed, *right[:place], wrong, *right[place + 1 :]])

    def type_of(self, question: str) -> Any:
        state = self.service.states[question]
        assert isinstance(state, Question)
        return state.type


def _scenario(msisdn: str, node: _Node, found: list[Move]) -> dict[str, Any]:
    turns = node.turns()
    secrets: dict[str, str] = {}
    results: dict[str, list[dict[str, Any]]] = {}
    steps: list[dict[str, Any]] = []
    for number, turn in enumerate(turns):
        if turn.pushed is not None:
            does: dict[str, Any] = {"push": turn.typed} | (
                {"given": dict(turn.pushed)} if turn.pushed else {}
            )
        elif number == 0:
            does = {"dial": turn.typed}
        elif turn.secret:
            name = f"secret{len(secrets) + 1}"
            secrets[name] = turn.typed
            does = {"answer": {"secret": name}}
        else:
            does = {"answer": turn.typed}
        shown = turn.text.replace("{", "{{").replace("}", "}}")
        steps.append(does | {"ends" if turn.session.ended else "shows": shown})
        for name, done in turn.done:
            results.setdefault(name, []).append(_result(done))
    made: dict[str, Any] = {"scenario": "; ".join(str(move) for move in found), "phones": {"phone": msisdn}}
    if secrets:
        made["secrets"] = secrets
    return made | {"actions": results, "steps": steps}


def _result(done: ActionDone) -> dict[str, Any]:
    if done.rows or done.result == "rows":
        return {"rows": [_row(row) for row in done.rows]}
    return {"result": done.result} | ({"values": _texts(done.values)} if done.values else {})


def _row(row: Row) -> dict[str, Any]:
    values = {name.removeprefix("row."): value for name, value in _texts(row.values).items()}
    return {"id": row.id, "values": values}


def _texts(values: Mapping[str, Value]) -> dict[str, str]:
    return {
        name: str(value).lower() if isinstance(value, bool) else "null" if value is None else str(value)
        for name, value in values.items()
    }


def _file(scenarios: list[dict[str, Any]]) -> str:
    head = "# Made by `ussd test --generate`: the shortest dialogue to every transition of the menus.\n"
    return head + dumped({"scenarios": scenarios})
