"""Question types: the author's words made into readers of answers."""

from __future__ import annotations

import re

import phonenumbers

from ussd_engine.compiler.schema import MsisdnSpec, TypeSpec
from ussd_engine.core.answers import (
    AnswerType,
    ChoiceType,
    DigitsType,
    IntegerType,
    MoneyType,
    MsisdnType,
    TextType,
    pin,
)
from ussd_engine.text.fold import fold


class TypeProblem(ValueError):
    """The type can't be satisfied or doesn't exist; `mend` says what to do."""

    def __init__(self, what: str, mend: str) -> None:
        super().__init__(what)
        self.mend = mend


def answer_type(spec: TypeSpec) -> AnswerType:
    """Make a question's type.

    Raises:
        TypeProblem: none or several types, an unknown region, a minimum above its maximum.
    """
    given = [name for name in TypeSpec.model_fields if getattr(spec, name) is not None]
    if len(given) != 1:
        raise TypeProblem(
            f"a question has one type, this one has {' and '.join(given) or 'none'}.",
            f"Types are {', '.join(TypeSpec.model_fields)}.",
        )
    for limited in (spec.money, spec.integer, spec.text, spec.digits):
        if limited is not None and limited.min > limited.max:
            raise TypeProblem(
                f"min {limited.min} is above max {limited.max}: nothing can be typed.", "Swap them."
            )
    if spec.msisdn is not None:
        return _msisdn(spec.msisdn)
    if spec.money is not None:
        return MoneyType(spec.money.min, spec.money.max)
    if spec.integer is not None:
        return IntegerType(spec.integer.min, spec.integer.max)
    if spec.text is not None:
        return TextType(spec.text.min, spec.text.max)
    if spec.digits is not None:
        return DigitsType(spec.digits.min, spec.digits.max, spec.digits.secret)
    if spec.pin is not None:
        return pin(spec.pin.digits)
    if not spec.choice:
        raise TypeProblem("a choice without choices: nothing can be typed.", "List what may be typed.")
    choices = {fold(typed).casefold(): value for typed, value in spec.choice.items()}
    if len(choices) < len(spec.choice):
        raise TypeProblem(
            "two choices differ only in case.", "Keep one: capitals and small letters are the same."
        )
    return ChoiceType(choices)


def _msisdn(spec: MsisdnSpec) -> MsisdnType:
    """Take a region's numbering plan out of libphonenumber, so that a turn costs one regular expression."""
    metadata = phonenumbers.PhoneMetadata.metadata_for_region(spec.region, None)
    mobile = metadata.mobile.national_number_pattern if metadata is not None and metadata.mobile else None
    if metadata is None or mobile is None:
        raise TypeProblem(f"no region is named '{spec.region}'.", "Use an ISO 3166 code: UZ, KE, GH.")
    kinds = [
        metadata.mobile,
        metadata.fixed_line,
        metadata.premium_rate,
        metadata.shared_cost,
        metadata.toll_free,
        metadata.personal_number,
        metadata.voip,
        metadata.uan,
        metadata.pager,
    ]
    patterns = [
        kind.national_number_pattern for kind in kinds if kind is not None and kind.national_number_pattern
    ]
    return MsisdnType(
        country_code=str(metadata.country_code),
        mobile=re.compile(mobile),
        valid=re.compile("|".join(f"(?:{pattern})" for pattern in patterns)),
        mobile_only=spec.mobile,
        not_caller=spec.other_than == "caller",
        trunk=metadata.national_prefix or "",
    )
