"""Every variable is shown in a form that fits what it holds: no tiyin for a sum, no day for a number."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from ussd_engine.compiler.proofs.subject import Subject
from ussd_engine.compiler.reads import texts_of
from ussd_engine.compiler.sizes.domains import Domains, readable
from ussd_engine.core.errors import Problem
from ussd_engine.text.template import Slot, slots

_MONEY: Final = frozenset({"money", "whole"})
_MOMENT: Final = frozenset({"time"})
_DIGITS: Final = frozenset({"msisdn", "digits", "id", "text"})
_WRITES: Final[Mapping[str, frozenset[str]]] = {
    "money": _MONEY,
    "number": frozenset({"integer"}),
    "date": _MOMENT,
    "time": _MOMENT,
    "datetime": _MOMENT,
    "phone": _DIGITS,
    "masked_phone": _DIGITS,
    "card": _DIGITS,
}
"""What each format is made for. Others, a service's `words:` among them, take anything."""
_RAW: Final = {
    **dict.fromkeys(_MONEY, ("a sum in its smallest units", "money")),
    **dict.fromkeys(_MOMENT, ("a moment in seconds since 1970", "date")),
}
"""What one would read without a format, and which one to write."""


def formats_fit(subject: Subject) -> Iterator[Problem]:
    """A format is given what it is made for; sums and moments are given one."""
    for name, state in subject.states.items():
        if not subject.has_place(name):
            continue
        known = readable(state, subject.domains, subject.actions)
        for below, text in texts_of(state):
            shown = {slot: None for template in text.by_language.values() for slot in slots(template.parts)}
            for slot in shown:
                if (told := _told(slot, known)) is not None:
                    yield subject.at(name, "format-kind", *told, *below, on_key=False)


def _told(slot: Slot, known: Domains) -> tuple[str, str] | None:
    """Say what is wrong with a variable in a text, and the mend."""
    kinds = sorted({domain.shape.kind for domain in known.get(slot.name, ())})
    if slot.format is None:
        raw = next((kind for kind in kinds if kind in _RAW), None)
        if raw is None:
            return None
        shows, format_ = _RAW[raw]
        return f"'{{{slot.name}}}' would show {shows}.", f"Write `{{{slot.name}|{format_}}}`."
    fits = _WRITES.get(slot.format)
    wrong = next((kind for kind in kinds if fits is not None and kind not in fits), None)
    if wrong is None:
        return None
    holds = "money" if wrong == "whole" else wrong
    able = [one for one, takes in _WRITES.items() if wrong in takes]
    mend = f"Write `{{{slot.name}|{able[0]}}}`." if able else f"Write `{{{slot.name}}}`."
    return f"'{slot.name}' is of kind {holds}, which '{slot.format}' is not made for.", mend
