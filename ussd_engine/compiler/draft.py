"""A service on its way from files to menus."""

from __future__ import annotations

from dataclasses import dataclass, field

from ussd_engine.actions import Action
from ussd_engine.compiler.source import Path, Source
from ussd_engine.core.answers import AnswerType
from ussd_engine.core.errors import Problem
from ussd_engine.core.http import HttpAction
from ussd_engine.core.service import BACK, START, AnyState, Keys, Shortcut


@dataclass(kw_only=True)
class Draft:
    """What has been read so far, and what is wrong with it.

    Attributes:
        actions: those that menus can use, those they declare themselves included.
        http: the latter, as they are performed.
        states: by full name, in the order of the files.
        places: where each state stands; the engine's own states stand nowhere.
        shortcuts: by menu, those with the longest fixed part first.
        questions: per menu and variable, the question that asks for it.
        pushes: by state, what a dialogue that the service begins there is given.
    """

    actions: dict[str, Action]
    http: dict[str, HttpAction] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    keys: Keys = field(default_factory=Keys)
    states: dict[str, AnyState] = field(default_factory=dict)
    places: dict[str, tuple[Source, Path]] = field(default_factory=dict)
    shortcuts: dict[str, tuple[Shortcut, ...]] = field(default_factory=dict)
    questions: dict[tuple[str, str], str] = field(default_factory=dict)
    pushes: dict[str, dict[str, AnswerType]] = field(default_factory=dict)

    def say(
        self, source: Source, path: Path, rule: str, what: str, mend: str, *, on_key: bool = False
    ) -> None:
        """Note a problem."""
        self.problems.append(source.problem(path, rule, what, mend, on_key=on_key))

    def target(self, source: Source, path: Path, menu: str, goto: str) -> str:
        """Return the full name of where a `goto` that stands at a path leads."""
        if goto in ("back", "start"):
            if "options" not in path:
                what = f"only an option can go `{goto}`."
                self.say(source, path, "target", what, "Name a state.")
            return BACK if goto == "back" else START
        return goto if "." in goto else f"{menu}.{goto}"
