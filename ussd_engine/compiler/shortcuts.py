"""Published dial strings: `**0*{client}*{amount}` and where it leads."""

from __future__ import annotations

from collections.abc import Mapping

from ussd_engine.compiler.draft import Draft
from ussd_engine.compiler.edges import wrong_format
from ussd_engine.compiler.schema import MenuSpec, ShortcutSpec
from ussd_engine.compiler.source import Path, Source
from ussd_engine.compiler.texts import TextCompiler, nearest
from ussd_engine.core.service import End, Question, Shortcut, Text
from ussd_engine.core.session import state_id

_MEND = "Fixed fields come first, then variables: `**0*{client}*{amount}`; `...` at the end takes anything."


def read_shortcuts(
    draft: Draft, texts: TextCompiler, says: Mapping[str, Text], source: Source, menu: MenuSpec
) -> None:
    """Add a file's shortcuts to the draft, and for each the end that shows its format."""
    found: list[Shortcut] = []
    for index, spec in enumerate(menu.shortcuts):
        at: Path = ("shortcuts", index)
        shortcut = _read(draft, source, at, menu.menu, spec)
        if shortcut is None:
            continue
        for other in found:
            if _overlap(shortcut, other):
                what = f"'{spec.dial}' and '{other.name}' mean the same digits."
                draft.say(source, (*at, "dial"), "shortcut-overlap", what, "Change one of them.")
        found.append(shortcut)
        name = wrong_format(shortcut)
        text = says["wrong_dial"] if spec.wrong is None else texts.text(source, (*at, "wrong"), spec.wrong)
        draft.states[name] = End(name=name, id=state_id(name), menu=menu.menu, text=text)
        draft.places[name] = (source, at)
    if found:
        draft.shortcuts[menu.menu] = tuple(sorted(found, key=lambda shortcut: -len(shortcut.fixed)))


def _read(draft: Draft, source: Source, at: Path, menu: str, spec: ShortcutSpec) -> Shortcut | None:
    place: Path = (*at, "dial")
    if not spec.dial.startswith("*"):
        draft.say(source, place, "shortcut", f"'{spec.dial}' does not begin with '*'.", _MEND)
        return None
    parts = spec.dial[1:].split("*")
    rest = parts[-1] == "..."
    parts = parts[:-1] if rest else parts
    fixed = tuple(part for part in parts if not part.startswith("{"))
    names = tuple(part.strip("{}") for part in parts if part.startswith("{"))
    written = [*fixed, *(f"{{{name}}}" for name in names)]
    if written != parts or not all(part.isdigit() or not part for part in fixed) or (rest and names):
        draft.say(source, place, "shortcut", f"'{spec.dial}' is no shortcut.", _MEND)
        return None
    if len(set(names)) < len(names):
        draft.say(source, place, "shortcut", f"'{spec.dial}' has a variable twice.", "Name each once.")
    goto = draft.target(source, (*at, "goto"), menu, spec.goto)
    menus = tuple(dict.fromkeys((menu, goto.split(".")[0])))
    questions = tuple(_question(draft, source, place, menus, name) for name in names)
    return Shortcut(menu, spec.dial, fixed, names, questions, goto, rest, spec.over is not None)


def _question(draft: Draft, source: Source, place: Path, menus: tuple[str, ...], name: str) -> str:
    """A field is the variable of a question of its own menu, or else of the one it leads to, and no PIN.

    Returns: the question's name; empty where there is none.
    """
    found = (draft.questions[menu, name] for menu in menus if (menu, name) in draft.questions)
    question = next(found, "")
    if not question:
        known = [variable for owner, variable in draft.questions if owner in menus]
        of = " or ".join(f"'{menu}'" for menu in menus)
        what = f"no question of menu {of} asks for '{name}'."
        draft.say(source, place, "shortcut-field", what, nearest(name, known))
        return ""
    asks = draft.states[question]
    if isinstance(asks, Question) and asks.type.kind == "pin":
        what = f"'{name}' is a PIN: it would be dialled in the open."
        draft.say(source, place, "secret", what, "Leave it out; it is asked for.")
    return question


def _overlap(one: Shortcut, other: Shortcut) -> bool:
    if one.fixed != other.fixed:
        return False
    return one.rest or other.rest or len(one.variables) == len(other.variables)
