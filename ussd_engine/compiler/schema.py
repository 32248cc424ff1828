"""The menu language's shape: which fields a file and a state have. Meaning is checked in `build`.

All scalars arrive as text (see `source`), so numbers and flags are read here, by the field's type.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Discriminator, Field, StringConstraints, Tag

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=40)]
"""Of a menu, a state, a result."""
Variable = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$", max_length=60)]
Target = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)?$", max_length=81)]
"""`state` of the same menu, `menu.state`, `back` or `start`."""
Key = Annotated[str, StringConstraints(pattern=r"^[0-9#]{1,4}$")]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Z][a-z]{3})?$")]
Texts = str | dict[Language, str]
"""One text for a service of one language, or one for each of its languages."""


class _Spec(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class MsisdnSpec(_Spec):
    """A telephone number."""

    region: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")] = Field(
        description="ISO 3166 code, e.g. UZ"
    )
    mobile: bool = Field(True, description="refuse fixed lines")
    other_than: Literal["caller"] | None = Field(None, description="refuse the caller's own number")


class MoneySpec(_Spec):
    """A sum, typed in whole major units."""

    min: int = Field(ge=0)
    max: int = Field(ge=0, le=999_999_999_999)


class IntegerSpec(_Spec):
    """A whole number."""

    min: int = Field(0, ge=0)
    max: int = Field(ge=0, le=999_999_999_999)


class TextTypeSpec(_Spec):
    """Free text."""

    min: int = Field(1, ge=0)
    max: int = Field(ge=1, le=160)


class DigitsSpec(_Spec):
    """Digits that keep their leading zeros."""

    min: int = Field(1, ge=1)
    max: int = Field(ge=1, le=24)
    secret: bool = False


class PinSpec(_Spec):
    """A PIN: secret."""

    digits: int = Field(ge=4, le=12)


class TypeSpec(_Spec):
    """A question's type: exactly one of these."""

    msisdn: MsisdnSpec | None = None
    money: MoneySpec | None = None
    integer: IntegerSpec | None = None
    text: TextTypeSpec | None = None
    digits: DigitsSpec | None = None
    pin: PinSpec | None = None
    choice: dict[str, str] | None = Field(None, description="what may be typed: the value it stands for")


class StateKeys(_Spec):
    """Keys of this state that differ from the service's."""

    more: Key


class OptionSpec(_Spec):
    """One line of a menu."""

    text: Texts
    goto: Target
    key: Key | None = Field(None, description="the line's number unless given")
    when: Variable | None = Field(None, description="the line shows only while this variable is true")


class TimeoutSpec(_Spec):
    """When an answer comes too late."""

    after: float = Field(gt=0, le=600, description="seconds the subscriber has for this answer")
    text: Texts = Field(description="what is shown then; the dialogue ends")


class _StateSpec(_Spec):
    resume: Literal["never", "confirm", "safe"] = Field(
        "never", description="a redial after a cut here: begin anew, offer to go on, or go on"
    )
    timeout: TimeoutSpec | None = None
    tries: int | None = Field(None, ge=1, le=9, description="wrong answers here before the dialogue ends")
    back: bool = Field(
        True, description="false: there is no way back from here, history is dropped on arrival"
    )
    keys: StateKeys | None = None
    push: dict[Variable, TypeSpec] | None = Field(
        None, description="the service may begin a dialogue here by itself, given these variables"
    )


class ScreenSpec(_StateSpec):
    """A text with options."""

    text: Texts
    options: list[OptionSpec] = Field(default_factory=list, description="without any, only the way back")


class QuestionSpec(_StateSpec):
    """A text that asks for a value."""

    ask: Texts
    as_: Variable = Field(alias="as", description="the variable that takes the answer")
    type: TypeSpec
    goto: Target


class ActionSpec(_StateSpec):
    """An action and where each of its results leads."""

    do: str
    with_: dict[str, str] = Field(default_factory=dict, alias="with")
    on: dict[Name, Target]
    patience: float | None = Field(None, gt=0, le=60, description="seconds the action may take")


class CallSpec(_StateSpec):
    """Goes to a state of any menu and comes back with the result that a `return` there names."""

    call: Target
    on: dict[Name, Target] = Field(min_length=1)


class ReturnSpec(_StateSpec):
    """Comes back to the state that called."""

    return_: Name = Field(alias="return")


class SwitchSpec(_StateSpec):
    """A variable's value leads on."""

    switch: Variable
    on: dict[str, Target]


class ListSpec(_StateSpec):
    """Rows of an action, a page at a time."""

    list: str
    with_: dict[str, str] = Field(default_factory=dict, alias="with")
    row: Texts
    text: Texts | None = None
    as_: Variable | None = Field(None, alias="as", description="the variable that takes the chosen row's id")
    goto: Target | None = None
    none: Target
    one: Literal["pick"] | None = Field(None, description="pick: a single row is chosen without being shown")
    rows: int | None = Field(None, ge=1, le=9, description="at most so many rows on a screen")
    last: Literal["end"] | None = Field(None, description="end: the last page closes the dialogue")
    on: dict[Name, Target] = Field(default_factory=dict)


class EndSpec(_StateSpec):
    """The last screen."""

    end: Texts


KINDS = {
    "ask": "question",
    "do": "do",
    "list": "list",
    "switch": "switch",
    "call": "call",
    "return": "return",
    "end": "end",
    "options": "screen",
    "text": "screen",
}


def kind_of(state: Any) -> str | None:
    """Name the kind of state that a mapping is, by the field that tells."""
    if isinstance(state, dict):
        for field, kind in KINDS.items():
            if field in state:
                return kind
    return None


StateSpec = Annotated[
    Annotated[ScreenSpec, Tag("screen")]
    | Annotated[QuestionSpec, Tag("question")]
    | Annotated[ActionSpec, Tag("do")]
    | Annotated[CallSpec, Tag("call")]
    | Annotated[ReturnSpec, Tag("return")]
    | Annotated[SwitchSpec, Tag("switch")]
    | Annotated[ListSpec, Tag("list")]
    | Annotated[EndSpec, Tag("end")],
    Discriminator(
        kind_of,
        custom_error_type="state_kind",
        custom_error_message="a state is of some kind",  # the author's words are in `explain`
    ),
]


class TakenSpec(_Spec):
    """What a variable takes from a JSON answer."""

    from_: str = Field(
        alias="from", min_length=1, max_length=120, description="keys to the value, joined by dots"
    )
    type: Literal["text", "integer", "money", "time", "word", "flag"] = "text"
    max: int = Field(1, ge=1, description="most characters of a text, or the largest number")
    optional: bool = Field(False, description="the answer may lack it; the variable is then empty")


class AnsweredSpec(_Spec):
    """How an answer is known as this result, and what it sets."""

    status: int = Field(200, ge=100, le=599)
    where: dict[str, str] = Field(default_factory=dict, description="fields and the values they must have")
    set: dict[Variable, TakenSpec] = Field(default_factory=dict)


class HttpActionSpec(_Spec):
    """An action that asks a JSON service; its host must be allowed in the settings."""

    http: Annotated[str, StringConstraints(max_length=400)] = Field(description="URL without a query")
    method: Literal["GET", "POST"] = "GET"
    send: dict[Name, Literal["text", "integer", "money", "msisdn", "digits", "word", "id", "flag"]] = Field(
        default_factory=dict, description="what `with:` gives, and its kind"
    )
    timeout: float = Field(3.0, gt=0, le=30, description="seconds for one try")
    retry: int = Field(0, ge=0, le=3, description="tries after the first; only for GET")
    returns: dict[Name, AnsweredSpec] = Field(min_length=1)


ActionName = Annotated[
    str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$", max_length=80)
]


class ShortcutSpec(_Spec):
    """A published dial string without the service code: `**0*{client}`; `...` at its end takes anything."""

    dial: Annotated[str, StringConstraints(max_length=160)]
    goto: Target
    wrong: Texts | None = Field(None, description="what to say when the fields have the wrong form")
    over: Literal["options"] | None = Field(
        None, description="options: it is meant to win over options typed ahead with the same digits"
    )


class KeysSpec(_Spec):
    """The service's navigation keys."""

    back: Key = "0"
    home: Key = "00"
    more: Key = "98"
    previous: Key = "99"


class LimitsSpec(_Spec):
    """How patient the service is."""

    wrong_answers: int = Field(default=3, ge=1, le=9)


class MenuSpec(_Spec):
    """A menu file. One file of a service carries `service_code` and what follows it."""

    menu: Name
    service_code: Annotated[str, StringConstraints(pattern=r"^\*[0-9]+(\*[0-9]+)*#$")] | None = None
    languages: list[Language] | None = Field(None, min_length=1, max_length=8)
    zone: str | None = Field(None, description="IANA time zone in which dates are shown")
    start: Target | None = None
    keys: KeysSpec | None = None
    limits: LimitsSpec | None = None
    says: dict[str, Texts] = Field(default_factory=dict)
    words: dict[Name, dict[str, Texts]] = Field(default_factory=dict)
    actions: dict[ActionName, HttpActionSpec] = Field(default_factory=dict)
    shortcuts: list[ShortcutSpec] = Field(default_factory=list)
    states: dict[Name, StateSpec] = Field(default_factory=dict)


SpecT = TypeVar("SpecT", bound=_Spec)

TAGS = frozenset(KINDS.values())
