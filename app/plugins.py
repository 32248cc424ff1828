"""What is found by entry point: gateways, session stores, actions, banks; ours and third parties' alike."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeGuard, cast

from aiohttp import web

from adapters.http import Door, Observer, TurnHandler
from adapters.lines import LineState
from ussd_engine import Action, Pusher

ADAPTERS = "ussd_engine.adapters"
STORES = "ussd_engine.stores"
ACTIONS = "ussd_engine.actions"
PROCESSORS = "invoicing.processors"


class HttpFamily(Protocol):
    """An adapter class that is called over HTTP; `options_type` is a frozen dataclass of its settings."""

    options_type: ClassVar[type[Any]]

    def __init__(self, name: str, options: Any, door: Door) -> None:
        """`options` is an `options_type`."""

    def routes(self) -> Iterable[web.RouteDef]:
        """What it serves, all under `/gateways/<name>`."""

    async def close(self) -> None:
        """Let what is still on its way go out: the service ends, and nothing is asked any more."""


class LinkFamily(Protocol):
    """An adapter class that keeps a line to somebody; one that carries SMS too is an `SmsCarrier`."""

    options_type: ClassVar[type[Any]]

    def __init__(self, name: str, options: Any, observe: Observer, trouble: str) -> None:
        """Make it, and connect to nobody yet.

        Args:
            options: an `options_type`.
            trouble: what a subscriber reads whose turn failed.

        Raises:
            OSError, ValueError: the options name what isn't there, or don't go together.
        """

    @property
    def state(self) -> LineState:
        """How the line is now."""

    async def run(self, engine: TurnHandler) -> None:
        """Keep the line and play dialogues until cancelled; then end in order."""


class UnknownPlugin(LookupError):
    """Nothing installed has this name; `known` lists what has."""

    def __init__(self, group: str, name: str, known: Iterable[str]) -> None:
        self.known = tuple(sorted(known))
        super().__init__(f"nothing named '{name}' in {group}; installed: {', '.join(self.known)}")


@cache
def _group(group: str) -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=group)}


def adapter(kind: str) -> type[HttpFamily] | type[LinkFamily]:
    """The class behind a gateway's `kind`.

    Raises:
        UnknownPlugin: no installed distribution has it.
    """
    return cast("type[HttpFamily] | type[LinkFamily]", _load(ADAPTERS, kind))


def is_link(family: type[HttpFamily] | type[LinkFamily]) -> TypeGuard[type[LinkFamily]]:
    """Whether an adapter class keeps a line."""
    return hasattr(family, "run")


def is_http(family: type[HttpFamily] | type[LinkFamily]) -> TypeGuard[type[HttpFamily]]:
    """Whether an adapter class is called over HTTP."""
    return hasattr(family, "routes")


def is_pusher(gateway: object) -> TypeGuard[Pusher]:
    """Whether a gateway can show phones what they have not dialled for."""
    return hasattr(gateway, "push")


def store(name: str) -> Any:
    """The class of a session store.

    Raises:
        UnknownPlugin: no installed distribution has it.
    """
    return _load(STORES, name)


def processor(name: str) -> Any:
    """The class of a card processor, made with the database and a key.

    Raises:
        UnknownPlugin: no installed distribution has it.
    """
    return _load(PROCESSORS, name)


class BadModule(Exception):
    """A module of `[menus] actions` can't be imported or has no actions; the message says which and why."""


_of_modules: dict[str, Action] = {}


def use_modules(names: Iterable[str]) -> None:
    """Import modules and take every `Action` in them, as if their packages were installed.

    Raises:
        BadModule: see there.
    """
    for name in names:
        if "" not in sys.path and str(Path.cwd()) not in sys.path:
            sys.path.insert(0, str(Path.cwd()))
        try:
            module = importlib.import_module(name)
        except Exception as error:
            raise BadModule(f"[menus] actions: module '{name}': {type(error).__name__}: {error}") from error
        found = {value.name: value for value in vars(module).values() if isinstance(value, Action)}
        if not found:
            raise BadModule(f"[menus] actions: module '{name}' has no @action")
        _of_modules.update(found)


def actions() -> dict[str, Action]:
    """The actions of named modules and installed packs.

    A pack's entry point leads to a function that gives `{name: Action}`.
    """
    found = dict(_of_modules)
    for name in _group(ACTIONS):
        found |= _load(ACTIONS, name)()
    return found


def _load(group: str, name: str) -> Any:
    try:
        point = _group(group)[name]
    except KeyError:
        raise UnknownPlugin(group, name, _group(group)) from None
    return point.load()
