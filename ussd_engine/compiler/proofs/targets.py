"""Every `goto` names a state; where one doesn't, what the author wrote there is told."""

from __future__ import annotations

from collections.abc import Iterator

from ussd_engine.compiler.edges import Edge, wrong_format
from ussd_engine.compiler.proofs.subject import Subject, short
from ussd_engine.compiler.source import Path, Source
from ussd_engine.compiler.texts import nearest
from ussd_engine.core.errors import Problem
from ussd_engine.core.service import Do, Invoke, Listing, Return, Screen, Switch


def targets_exist(subject: Subject) -> Iterator[Problem]:
    """Every `goto` names a state."""
    for edge in subject.moves:
        if edge.target not in subject.states and not edge.implied:
            yield _lost(subject, edge)


def _lost(subject: Subject, edge: Edge) -> Problem:
    menu = subject.states[edge.source].menu
    target = edge.target.removeprefix(f"{menu}.")
    known = [name.removeprefix(f"{menu}.") for name in subject.states if ".!" not in name and name[0] != "!"]
    mend = f"{nearest(target, known)} Otherwise add a `{target}:` state under `states:`."
    if edge.trigger.startswith("dial "):
        source, path, name = _shortcut_place(subject, edge)
        what = f"shortcut '{name}' goes to '{target}', but no state has that name."
        return source.problem((*path, "goto"), "missing-target", what, mend)
    name, who, below = _written(subject, edge)
    what = f"{who} goes to '{target}', but no state has that name."
    return subject.at(name, "missing-target", what, mend, *below, on_key=False)


def _shortcut_place(subject: Subject, edge: Edge) -> tuple[Source, Path, str]:
    menu = subject.states[edge.source].menu
    for shortcut in subject.draft.shortcuts[menu]:
        if f"{edge.trigger} ".startswith(f"dial {shortcut.name} "):
            source, path = subject.draft.places[wrong_format(shortcut)]
            return source, path, shortcut.name
    raise LookupError(edge.trigger)


def _written(subject: Subject, edge: Edge) -> tuple[str, str, Path]:
    """Return the state in which an edge's target is written, what goes there, and the field."""
    name, state = edge.source, subject.states[edge.source]
    who = f"state '{short(name)}'"
    match state:
        case Screen():
            index, option = next((i, o) for i, o in enumerate(state.options) if o.key == edge.trigger)
            label = option.text.render(next(iter(option.text.by_language)), {})
            return name, f"option '{label}' of {who}", ("options", index, "goto")
        case Invoke():
            return name, who, ("call",)
        case Return():
            caller = edge.trigger.removeprefix("return>")
            return caller, f"state '{short(caller)}'", ("on", state.result)
        case Switch():
            case = next((value for value, goto in state.cases.items() if goto == edge.target), "else")
            return name, who, ("on", case)
        case Do() | Listing() if edge.trigger.startswith("=") and edge.trigger != "=one":
            result = edge.trigger[1:]
            return name, who, ("none",) if result == "none" else ("on", result)
        case _:
            return name, who, ("goto",)
