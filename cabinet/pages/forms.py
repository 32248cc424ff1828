"""What people type into forms, read: phones, sums, days. What cannot be read is no exception."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Final

from aiohttp import web

from cabinet.sessions import form_of
from invoicing import Refusal, Refused
from invoicing.merchants import phone as domain_phone
from invoicing.values import TIYIN_PER_SOUM

TYPED_MAX: Final = 200
_SPACES: Final = "\u00a0\u202f\u2009 '"
_SUM: Final = re.compile(r"([0-9]{1,12})(?:[.,]([0-9]{1,2}))?", re.ASCII)


async def typed(request: web.Request) -> Mapping[str, str]:
    """The form's fields as text, each cut to a sane length; files count as nothing."""
    form = await form_of(request)
    return {name: value[:TYPED_MAX] for name, value in form.items() if isinstance(value, str)}


def phone(text: str) -> str | Refused:
    """A mobile number as people paste it, `+998 (90) 123-45-67` too, in its normal form."""
    return domain_phone(re.sub(r"[()\u00a0\t.]", "", text.strip()))


def amount(text: str) -> int | None:
    """Soums with at most two decimals, in tiyin (A44); `None` where it is no such sum (S21).

    ASCII digits only; spaces between thousands are read over.
    """
    packed = text.strip()
    for space in _SPACES:
        packed = packed.replace(space, "")
    found = _SUM.fullmatch(packed)
    if found is None:
        return None
    return int(found[1]) * TIYIN_PER_SOUM + int((found[2] or "").ljust(2, "0"))


def day(text: str) -> date | None:
    """`2026-11-24`, as a browser sends a date."""
    try:
        return date.fromisoformat(text) if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII) else None
    except ValueError:
        return None


BAD_SUM: Final = Refused(Refusal.AMOUNT_RANGE)
