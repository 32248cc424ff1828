"""Actions: what a menu's `do:` and `list:` call, declared so that menus can be proved against them.

    @action("invoices.issue", changes=True)
    async def issue(call: Call, client: Msisdn, amount: Amount) -> Issued | Duplicate: ...

One that has nothing to wait for may be a plain function: while it works, every dialogue of the process waits.

A result is a frozen dataclass; its name in the menu is the class's name in small letters (`Issued` ->
`issued`, `NotFound` -> `not_found`). Its fields are the variables it sets, those of a nested dataclass with
a dot (`invoice.number`). A list's action takes `after` and `limit` as well and returns `Rows[RowClass]`; a
row's field `id` names it, the others show as `{row.field}`. Every text says how long it can get
(`Annotated[str, Max(14)]`).
"""

from __future__ import annotations

import dataclasses
import inspect
import re
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Generic, TypeVar, Union, get_args, get_origin, get_type_hints

from ussd_engine.core.events import ActionDone, Row
from ussd_engine.text.template import Value


@dataclass(frozen=True, slots=True)
class Max:
    """The largest value of a variable: characters of a text, an amount's minor units, a number.

    `gsm`: the text holds no character outside the GSM 7-bit alphabet.
    """

    value: int
    kind: str | None = None
    gsm: bool = False


Msisdn = Annotated[str, Max(15, "msisdn", gsm=True)]
Amount = Annotated[int, Max(999_999_999_99, "money")]
"""Minor units of the currency."""
When = Annotated[int, Max(4_102_444_800, "time")]
"""Unix seconds, UTC."""
Word = Annotated[str, Max(20, "word", gsm=True)]
"""One of the words of a `words:` table."""
PushState = Annotated[str, Max(81, "state")]
"""A parameter that takes the full name of a state with `push:`."""
Secret = Annotated[str, Max(64, "secret")]
"""A parameter that takes a secret answer; never shown, stored or logged."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What a variable or parameter holds: its kind, its largest value, and whether it may be left out."""

    kind: str
    max: int
    gsm: bool = False
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """Who calls an action, and the key under which its effect happens at most once.

    `key` is equal for every repeat of the same turn: gateway, its dialogue id, msisdn, answers consumed,
    state. `deadline` is when the subscriber must have an answer, on the event loop's clock.
    """

    gateway: str
    dialogue: str
    msisdn: str
    language: str
    key: str
    deadline: float


RowT = TypeVar("RowT")


@dataclass(frozen=True, slots=True)
class Rows(Generic[RowT]):
    """One page of a list; `more`: there are rows after these."""

    rows: Sequence[RowT] = ()
    more: bool = False


Function = Callable[..., Any]
Reader = Callable[[object], dict[str, Value]]


@dataclass(frozen=True, slots=True)
class Action:
    """An action as declared.

    Attributes:
        parameters: what it takes, without `call`, `after` and `limit`.
        results: for each result the variables it sets; a list's single result is `rows`.
        row: what a row of a list can show, else None.
        changes: it changes something, so it is left running when the deadline passes.
        waits: its function is asynchronous, so it is awaited.
    """

    name: str
    function: Function = field(repr=False)
    parameters: Mapping[str, Shape]
    results: Mapping[str, Mapping[str, Shape]]
    row: Mapping[str, Shape] | None
    changes: bool
    readers: Mapping[type, tuple[str, Reader]] = field(repr=False)
    waits: bool = field(init=False)

    def __post_init__(self) -> None:
        """See whether the function, or the one it wraps, is asynchronous."""
        waits = any(map(inspect.iscoroutinefunction, (self.function, inspect.unwrap(self.function))))
        object.__setattr__(self, "waits", waits)

    async def run(self, call: Call, args: Mapping[str, Value], at: float) -> ActionDone:
        """Perform it and name what came back.

        Raises:
            TypeError: the function returned something it had not declared.
        """
        outcome = self.function(call, **args)
        return self._named(await outcome if self.waits else outcome, at)

    def run_at_once(self, call: Call, args: Mapping[str, Value], at: float) -> ActionDone:
        """As `run`, for one that does not wait."""
        return self._named(self.function(call, **args), at)

    def _named(self, outcome: Any, at: float) -> ActionDone:
        if isinstance(outcome, Rows):
            read = next((read for result, read in self.readers.values() if result == "rows"), None)
            if read is None:
                raise TypeError(f"action '{self.name}' returned rows that it had not declared")
            rows = tuple(Row(str(row.id), read(row)) for row in outcome.rows)
            return ActionDone(at, "rows", rows=rows, more=outcome.more)
        try:
            result, read = self.readers[type(outcome)]
        except KeyError:
            raise TypeError(f"action '{self.name}' returned an undeclared {type(outcome).__name__}") from None
        return ActionDone(at, result, read(outcome))


def action(name: str, *, changes: bool = False) -> Callable[[Function], Action]:
    """Declare a function as the action `name`; see the module's text for its annotations."""

    def declare(function: Function) -> Action:
        return declared(name, function, changes=changes)

    return declare


def declared(name: str, function: Function, *, changes: bool = False) -> Action:
    """Read an action's declaration from its annotations.

    Raises:
        TypeError: a parameter or field without a type that menus know.
    """
    hints = get_type_hints(function, include_extras=True)
    returned = hints.pop("return", None)
    signature = inspect.signature(function)
    parameters = {}
    for parameter in list(signature.parameters.values())[1:]:
        if parameter.name in ("after", "limit"):
            continue
        shape = _shape(hints.get(parameter.name), f"parameter '{parameter.name}' of action '{name}'")
        optional = shape.optional or parameter.default is not inspect.Parameter.empty
        parameters[parameter.name] = dataclasses.replace(shape, optional=optional)

    results: dict[str, Mapping[str, Shape]] = {}
    readers: dict[type, tuple[str, Reader]] = {}
    row: Mapping[str, Shape] | None = None
    for kind in _members(returned):
        if get_origin(kind) is Rows:
            (row_class,) = get_args(kind)
            row = {f"row.{k}": v for k, v in _fields(row_class, name).items() if k != "id"}
            readers[row_class] = ("rows", _reader(row_class, "row."))
            results["rows"] = {}
        elif dataclasses.is_dataclass(kind) and isinstance(kind, type):
            result = _snake(kind.__name__)
            results[result] = _fields(kind, name)
            readers[kind] = (result, _reader(kind, ""))
        else:
            raise TypeError(f"action '{name}' returns {kind!r}: results are dataclasses or Rows[…]")
    return Action(name, function, parameters, results, row, changes, readers)


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def _members(annotation: Any) -> tuple[Any, ...]:
    return get_args(annotation) if get_origin(annotation) in (types.UnionType, Union) else (annotation,)


def _shape(annotation: Any, where: str) -> Shape:
    optional = False
    members = [member for member in _members(annotation) if member is not type(None)]
    if len(members) == 1 and members[0] is not annotation:
        optional, annotation = True, members[0]
    marks = [mark for mark in getattr(annotation, "__metadata__", ()) if isinstance(mark, Max)]
    base = get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation
    members = [member for member in _members(base) if member is not type(None)]
    if len(members) == 1 and members[0] is not base:  # `Annotated[str | None, Max(14)]`
        optional, base = True, members[0]
    if base is bool:
        return Shape("flag", 1, optional=optional)
    if marks and base in (str, int):
        kind = marks[0].kind or ("text" if base is str else "integer")
        return Shape(kind, marks[0].value, marks[0].gsm, optional)
    raise TypeError(f"{where} needs a type that says how large it gets, such as Annotated[str, Max(14)]")


def _members_of(kind: type) -> Iterator[tuple[str, Any]]:
    hints = get_type_hints(kind, include_extras=True)
    for item in dataclasses.fields(kind):
        yield item.name, hints[item.name]


def _fields(kind: type, action_name: str) -> dict[str, Shape]:
    found: dict[str, Shape] = {}
    for name, annotation in _members_of(kind):
        if dataclasses.is_dataclass(annotation) and isinstance(annotation, type):
            found |= {f"{name}.{k}": shape for k, shape in _fields(annotation, action_name).items()}
        elif name == "id":
            found["id"] = Shape("text", 64)
        else:
            found[name] = _shape(annotation, f"field '{name}' of {kind.__name__}, action '{action_name}'")
    return found


def _reader(kind: type, prefix: str) -> Reader:
    plain: list[tuple[str, str]] = []
    nested: list[tuple[str, Reader]] = []
    for name, annotation in _members_of(kind):
        if dataclasses.is_dataclass(annotation) and isinstance(annotation, type):
            nested.append((name, _reader(annotation, f"{prefix}{name}.")))
        elif not (prefix == "row." and name == "id"):
            plain.append((prefix + name, name))

    def read(outcome: object) -> dict[str, Value]:
        values: dict[str, Value] = {key: getattr(outcome, name) for key, name in plain}
        for name, inner in nested:
            values |= inner(getattr(outcome, name))
        return values

    return read
