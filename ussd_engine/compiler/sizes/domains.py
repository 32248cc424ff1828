"""What variables can hold: for each, the values that questions and actions may put into it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ussd_engine.actions import Action, Shape
from ussd_engine.core.answers import (
    AnswerType,
    ChoiceType,
    DigitsType,
    IntegerType,
    MoneyType,
    MsisdnType,
    TextType,
)
from ussd_engine.core.service import AnyState, Do, Listing, Question
from ussd_engine.text.template import Value

TYPED_MAX = 182
"""Characters of an answer: 3GPP TS 23.038 §6.1.2.3, the septets of one USSD string."""
ID_MAX = 64

Domains = Mapping[str, "tuple[Domain, ...]"]
"""By variable; one that several states set holds what any of them may set."""


@dataclass(frozen=True, slots=True)
class Domain:
    """The values a variable can take: listed, or all of a kind up to a maximum.

    `shape.kind` is one of those that actions declare, or `whole`: a sum without minor units, as it is typed.
    """

    shape: Shape
    values: tuple[Value, ...] = ()


def of_shape(shape: Shape) -> Domain:
    """Read an action's declaration."""
    return Domain(shape, (True, False)) if shape.kind == "flag" else Domain(shape)


def of_answer(kind: AnswerType) -> Domain:
    """Read a question's type."""
    match kind:
        case MsisdnType():
            return Domain(Shape("msisdn", 15, gsm=True))
        case MoneyType():
            return Domain(Shape("whole", kind.max * kind.minor_per_major))
        case IntegerType():
            return Domain(Shape("integer", kind.max))
        case DigitsType():
            return Domain(Shape("digits", kind.max, gsm=True))
        case ChoiceType():
            return Domain(Shape("choice", TYPED_MAX), tuple(dict.fromkeys(kind.choices.values())))
        case TextType():
            return Domain(Shape("text", kind.max))
        case _:
            return Domain(Shape("text", TYPED_MAX))


def domains(
    states: Mapping[str, AnyState],
    actions: Mapping[str, Action],
    pushes: Mapping[str, Mapping[str, AnswerType]],
) -> dict[str, tuple[Domain, ...]]:
    """For each variable, what the states of a service, and who begins at one of `pushes`, may put into it."""
    found: dict[str, dict[Domain, None]] = {"caller": {Domain(Shape("msisdn", 15, gsm=True)): None}}
    for state in states.values():
        match state:
            case Question():
                found.setdefault(state.variable, {})[of_answer(state.type)] = None
            case Listing() if state.variable is not None:
                found.setdefault(state.variable, {})[Domain(Shape("id", ID_MAX))] = None
            case Do() if state.action in actions:
                for fields in actions[state.action].results.values():
                    for name, shape in fields.items():
                        found.setdefault(name, {})[of_shape(shape)] = None
    for given in pushes.values():
        for name, kind in given.items():
            found.setdefault(name, {})[of_answer(kind)] = None
    return {name: tuple(kinds) for name, kinds in found.items()}


def readable(state: AnyState, known: Domains, actions: Mapping[str, Action]) -> Domains:
    """What a state's texts may read: all that is `known`, and in a list the fields of its rows as well."""
    action = actions.get(state.action) if isinstance(state, Listing) else None
    if action is None or action.row is None:
        return known
    return {**known, **{name: (of_shape(shape),) for name, shape in action.row.items()}}
