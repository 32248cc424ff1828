"""States as an author wrote them, made into the core's values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ussd_engine.compiler.draft import Draft
from ussd_engine.compiler.edges import late_answer
from ussd_engine.compiler.schema import (
    ActionSpec,
    CallSpec,
    EndSpec,
    ListSpec,
    MenuSpec,
    QuestionSpec,
    ReturnSpec,
    ScreenSpec,
    StateSpec,
    SwitchSpec,
    Texts,
    TypeSpec,
)
from ussd_engine.compiler.source import Path, Source
from ussd_engine.compiler.texts import TextCompiler
from ussd_engine.compiler.types import TypeProblem, answer_type
from ussd_engine.core.answers import AnswerType, TextType
from ussd_engine.core.screens import ROWS_MAX
from ussd_engine.core.service import (
    AnyState,
    Arg,
    Do,
    End,
    Invoke,
    Listing,
    Option,
    Question,
    Return,
    Screen,
    Switch,
    Text,
)
from ussd_engine.core.session import state_id

_ROW_KEYS = frozenset("123456789")


def read_states(draft: Draft, texts: TextCompiler, source: Source, menu: MenuSpec) -> None:
    """Add a file's states to the draft."""
    for short, spec in menu.states.items():
        reader = _StateReader(draft, texts, source, menu.menu, short)
        if short in ("back", "start"):
            what = f"'{short}' is a way to go, not a state."
            draft.say(source, reader.path, "reserved", what, "Rename it.", on_key=True)
        draft.states[reader.name] = reader.state(spec)
        if spec.push is not None:
            draft.pushes[reader.name] = reader.given(spec.push)
        draft.places[reader.name] = (source, reader.path)
        if spec.timeout is not None:
            late = late_answer(reader.name)
            text = reader.text(spec.timeout.text, "timeout", "text")
            draft.states[late] = End(name=late, id=state_id(late), menu=menu.menu, text=text)
            draft.places[late] = (source, (*reader.path, "timeout"))


class _StateReader:
    """Reads one state."""

    def __init__(self, draft: Draft, texts: TextCompiler, source: Source, menu: str, short: str) -> None:
        self.draft = draft
        self.texts = texts
        self.source = source
        self.menu = menu
        self.name = f"{menu}.{short}"
        self.path: Path = ("states", short)

    def place(self, *below: str | int) -> Path:
        return (*self.path, *below)

    def text(self, written: Texts, *below: str | int) -> Text:
        return self.texts.text(self.source, self.place(*below), written)

    def target(self, goto: str, *below: str | int) -> str:
        return self.draft.target(self.source, self.place(*below), self.menu, goto)

    def on(self, spec: Mapping[str, str]) -> dict[str, str]:
        return {result: self.target(goto, "on", result) for result, goto in spec.items()}

    def state(self, spec: StateSpec) -> AnyState:
        common: dict[str, Any] = {
            "name": self.name,
            "id": state_id(self.name),
            "menu": self.menu,
            "clears_history": not spec.back,
            "resume": spec.resume,
            "timeout_s": None if spec.timeout is None else spec.timeout.after,
            "tries_max": spec.tries,
        }
        more_key = spec.keys.more if spec.keys else None
        self.leads_elsewhere(spec, more_key)
        match spec:
            case ScreenSpec():
                options = self.options(spec)
                by_key = {option.key: option for option in options}
                text = self.text(spec.text, "text")
                return Screen(**common, text=text, options=options, by_key=by_key, more_key=more_key)
            case QuestionSpec():
                return self.question(spec, common, more_key)
            case ListSpec():
                return self.listing(spec, common, more_key)
            case ActionSpec():
                common["timeout_s"] = spec.patience
                return Do(**common, action=spec.do, args=_args(spec.with_), on=self.on(spec.on))
            case CallSpec():
                return Invoke(**common, target=self.target(spec.call, "call"), on=self.on(spec.on))
            case ReturnSpec():
                return Return(**common, result=spec.return_)
            case SwitchSpec():
                cases = self.on(spec.on)
                otherwise = cases.pop("else", None)
                return Switch(**common, variable=spec.switch, cases=cases, otherwise=otherwise)
            case EndSpec():
                return End(**common, text=self.text(spec.end, "end"), more_key=more_key)

    def leads_elsewhere(self, spec: StateSpec, more_key: str | None) -> None:
        """A state's own key for its next page must not be one by which something else is reached from it."""
        keys = self.draft.keys
        turning_back = [] if isinstance(spec, EndSpec) else [keys.home]
        if isinstance(spec, ScreenSpec | ListSpec):
            turning_back.append(keys.back)
        if more_key in (keys.previous, *turning_back):
            what = f"the key {more_key} leads back in this service."
            at = self.place("keys", "more")
            self.draft.say(self.source, at, "option-key", what, "Use another key for the next page.")

    def given(self, spec: Mapping[str, TypeSpec]) -> dict[str, AnswerType]:
        """What a dialogue that the service begins here is given: values as a question would take them."""
        found: dict[str, AnswerType] = {}
        for variable, written in spec.items():
            at = self.place("push", variable)
            try:
                kind = answer_type(written)
            except TypeProblem as problem:
                self.draft.say(self.source, at, "type", str(problem), problem.mend, on_key=True)
                continue
            if kind.secret or variable == "caller":
                what = f"'{variable}' can't be given to a push."
                mend = "Secrets are never kept, and `caller` is who is pushed."
                self.draft.say(self.source, at, "push", what, mend, on_key=True)
            found[variable] = kind
        return found

    def is_free(self, variable: str) -> None:
        """Who calls is what the network says; actions go by it, so nothing typed may take its place."""
        if variable == "caller":
            what = "`caller` is who is in the dialogue, whatever is typed."
            self.draft.say(self.source, self.place("as"), "reserved", what, "Use another name.")

    def options(self, spec: ScreenSpec) -> tuple[Option, ...]:
        options: list[Option] = []
        seen: dict[str, int] = {}
        number = 0
        keys = self.draft.keys
        turning = (keys.more, keys.previous, spec.keys.more if spec.keys else None)
        for index, item in enumerate(spec.options):
            at = ("options", index)
            if item.key is None:
                number += 1
            key = item.key or str(number)
            if key in seen:
                what = f"the key {key} is taken by the {seen[key] + 1}. option of this screen."
                mend = "Give one of them another `key:`."
                self.draft.say(self.source, self.place(*at), "option-key", what, mend)
                continue
            seen[key] = index
            if key in turning:
                what = f"the key {key} turns pages in this service."
                mend = "Use another key, or change the service's `keys:`."
                self.draft.say(self.source, self.place(*at), "option-key", what, mend)
            options.append(
                Option(
                    key=key,
                    text=self.text(item.text, *at, "text"),
                    goto=self.target(item.goto, *at, "goto"),
                    when=item.when,
                )
            )
        return tuple(options)

    def question(self, spec: QuestionSpec, common: Mapping[str, Any], more_key: str | None) -> Question:
        try:
            kind = answer_type(spec.type)
        except TypeProblem as problem:
            self.draft.say(self.source, self.place("type"), "type", str(problem), problem.mend, on_key=True)
            kind = TextType(1, 160)
        self.is_free(spec.as_)
        # Two questions may fill one variable; a shortcut's field then belongs to the first.
        self.draft.questions.setdefault((self.menu, spec.as_), self.name)
        return Question(
            **common,
            text=self.text(spec.ask, "ask"),
            variable=spec.as_,
            type=kind,
            goto=self.target(spec.goto, "goto"),
            more_key=more_key,
        )

    def rows_can_be_chosen(self, spec: ListSpec, more_key: str | None) -> None:
        """A key of the service that is one digit comes before the row of that number."""
        keys = self.draft.keys
        service_keys = (keys.back, keys.home, keys.previous, *([] if more_key else [keys.more]))
        taken = min((int(key) for key in service_keys if key in _ROW_KEYS), default=ROWS_MAX + 1)
        if taken <= (spec.rows or ROWS_MAX):
            what = f"row {taken} of this list can't be chosen: the service's key {taken} leads elsewhere."
            few = f"Say `rows: {taken - 1}`, or change" if taken > 1 else "Change"
            self.draft.say(
                self.source, self.path, "option-key", what, f"{few} the service's `keys:`.", on_key=True
            )

    def listing(self, spec: ListSpec, common: Mapping[str, Any], more_key: str | None) -> Listing:
        if (spec.as_ is None) != (spec.goto is None):
            what = "`as` and `goto` belong together: the chosen row's id, and where it is used."
            mend = "Give both, or none for rows that can't be chosen."
            self.draft.say(self.source, self.path, "list", what, mend, on_key=True)
        if spec.as_ is not None and spec.last == "end":
            what = "the last page closes the dialogue, so nothing on it can be chosen."
            mend = "Take `last: end` away, or `as` and `goto`."
            self.draft.say(self.source, self.place("last"), "list", what, mend)
        if spec.as_ is not None and more_key in _ROW_KEYS:
            what = f"the key {more_key} chooses a row of this list."
            at = self.place("keys", "more")
            self.draft.say(self.source, at, "option-key", what, "Use another key.")
        if spec.as_ is not None:
            self.is_free(spec.as_)
            self.rows_can_be_chosen(spec, more_key)
        return Listing(
            **common,
            action=spec.list,
            args=_args(spec.with_),
            row=self.text(spec.row, "row"),
            text=None if spec.text is None else self.text(spec.text, "text"),
            variable=spec.as_,
            goto=None if spec.goto is None else self.target(spec.goto, "goto"),
            on={**self.on(spec.on), "none": self.target(spec.none, "none")},
            picks_only_row=spec.one == "pick",
            rows_max=spec.rows,
            more_key=more_key,
            ends_on_last=spec.last == "end",
        )


def _args(spec: Mapping[str, str]) -> dict[str, Arg]:
    """A word is a variable; digits, `true`, `false` and what stands in quotes stand for themselves."""
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
