"""Fake actions: they come back with what a scenario says, in order, and check what they are given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from ussd_engine.actions import Action, Call, Shape
from ussd_engine.core.events import ActionDone, Row
from ussd_engine.core.http import HttpAction
from ussd_engine.scenarios.model import Result
from ussd_engine.text.template import Value

NUMBERS = frozenset({"integer", "money", "time"})
"""Kinds whose values are whole numbers; `flag` is true or false, all others are texts."""


@dataclass(frozen=True, slots=True)
class _Fake(Action):
    fakes: Fakes | None = field(default=None, repr=False)

    async def run(self, call: Call, args: Mapping[str, Value], at: float) -> ActionDone:
        """Come back with the next result of the scenario."""
        return self.run_at_once(call, args, at)

    def run_at_once(self, _call: Call, args: Mapping[str, Value], at: float) -> ActionDone:
        """As `run`."""
        assert self.fakes is not None
        return self.fakes.next(self.name, args, at)


class Fakes:
    """One scenario's fake actions, over the declarations that its menus are proved against.

    `problems`: what a scenario should have said about them and didn't.
    """

    def __init__(
        self,
        results: Mapping[str, tuple[Result, ...]],
        declared: Mapping[str, Action],
        http: Mapping[str, HttpAction] | None = None,
    ) -> None:
        """`http`: the actions that the menus declare themselves (`Service.http`)."""
        self.problems: list[str] = []
        self._declared = declared
        self._http = http or {}
        self._results = {name: list(given) for name, given in results.items()}
        known = declared.keys() | self._http.keys()
        self.problems += [f"no action is named '{name}'" for name in results.keys() - known]

    def actions(self) -> dict[str, Action]:
        """The table for an engine."""
        return {
            name: _Fake(**{f.name: getattr(action, f.name) for f in fields(Action) if f.init}, fakes=self)
            for name, action in self._declared.items()
        }

    async def run(self, action: HttpAction, _call: Call, args: Mapping[str, Value], at: float) -> ActionDone:
        """Stand for an action that menus declare themselves (`ussd_engine.ports.HttpRunner`)."""
        return self.next(action.name, args, at)

    def next(self, name: str, args: Mapping[str, Value], at: float) -> ActionDone:
        """The next result of an action; the last one comes again and again."""
        waiting = self._results.get(name)
        if not waiting:
            self.problems.append(f"'{name}' was called, but `actions:` has no result for it")
            return ActionDone(at, "failed")
        given = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        if given.given is not None:
            self._check(name, given.given, args)
        return self._done(name, given, at)

    def _check(self, name: str, expected: Mapping[str, str], args: Mapping[str, Value]) -> None:
        for key, text in expected.items():
            found = _written(args[key]) if key in args else "nothing"
            if found != text:
                self.problems.append(f"'{name}' was given {key}={found}, expected {text}")

    def _done(self, name: str, given: Result, at: float) -> ActionDone:
        action = self._declared.get(name)
        results = action.results if action is not None else self._http[name].results
        shapes = results.get(given.result, {})
        values = {key: self._value(name, key, text, shapes) for key, text in given.values.items()}
        row_shapes = (action.row if action is not None else None) or {}
        rows = tuple(
            Row(row, {key: self._value(name, key, text, row_shapes) for key, text in _with_prefix(texts)})
            for row, texts in given.rows
        )
        return ActionDone(at, given.result, values, rows, given.more)

    def _value(self, name: str, key: str, text: str, shapes: Mapping[str, Shape]) -> Value:
        shape = shapes.get(key)
        if shape is None:
            self.problems.append(f"'{name}' sets no '{key}' with this result")
            return text
        try:
            return typed(text, shape)
        except ValueError:
            self.problems.append(f"'{name}' sets '{key}' to a {shape.kind}, not to '{text}'")
            return text


def typed(text: str, shape: Shape) -> Value:
    """Read a value as its declaration says.

    Raises:
        ValueError: it can't be one.
    """
    if shape.optional and text in ("", "null"):
        return None
    if shape.kind == "flag":
        if text not in ("true", "false"):
            raise ValueError(text)
        return text == "true"
    return int(text) if shape.kind in NUMBERS else text


def _with_prefix(texts: Mapping[str, str]) -> list[tuple[str, str]]:
    """Rows' values as menus name them: `number` is `row.number`."""
    return [(f"row.{name.removeprefix('row.')}", text) for name, text in texts.items()]


def _written(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)
