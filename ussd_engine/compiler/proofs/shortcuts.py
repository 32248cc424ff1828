"""Shortcuts that compile, and yet will not do what their author thinks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ussd_engine.compiler.draft import Draft
from ussd_engine.compiler.edges import wrong_format
from ussd_engine.compiler.proofs.subject import short
from ussd_engine.core.errors import Problem
from ussd_engine.core.service import Screen, Shortcut


def shortcut_warnings(draft: Draft, entries: Iterable[str]) -> Iterator[Problem]:
    """Warn of shortcuts in menus where no dialogue begins, and of those that begin like an option.

    `entries`: the screens and questions on which a dialogue can begin.
    """
    begun = {draft.states[entry].menu for entry in entries}
    for menu, shortcuts in draft.shortcuts.items():
        for shortcut in () if menu in begun else shortcuts:
            what = f"no dialogue begins in menu '{menu}', so nobody can dial '{shortcut.name}'."
            where = ", ".join(sorted(f"'{one}'" for one in begun)) or "none"
            mend = f"Move it to a menu where dialogues begin ({where}), or delete it."
            yield _warning(draft, shortcut, "shortcut-unused", what, mend)
    for entry in entries:
        yield from _shadowed(draft, entry)


def _shadowed(draft: Draft, entry: str) -> Iterator[Problem]:
    """Warn of shortcuts that begin like the way by options: the shortcut wins where both fit."""
    screen = draft.states[entry]
    if not isinstance(screen, Screen):
        return
    for shortcut in draft.shortcuts.get(screen.menu, ()):
        if shortcut.fixed and shortcut.fixed[0] in screen.by_key and not shortcut.over_options:
            what = (
                f"'{shortcut.name}' begins like option {shortcut.fixed[0]} of state '{short(entry)}': "
                "whatever is dialled after that digit means the shortcut."
            )
            mend = "Begin it with an empty field (`**…`) or another digit, or say `over: options`."
            yield _warning(draft, shortcut, "shortcut-overlap", what, mend)


def _warning(draft: Draft, shortcut: Shortcut, rule: str, what: str, mend: str) -> Problem:
    source, path = draft.places[wrong_format(shortcut)]
    return source.problem((*path, "dial"), rule, what, mend, warning=True)
