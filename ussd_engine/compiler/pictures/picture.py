"""A menu as a picture: boxes with what the subscriber sees, and an arrow for every key and result.

The ways that every screen has (wrong answers, turning pages, the way back, cuts) are left out. Here is what a
picture shows; `svg` and `text` draw it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from ussd_engine.core.service import (
    BACK,
    START,
    AnyState,
    Do,
    End,
    Invoke,
    Listing,
    Question,
    Return,
    Screen,
    Service,
    Switch,
    Text,
)
from ussd_engine.text.template import Part, Slot

Kind = Literal["screen", "question", "list", "do", "switch", "call", "return", "end"]


@dataclass(frozen=True, slots=True)
class Way:
    """A way out of a state: what is typed or what came back, and where it leads.

    `target` is a state's full name; None: back to where one came from, or out of a call.
    """

    label: str
    target: str | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Box:
    """A state: the lines of its text, its ways out, and what leads in from outside.

    `title` is its name within its menu.
    """

    name: str
    menu: str
    title: str
    kind: Kind
    lines: tuple[str, ...]
    ways: tuple[Way, ...]
    entries: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """Boxes by menu: first the one where every dialogue begins, at `start`; the others as the files stand."""

    service_code: str
    start: str
    menus: dict[str, tuple[Box, ...]]

    def boxes(self) -> Iterator[Box]:
        """Yield every box."""
        for boxes in self.menus.values():
            yield from boxes


def picture(service: Service, language: str | None = None, menu: str | None = None) -> Picture:
    """Make the picture of a service, or of one of its menus.

    Args:
        language: of the texts; the service's first unless given.

    Raises:
        KeyError: the service has no such language or menu.
    """
    spoken = language or service.languages[0]
    if spoken not in service.languages:
        raise KeyError(spoken)
    entries = _entries(service)
    first = service.states[service.start].menu
    menus: dict[str, list[Box]] = {first: []}
    for name, state in service.states.items():
        if state.menu and "!" not in name:
            box = _box(service, state, spoken, tuple(entries.get(name, ())))
            menus.setdefault(state.menu, []).append(box)
    if menu is not None:
        menus = {menu: menus[menu]}
    return Picture(service.service_code, service.start, {name: tuple(boxes) for name, boxes in menus.items()})


def _entries(service: Service) -> dict[str, list[str]]:
    """For each state, the dialled strings and the states of other menus that lead to it."""
    found: dict[str, list[str]] = {service.start: [service.service_code]}
    for shortcuts in service.shortcuts.values():
        for shortcut in shortcuts:
            dialled = f"{service.service_code.removesuffix('#')}{shortcut.name}#"
            found.setdefault(shortcut.goto, []).append(dialled)
    for name, state in service.states.items():
        for way in _ways(state, service.start) if "!" not in name else ():
            target = service.states.get(way.target or "")
            if target is not None and target.menu != state.menu and way.target != service.start:
                tag = f"from {name}"
                if tag not in found.setdefault(target.name, []):
                    found[target.name].append(tag)
    return found


def _box(service: Service, state: AnyState, language: str, entries: tuple[str, ...]) -> Box:
    kind, lines = _shown(state, language)
    return Box(
        name=state.name,
        menu=state.menu,
        title=state.name.split(".", 1)[1],
        kind=kind,
        lines=tuple(lines),
        ways=tuple(_ways(state, service.start, language)),
        entries=entries,
    )


def _shown(state: AnyState, language: str) -> tuple[Kind, list[str]]:
    match state:
        case Screen():
            return "screen", written(state.text, language)
        case Question():
            return "question", written(state.text, language)
        case End():
            return "end", written(state.text, language)
        case Listing():
            title = written(state.text, language) if state.text is not None else []
            return "list", [*title, *written(state.row, language)]
        case Do():
            return "do", [state.action]
        case Switch():
            return "switch", [f"{state.variable}?"]
        case Invoke():
            return "call", [state.target]
        case Return():
            return "return", [state.result]


def _ways(state: AnyState, start: str, language: str | None = None) -> Iterator[Way]:
    def to(target: str) -> str | None:
        return None if target == BACK else start if target == START else target

    match state:
        case Screen():
            for option in state.options:
                text = "" if language is None else " ".join(written(option.text, language))
                note = f"if {option.when}" if option.when is not None else ""
                yield Way(f"{option.key}.{text}", to(option.goto), note)
        case Question():
            yield Way(f"{{{state.variable}}}", to(state.goto), state.type.kind)
        case Listing():
            if state.goto is not None:
                yield Way(f"{{{state.variable}}}", to(state.goto), "a row")
            for result, target in state.on.items():
                yield Way(result, to(target))
        case Do():
            for result, target in state.on.items():
                yield Way(result, to(target))
        case Switch():
            for value, target in state.cases.items():
                yield Way(value, to(target))
            if state.otherwise is not None:
                yield Way("else", to(state.otherwise))
        case Invoke():
            yield Way("call", to(state.target))
            for result, target in state.on.items():
                yield Way(result, to(target))
        case Return():
            yield Way("return", None)
        case End():
            return


def written(text: Text, language: str) -> list[str]:
    """Show a text as its author wrote it, line by line, without the variables' formats."""
    source = "".join(map(_source, text.by_language[language].parts))
    return source.replace("\n]", "]\n").replace("[\n", "\n[").split("\n")


def _source(part: Part) -> str:
    if isinstance(part, str):
        return part
    if isinstance(part, Slot):
        return f"{{{part.name}}}"
    return f"[{''.join(map(_source, part.parts))}]"
