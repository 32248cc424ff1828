"""Every reason for which an answer can be refused, with the values its text may show."""

from __future__ import annotations

from ussd_engine.core.answers import (
    AnswerType,
    ChoiceType,
    DigitsType,
    IntegerType,
    MoneyType,
    MsisdnType,
    Refused,
    TextType,
)

ANYONE = "998901234567"


def refusals(kind: AnswerType | None) -> tuple[Refused, ...]:
    """List what a question of a type can answer instead of accepting; None: a screen or list of choices.

    The readers themselves are asked, so that codes and values are those that a subscriber meets.
    """
    if kind is None:
        return (Refused("wrong_option"),)
    found: dict[str, Refused] = {}
    for typed in _probes(kind):
        verdict = kind.read(typed, ANYONE)
        if isinstance(verdict, Refused):
            found.setdefault(verdict.code, verdict)
    for code in _known(kind):
        found.setdefault(code, Refused(code))
    return tuple(found.values())


def _probes(kind: AnswerType) -> tuple[str, ...]:
    match kind:
        case MoneyType() | IntegerType():
            return ("x", "9" * 16)
        case TextType():
            return ("\x00", "", "x" * (kind.max + 1))
        case _:
            return ("\x00",)


def _known(kind: AnswerType) -> tuple[str, ...]:
    match kind:
        case MsisdnType():
            fixed = ("msisdn.fixed",) if kind.mobile_only else ()
            return ("msisdn.format", *fixed, *(("msisdn.own",) if kind.not_caller else ()))
        case ChoiceType():
            return ("choice.unknown",)
        case DigitsType() | MoneyType() | IntegerType() | TextType():
            return ()
        case _:
            return (f"{kind.kind}.format",)
