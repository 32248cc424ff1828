"""What dialled digits mean, kept so that a menu edit can't change it unnoticed.

People remember digit strings and print shortcuts on posters: the order of options is an interface. A baseline
names, for every menu a dialogue can begin in, where each shortcut and each path of digits leads.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from ussd_engine.compiler.source import Path, Source
from ussd_engine.core.errors import Problem
from ussd_engine.core.screens import has_fixed_text
from ussd_engine.core.service import BACK, START, AnyState, Question, Screen, Service, Shortcut

DEPTH_MAX = 5
"""Digits of a path; nobody remembers more."""


class Baseline(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was published: `{menu: {digits or shortcut: where it leads}}`."""

    shortcuts: dict[str, dict[str, str]]
    paths: dict[str, dict[str, str]]


def baseline(service: Service, entries: Mapping[str, str]) -> Baseline:
    """Take the present menus' baseline; `entries` are the first screens of dialogues by menu."""
    return Baseline(
        shortcuts={
            menu: {
                shortcut.name: f"{shortcut.goto} {_kinds(service, shortcut)}".strip()
                for shortcut in service.shortcuts.get(menu, ())
            }
            for menu in entries
        },
        paths={menu: dict(_paths(service, entry)) for menu, entry in entries.items()},
    )


def entries(service: Service) -> dict[str, str]:
    """Find the screens a dialogue can begin on, one for each menu."""
    found: dict[str, str] = {}
    for name, state in service.states.items():
        if isinstance(state, Screen | Question) and "wrong_dial" in state.triggers:
            found.setdefault(state.menu, name)
    return found


def write(known: Baseline) -> str:
    """Write a baseline as JSON for people to read and to keep beside the menus."""
    octets = msgspec.json.encode(known, order="sorted")
    return msgspec.json.format(octets, indent=2).decode() + "\n"


def read(text: str) -> Baseline:
    """Read what `write` wrote.

    Raises:
        ValueError: it is no baseline.
    """
    return msgspec.json.decode(text, type=Baseline)


def changes(
    service: Service, known: Baseline, places: Mapping[str, tuple[Source, Path]]
) -> Iterator[Problem]:
    """Yield a problem for everything published that now leads elsewhere or nowhere."""
    now_entries = entries(service)
    now = baseline(service, now_entries)
    code = service.service_code.removesuffix("#")
    for menu, shortcuts in known.shortcuts.items():
        for pattern, meant in shortcuts.items():
            means = now.shortcuts.get(menu, {}).get(pattern)
            if means != meant:
                what = f"{code}{pattern}# of menu '{menu}' led to '{meant}', now {_to(means)}."
                yield _problem(places, now_entries.get(menu), ("shortcuts",), what)
    for menu, paths in known.paths.items():
        lost: list[str] = []
        for digits, meant in sorted(paths.items(), key=lambda item: (len(item[0]), item[0])):
            means = now.paths.get(menu, {}).get(digits)
            # A path that goes on from a changed one says nothing new.
            if means == meant or any(digits.startswith(f"{shorter}*") for shorter in lost):
                continue
            lost.append(digits)
            what = f"{code}*{digits}# of menu '{menu}' led to '{meant}', now {_to(means)}."
            screen = _screen_of(service, now_entries.get(menu), digits)
            yield _problem(places, screen, ("options",), what)


def _paths(service: Service, entry: str) -> Iterator[tuple[str, str]]:
    """Yield where digits lead, through screens that can be passed blindly."""
    ahead: list[tuple[tuple[str, ...], str]] = [((), entry)]
    while ahead:
        digits, name = ahead.pop(0)
        state = service.states[name]
        if not isinstance(state, Screen) or not has_fixed_text(state) or len(digits) == DEPTH_MAX:
            continue
        for option in state.options:
            if option.goto in (BACK, START):
                continue
            path = (*digits, option.key)
            yield "*".join(path), option.goto
            # The same screen again, deeper, is a way round, not a way on.
            if (
                option.goto != name
                and len(path) < DEPTH_MAX
                and not _seen(service, entry, digits, option.goto)
            ):
                ahead.append((path, option.goto))


def _seen(service: Service, entry: str, digits: tuple[str, ...], target: str) -> bool:
    name = entry
    for digit in digits:
        if name == target:
            return True
        state = service.states[name]
        assert isinstance(state, Screen)
        name = state.by_key[digit].goto
    return name == target


def _screen_of(service: Service, entry: str | None, digits: str) -> str | None:
    """Follow digits as far as they lead; the screen where they end is where the mend is."""
    name = entry
    for digit in digits.split("*")[:-1]:
        state: AnyState | None = service.states.get(name or "")
        if not isinstance(state, Screen) or digit not in state.by_key:
            break
        name = state.by_key[digit].goto
    return name


def _kinds(service: Service, shortcut: Shortcut) -> str:
    found = []
    for question in shortcut.questions:
        state = service.states[question]
        found.append(state.type.kind if isinstance(state, Question) else "?")
    return f"({', '.join(found)})" if found else ""


def _to(means: str | None) -> str:
    return "leads nowhere" if means is None else f"leads to '{means}'"


def _problem(
    places: Mapping[str, tuple[Source, Path]], name: str | None, below: tuple[str, ...], what: str
) -> Problem:
    source, path = places[name] if name is not None and name in places else next(iter(places.values()))
    at: Path = below if below == ("shortcuts",) else (*path, *below)
    mend = (
        "Put it back, or publish the change and take a new baseline with `ussd check --write-baseline FILE`."
    )
    return source.problem(at, "dial-changed", what, mend, on_key=True)
