"""Filters that live in the address: a view can be kept, shared, and exported as it is seen."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from cabinet.pages import forms
from cabinet.pages.statuses import N_
from invoicing import Status
from invoicing.reports import Filter

PRESETS: Final[Mapping[str, str]] = {
    "today": N_("Today"),
    "yesterday": N_("Yesterday"),
    "7": N_("7 days"),
    "30": N_("30 days"),
    "month": N_("This month"),
    "last": N_("Last month"),
}
FIELDS: Final = ("q", "status", "period", "since", "until", "min", "max")


@dataclass(frozen=True, slots=True)
class Seen:
    """A filter as the address has it, and as the domain takes it.

    Attributes:
        typed: the fields that say something, by their names in the address.
        unread: names of fields that could not be read; they filter nothing.
    """

    what: Filter
    typed: Mapping[str, str]
    unread: tuple[str, ...]

    def without(self, *names: str) -> dict[str, str]:
        return {name: value for name, value in self.typed.items() if name not in names}


def preset(name: str, today: date) -> tuple[date, date] | None:
    """The days a preset names, both taken in."""
    first = today.replace(day=1)
    match name:
        case "today":
            return today, today
        case "yesterday":
            return today - timedelta(days=1), today - timedelta(days=1)
        case "7":
            return today - timedelta(days=6), today
        case "30":
            return today - timedelta(days=29), today
        case "month":
            return first, today
        case "last":
            end = first - timedelta(days=1)
            return end.replace(day=1), end
        case _:
            return None


def read(query: Mapping[str, str], today: date) -> Seen:
    """The filter that an address names."""
    typed = {name: query[name].strip()[:60] for name in FIELDS if query.get(name, "").strip()}
    unread: list[str] = []
    since, until = days(typed, today, unread)
    bounds: dict[str, int | None] = {}
    for name in ("min", "max"):
        bounds[name] = forms.amount(typed[name]) if name in typed else None
        if name in typed and bounds[name] is None:
            unread.append(name)
    status = next((one for one in Status if one == typed.get("status")), None)
    if "status" in typed and status is None:
        del typed["status"]
    customer, number = search(typed.get("q", ""))
    if "q" in typed and customer is None and number is None:
        unread.append("q")
    what = Filter(status, since, until, customer, number, bounds["min"], bounds["max"])
    return Seen(what, typed, tuple(unread))


def days(typed: dict[str, str], today: date, unread: list[str]) -> tuple[date | None, date | None]:
    """A preset, or days of one's own, which win; a preset that is none is forgotten."""
    since, until = (forms.day(typed.get(name, "")) for name in ("since", "until"))
    unread += [name for name in ("since", "until") if name in typed and forms.day(typed[name]) is None]
    if "since" in typed or "until" in typed:
        typed.pop("period", None)
        return since, until
    named = preset(typed.get("period", ""), today)
    if named is None:
        typed.pop("period", None)
        return None, None
    return named


def search(text: str) -> tuple[str | None, int | None]:
    """The phone, or the invoice's number, that was searched for; nine digits may be either."""
    packed = re.sub(r"[\s()№#.+-]", "", text)
    if not re.fullmatch(r"[0-9]{1,12}", packed, re.ASCII):
        return None, None
    if len(packed) == 12:
        return packed, int(packed)
    return ("998" + packed if len(packed) == 9 else None), int(packed)
