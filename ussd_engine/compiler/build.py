"""Compile menu files to a `Service`, or tell every mistake at once, in file order."""

from __future__ import annotations

import gc
import hashlib
import logging
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from ussd_engine.actions import Action
from ussd_engine.compiler import edges as graph
from ussd_engine.compiler.baseline import Baseline, changes
from ussd_engine.compiler.edges import Edge
from ussd_engine.compiler.explain import explained
from ussd_engine.compiler.http import HttpProblem, declared, http_action
from ussd_engine.compiler.proofs import prove, shadowed
from ussd_engine.compiler.schema import (
    ActionSpec,
    CallSpec,
    EndSpec,
    KeysSpec,
    LimitsSpec,
    ListSpec,
    MenuSpec,
    QuestionSpec,
    ReturnSpec,
    ScreenSpec,
    ShortcutSpec,
    StateSpec,
    SwitchSpec,
)
from ussd_engine.compiler.sizes import SizeProof
from ussd_engine.compiler.source import Path, Source, read
from ussd_engine.compiler.texts import TextCompiler, nearest
from ussd_engine.compiler.types import TypeProblem, answer_type
from ussd_engine.core.answers import TextType
from ussd_engine.core.errors import MenuError, Problem
from ussd_engine.core.http import HttpAction
from ussd_engine.core.machine import ServiceMachine
from ussd_engine.core.service import (
    ANEW,
    BACK,
    FAILED,
    GAVE_UP,
    IDLE,
    LATE,
    OFF,
    OFFER,
    RESUME,
    START,
    WRONG_DIAL,
    AnyState,
    Arg,
    Do,
    End,
    Invoke,
    Keys,
    Labels,
    Listing,
    Option,
    Question,
    Return,
    Screen,
    Service,
    Shortcut,
    Switch,
    Text,
)
from ussd_engine.core.session import state_id
from ussd_engine.text.cost import USSD_OCTETS_MAX
from ussd_engine.text.template import Template

IMPLICIT = {GAVE_UP: "gave_up", FAILED: "trouble", LATE: "late", WRONG_DIAL: "wrong_dial"}
"""Ends that every service has, and the engine's text each shows."""

# At DEBUG `transitions` writes several lines a trigger, which costs ten times the trigger.
logging.getLogger("transitions").setLevel(logging.WARNING)


def compile_menus(files: Mapping[str, str], actions: Mapping[str, Action]) -> Service:
    """Compile a service's menu files, `{name: text}`.

    Raises:
        MenuError: with every problem found.
    """
    service, problems = check(files, actions)
    errors = [problem for problem in problems if not problem.warning]
    if errors or service is None:
        raise MenuError(errors)
    return service


def check(
    files: Mapping[str, str], actions: Mapping[str, Action], *, published: Baseline | None = None
) -> tuple[Service | None, list[Problem]]:
    """Return the service, if it could be compiled, and all problems, warnings included, in file order.

    `published`: what dialled digits meant before; what leads elsewhere now is a problem.
    """
    collecting = gc.isenabled()
    gc.disable()  # tens of thousands of nodes live at once and none is garbage: half the time otherwise
    try:
        compilation = _Compilation(files, actions)
        service = compilation.run()
        if service is not None and published is not None:
            compilation.problems += changes(service, published, compilation.places)
    finally:
        if collecting:
            gc.enable()
    order = {path: index for index, path in enumerate(files)}
    problems = sorted(
        set(compilation.problems), key=lambda p: (order.get(p.path, 0), p.line, p.column, p.rule, p.what)
    )
    return service, problems


def size_proof(
    files: Mapping[str, str], actions: Mapping[str, Action], octets: int = USSD_OCTETS_MAX
) -> SizeProof:
    """Compile, and return what measures the screens for networks that carry so many octets.

    Raises:
        MenuError: the menus can't be compiled.
        ValueError: no menu could live with so few octets.
    """
    compilation = _Compilation(files, actions)
    service = compilation.run()
    if service is None:
        raise MenuError([problem for problem in compilation.problems if not problem.warning])
    return compilation.sizes(service, octets)


def content_version(files: Mapping[str, str]) -> bytes:
    """Hash a service's sources to four octets: equal menus have equal versions."""
    digest = hashlib.blake2b(digest_size=4)
    for name in sorted(files):
        digest.update(f"{name}\0{files[name]}\0".encode("utf-8", "surrogatepass"))
    return digest.digest()


class _Compilation:
    def __init__(self, files: Mapping[str, str], actions: Mapping[str, Action]) -> None:
        self.files = files
        self.actions = dict(actions)
        self.http: dict[str, HttpAction] = {}
        self.problems: list[Problem] = []
        self.states: dict[str, AnyState] = {}
        self.places: dict[str, tuple[Source, Path]] = {}
        self.shortcuts: dict[str, tuple[Shortcut, ...]] = {}
        self.questions: dict[tuple[str, str], str] = {}
        self.texts: TextCompiler

    def run(self) -> Service | None:
        menus = [pair for path, text in self.files.items() if (pair := self.parse(path, text)) is not None]
        root = self.root(menus)
        if root is None:
            return None
        source, spec = root
        self.texts = TextCompiler(source, spec, self.problems)
        for menu_source, menu in menus:
            self.texts.add_words(menu_source, menu)
        says = self.texts.says(source, spec)
        keys = spec.keys or KeysSpec()
        self.keys = Keys(keys.back, keys.home, keys.more, keys.previous)
        if len({keys.back, keys.home, keys.more, keys.previous}) < 4:
            what = "two of the service's keys are the same."
            self.say(source, ("keys",), "service-keys", what, "Give back, home, more and previous one each.")
        for menu_source, menu in menus:
            self.read_actions(menu_source, menu)
            self.read_states(menu_source, menu)
        for menu_source, menu in menus:
            self.read_shortcuts(menu_source, menu, says)
        start = self.start(source, spec)
        if start is None:
            return None
        for name, code in IMPLICIT.items():
            self.states[name] = End(name=name, id=state_id(name), menu="", text=says[code])
        if any(state.resume == "confirm" for state in self.states.values()):
            self.states[OFFER] = self.offer(says)
        nothing = Text({language: Template("") for language in self.texts.languages})
        self.states[OFF] = End(name=OFF, id=state_id(OFF), menu="", text=nothing)
        self.tell_apart()
        if any(problem.rule in _FATAL for problem in self.problems):
            return None
        return self.finish(spec, start, says)

    def offer(self, says: Mapping[str, Text]) -> Screen:
        options = (
            Option(key="1", text=says["resume.yes"], goto=RESUME),
            Option(key="2", text=says["resume.no"], goto=ANEW),
        )
        by_key = {option.key: option for option in options}
        text = says["resume.question"]
        return Screen(name=OFFER, id=state_id(OFFER), menu="", text=text, options=options, by_key=by_key)

    # --- files --------------------------------------------------------------------------------------------

    def parse(self, path: str, text: str) -> tuple[Source, MenuSpec] | None:
        source = read(path, text)
        self.problems += source.problems
        if not isinstance(source.data, dict) and any(not told.warning for told in source.problems):
            return None
        try:
            return source, MenuSpec.model_validate(source.data)
        except ValidationError as error:
            self.problems += explained(source, error)
            return None

    def root(self, menus: list[tuple[Source, MenuSpec]]) -> tuple[Source, MenuSpec] | None:
        """Find the one file that names the service code."""
        by_name: dict[str, str] = {}
        for source, menu in menus:
            if menu.menu in by_name:
                what = f"menu '{menu.menu}' is also in {by_name[menu.menu]}."
                self.say(source, ("menu",), "duplicate-name", what, "Give each menu a name of its own.")
            by_name[menu.menu] = source.path
        roots = [(source, menu) for source, menu in menus if menu.service_code]
        for source, _ in roots[1:]:
            what = f"`service_code` is also in {roots[0][0].path}."
            self.say(source, ("service_code",), "service-code", what, "One file of a service has it.")
        if not roots and len(menus) == len(self.files):
            path = next(iter(self.files), "menus")
            what = "no file has a `service_code`."
            mend = 'Add `service_code: "*123#"` and `start: …` to the service\'s first file.'
            self.problems.append(Problem(path, 1, 1, "service-code", what, mend))
        # Only whole services are compiled on: with a file missing, every target in it would look lost.
        return roots[0] if len(roots) == 1 and len(menus) == len(self.files) else None

    def say(
        self, source: Source, path: Path, rule: str, what: str, mend: str, *, on_key: bool = False
    ) -> None:
        self.problems.append(source.problem(path, rule, what, mend, on_key=on_key))

    def read_actions(self, source: Source, menu: MenuSpec) -> None:
        for name, spec in menu.actions.items():
            if name in self.actions:
                what = f"an action is named '{name}' already."
                self.say(
                    source, ("actions", name), "duplicate-name", what, "Give it another name.", on_key=True
                )
                continue
            try:
                self.http[name] = http_action(name, spec)
            except HttpProblem as problem:
                self.say(source, ("actions", name, "http"), "http-url", str(problem), problem.mend)
                continue
            self.actions[name] = declared(self.http[name])

    # --- states -------------------------------------------------------------------------------------------

    def read_states(self, source: Source, menu: MenuSpec) -> None:
        for short, spec in menu.states.items():
            name = f"{menu.menu}.{short}"
            path: Path = ("states", short)
            if short in ("back", "start"):
                self.say(
                    source,
                    path,
                    "reserved",
                    f"'{short}' is a way to go, not a state.",
                    "Rename it.",
                    on_key=True,
                )
            self.states[name] = self.state(source, path, menu.menu, name, spec)
            self.places[name] = (source, path)
            if spec.timeout is not None:
                late = graph.late_answer(name)
                text = self.texts.text(source, (*path, "timeout", "text"), spec.timeout.text)
                self.states[late] = End(name=late, id=state_id(late), menu=menu.menu, text=text)
                self.places[late] = (source, (*path, "timeout"))

    def tell_apart(self) -> None:
        """Stored sessions know states by a short hash: no two may share one."""
        ids: dict[int, str] = {state_id(IDLE): IDLE}
        for name, state in self.states.items():
            if ids.setdefault(state.id, name) != name:
                source, path = self.places.get(name) or self.places[ids[state.id]]
                what = f"'{name}' and '{ids[state.id]}' have the same short hash."
                self.say(source, path, "hash-collision", what, "Rename one of them.", on_key=True)

    def state(self, source: Source, path: Path, menu: str, name: str, spec: StateSpec) -> AnyState:
        common: dict[str, Any] = {
            "name": name,
            "id": state_id(name),
            "menu": menu,
            "clears_history": not spec.back,
            "resume": spec.resume,
            "timeout_s": None if spec.timeout is None else spec.timeout.after,
            "tries_max": spec.tries,
        }
        more_key = spec.keys.more if spec.keys else None

        def target(goto: str, *at: str | int) -> str:
            return self.target(source, (*path, *at), menu, goto)

        match spec:
            case ScreenSpec():
                options = self.options(source, path, menu, spec)
                by_key = {option.key: option for option in options}
                text = self.texts.text(source, (*path, "text"), spec.text)
                return Screen(**common, text=text, options=options, by_key=by_key, more_key=more_key)
            case QuestionSpec():
                return self.question(source, path, menu, spec, common)
            case ActionSpec():
                on = {result: target(goto, "on", result) for result, goto in spec.on.items()}
                common["timeout_s"] = spec.patience
                return Do(**common, action=spec.do, args=_args(spec.with_), on=on)
            case CallSpec():
                on = {result: target(goto, "on", result) for result, goto in spec.on.items()}
                return Invoke(**common, target=target(spec.call, "call"), on=on)
            case ReturnSpec():
                return Return(**common, result=spec.return_)
            case SwitchSpec():
                cases = {value: target(goto, "on", value) for value, goto in spec.on.items()}
                otherwise = cases.pop("else", None)
                return Switch(**common, variable=spec.switch, cases=cases, otherwise=otherwise)
            case ListSpec():
                if (spec.as_ is None) != (spec.goto is None):
                    what = "`as` and `goto` belong together: the chosen row's id, and where it is used."
                    self.say(
                        source,
                        path,
                        "list",
                        what,
                        "Give both, or none for rows that can't be chosen.",
                        on_key=True,
                    )
                if spec.as_ is not None and spec.last == "end":
                    what = "the last page closes the dialogue, so nothing on it can be chosen."
                    mend = "Take `last: end` away, or `as` and `goto`."
                    self.say(source, (*path, "last"), "list", what, mend)
                if spec.as_ is not None and more_key in set("123456789"):
                    what = f"the key {more_key} chooses a row of this list."
                    self.say(source, (*path, "keys", "more"), "option-key", what, "Use another key.")
                on = {result: target(goto, "on", result) for result, goto in spec.on.items()}
                return Listing(
                    **common,
                    action=spec.list,
                    args=_args(spec.with_),
                    row=self.texts.text(source, (*path, "row"), spec.row),
                    text=None if spec.text is None else self.texts.text(source, (*path, "text"), spec.text),
                    variable=spec.as_,
                    goto=None if spec.goto is None else target(spec.goto, "goto"),
                    on={**on, "none": target(spec.none, "none")},
                    picks_only_row=spec.one == "pick",
                    rows_max=spec.rows,
                    more_key=more_key,
                    ends_on_last=spec.last == "end",
                )
            case EndSpec():
                return End(
                    **common, text=self.texts.text(source, (*path, "end"), spec.end), more_key=more_key
                )

    def question(
        self, source: Source, path: Path, menu: str, spec: QuestionSpec, common: Mapping[str, Any]
    ) -> Question:
        try:
            kind = answer_type(spec.type)
        except TypeProblem as problem:
            self.say(source, (*path, "type"), "type", str(problem), problem.mend, on_key=True)
            kind = TextType(1, 160)
        name = str(common["name"])
        # Two questions may fill one variable; a shortcut's field then belongs to the first.
        self.questions.setdefault((menu, spec.as_), name)
        return Question(
            **common,
            text=self.texts.text(source, (*path, "ask"), spec.ask),
            variable=spec.as_,
            type=kind,
            goto=self.target(source, (*path, "goto"), menu, spec.goto),
            more_key=spec.keys.more if spec.keys else None,
        )

    def options(self, source: Source, path: Path, menu: str, spec: ScreenSpec) -> tuple[Option, ...]:
        options: list[Option] = []
        seen: dict[str, int] = {}
        number = 0
        for index, item in enumerate(spec.options):
            at: Path = (*path, "options", index)
            if item.key is None:
                number += 1
            key = item.key or str(number)
            if key in seen:
                what = f"the key {key} is taken by the {seen[key] + 1}. option of this screen."
                self.say(source, at, "option-key", what, "Give one of them another `key:`.")
                continue
            seen[key] = index
            if key in (self.keys.more, self.keys.previous, spec.keys.more if spec.keys else None):
                what = f"the key {key} turns pages in this service."
                self.say(source, at, "option-key", what, "Use another key, or change the service's `keys:`.")
            options.append(
                Option(
                    key=key,
                    text=self.texts.text(source, (*at, "text"), item.text),
                    goto=self.target(source, (*at, "goto"), menu, item.goto),
                    when=item.when,
                )
            )
        return tuple(options)

    def target(self, source: Source, path: Path, menu: str, goto: str) -> str:
        if goto in ("back", "start"):
            if "options" not in path:
                what = f"only an option can go `{goto}`."
                self.say(source, path, "target", what, "Name a state.")
            return BACK if goto == "back" else START
        return goto if "." in goto else f"{menu}.{goto}"

    # --- shortcuts and start ------------------------------------------------------------------------------

    def read_shortcuts(self, source: Source, menu: MenuSpec, says: Mapping[str, Text]) -> None:
        found: list[Shortcut] = []
        for index, spec in enumerate(menu.shortcuts):
            at: Path = ("shortcuts", index)
            shortcut = self.shortcut(source, at, menu.menu, spec)
            if shortcut is None:
                continue
            for other in found:
                if _overlap(shortcut, other):
                    what = f"'{spec.dial}' and '{other.name}' mean the same digits."
                    self.say(source, (*at, "dial"), "shortcut-overlap", what, "Change one of them.")
            found.append(shortcut)
            name = graph.wrong_format(shortcut)
            text = (
                says["wrong_dial"]
                if spec.wrong is None
                else self.texts.text(source, (*at, "wrong"), spec.wrong)
            )
            self.states[name] = End(name=name, id=state_id(name), menu=menu.menu, text=text)
            self.places[name] = (source, at)
        found.sort(key=lambda shortcut: -len(shortcut.fixed))
        if found:
            self.shortcuts[menu.menu] = tuple(found)

    def shortcut(self, source: Source, at: Path, menu: str, spec: ShortcutSpec) -> Shortcut | None:
        place: Path = (*at, "dial")
        mend = (
            "Fixed fields come first, then variables: `**0*{client}*{amount}`; "
            "`...` at the end takes anything."
        )
        if not spec.dial.startswith("*"):
            self.say(source, place, "shortcut", f"'{spec.dial}' does not begin with '*'.", mend)
            return None
        parts = spec.dial[1:].split("*")
        rest = parts[-1] == "..."
        parts = parts[:-1] if rest else parts
        fixed = tuple(part for part in parts if not part.startswith("{"))
        names = tuple(part.strip("{}") for part in parts if part.startswith("{"))
        written = [*fixed, *(f"{{{name}}}" for name in names)]
        if written != parts or not all(part.isdigit() or not part for part in fixed) or (rest and names):
            self.say(source, place, "shortcut", f"'{spec.dial}' is no shortcut.", mend)
            return None
        if len(set(names)) < len(names):
            self.say(source, place, "shortcut", f"'{spec.dial}' has a variable twice.", "Name each once.")
        for name in names:
            question = self.questions.get((menu, name))
            if question is None:
                known = [variable for owner, variable in self.questions if owner == menu]
                what = f"no question of menu '{menu}' asks for '{name}'."
                self.say(source, place, "shortcut-field", what, nearest(name, known))
            elif (asks := self.states[question]) and isinstance(asks, Question) and asks.type.secret:
                what = f"'{name}' is secret: it would be dialled in the open."
                self.say(source, place, "secret", what, "Leave it out; it is asked for.")
        goto = self.target(source, (*at, "goto"), menu, spec.goto)
        return Shortcut(menu, spec.dial, fixed, names, goto, rest)

    def start(self, source: Source, spec: MenuSpec) -> str | None:
        if spec.start is None:
            self.say(
                source,
                ("service_code",),
                "start",
                "the service has no `start`.",
                "Add `start: home`.",
                on_key=True,
            )
            return None
        start = self.target(source, ("start",), spec.menu, spec.start)
        if start not in self.states:
            what = f"`start` is '{spec.start}', but no state has that name."
            self.say(source, ("start",), "missing-target", what, nearest(start, list(self.states)))
            return None
        return start

    # --- the whole ----------------------------------------------------------------------------------------

    def finish(self, spec: MenuSpec, start: str, says: Mapping[str, Text]) -> Service | None:
        own = list(graph.authored(self.states, start, self.actions))
        own += graph.returning(self.states, graph.successors(own))
        after = graph.successors(own)
        entries = sorted(
            name
            for name in graph.next_shown(self.states, after, [start])
            if isinstance(self.states[name], Screen | Question)
        )
        dialled = list(graph.dialled(self.states, entries, self.shortcuts, self.questions))
        self.problems += shadowed(self.states, self.places, entries, self.shortcuts)
        proved = [*own, *dialled, *graph.too_late(self.states)]
        self.problems += prove(
            self.states, self.places, start, proved, self.shortcuts, self.questions, self.actions
        )
        if any(not problem.warning for problem in self.problems):
            return None
        moves = [*own, *dialled]
        all_edges = [
            *moves,
            *graph.housekeeping(self.states, start),
            *graph.ways_back(self.states, moves),
            *graph.resuming(self.states, entries),
        ]
        self.complete(all_edges)
        languages = self.texts.languages
        names = {state.id: name for name, state in self.states.items()} | {state_id(IDLE): IDLE}
        limits = spec.limits or LimitsSpec()
        labels = {
            language: Labels(
                back=says["label.back"].render(language, {}),
                more=says["label.more"].render(language, {}),
                previous=says["label.previous"].render(language, {}),
            )
            for language in languages
        }
        service = Service(
            version=content_version(self.files),
            service_code=spec.service_code or "",
            languages=languages,
            start=start,
            states=self.states,
            names=names,
            shortcuts=self.shortcuts,
            questions=self.questions,
            says=says,
            labels=labels,
            keys=self.keys,
            wrong_answers_max=limits.wrong_answers,
            http=self.http,
            machine=_machine([IDLE, *self.states], all_edges),
        )
        self.problems += self.sizes(service).problems()
        return service

    def sizes(self, service: Service, octets: int = USSD_OCTETS_MAX) -> SizeProof:
        formatters = {language: self.texts.formatters(language) for language in service.languages}
        return SizeProof(service, self.actions, self.texts.words, formatters, self.places, octets)

    def complete(self, all_edges: Iterable[Edge]) -> None:
        """Fill in what each state owes to the graph: its triggers, and the variables still needed."""
        triggers: dict[str, set[str]] = {name: set() for name in self.states}
        for edge in all_edges:
            if edge.source in triggers:
                triggers[edge.source].add(edge.trigger)
        live = graph.live_variables(graph.reads(self.states), all_edges)
        shared: dict[frozenset[str], frozenset[str]] = {}
        for name, state in self.states.items():
            mine = frozenset(triggers[name])
            self.states[name] = replace(state, triggers=shared.setdefault(mine, mine), live=live[name])


def _machine(names: list[str], all_edges: Iterable[Edge]) -> ServiceMachine:
    """Build the one shared machine; edges may repeat, the first of a kind counts."""
    seen: set[tuple[str, str]] = set()
    moves: list[dict[str, Any]] = []
    for edge in all_edges:
        if edge.guard is None:
            if (edge.trigger, edge.source) in seen:
                continue
            seen.add((edge.trigger, edge.source))
        move = {"trigger": edge.trigger, "source": edge.source, "dest": edge.target}
        moves.append(move if edge.guard is None else {**move, "conditions": edge.guard})
    return ServiceMachine(names, moves, IDLE)


def _args(spec: Mapping[str, str]) -> dict[str, Arg]:
    """A word is a variable; digits, `true` and `false` stand for themselves."""
    found = {}
    for name, word in spec.items():
        if word in ("true", "false"):
            found[name] = Arg(literal=word == "true")
        elif word.isascii() and word.isdigit():
            found[name] = Arg(literal=int(word))
        elif len(word) > 1 and word[0] == word[-1] == "'":
            found[name] = Arg(literal=word[1:-1])
        else:
            found[name] = Arg(variable=word)
    return found


def _overlap(one: Shortcut, other: Shortcut) -> bool:
    if one.fixed != other.fixed:
        return False
    return one.rest or other.rest or len(one.variables) == len(other.variables)


_FATAL = frozenset({"yaml", "hash-collision"})
