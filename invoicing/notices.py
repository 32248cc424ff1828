"""Notices: their way into the outbox, and from its rows to texts.

A notice is queued in the transaction of the change it tells about, in the receiver's language. In Uzbek and
English ones names go out in Latin letters, so that the text stays inside GSM 03.38.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from invoicing.notice_texts import REASON_TEXTS, TEXTS, DeclineReason, Template
from invoicing.storage import outbox as storage
from invoicing.values import latin_name, short_name, soum

__all__ = ["REASON_TEXTS", "TEXTS", "DeclineReason", "Template"]

# ISO 8583 field 39 (domain.md 2.2).
_REASONS: Final = {
    "51": DeclineReason.FUNDS,
    "61": DeclineReason.CARD_LIMIT,
    "65": DeclineReason.CARD_LIMIT,
    "54": DeclineReason.CARD_EXPIRED,
    "41": DeclineReason.CARD_BLOCKED,
    "43": DeclineReason.CARD_BLOCKED,
    "62": DeclineReason.CARD_BLOCKED,
    "91": DeclineReason.BANK_DOWN,
    "92": DeclineReason.BANK_DOWN,
    "96": DeclineReason.BANK_DOWN,
}

_LATIN: Final = ("uz", "en")


def decline_reason(code: str) -> DeclineReason:
    return _REASONS.get(code, DeclineReason.REFUSED)


def reason_text(code: str, lang: str) -> str:
    """The refusal's reason as SMS and screens print it, at most 20 characters."""
    return REASON_TEXTS[decline_reason(code)][lang]


def render(template: str, lang: str, params: Mapping[str, str]) -> str:
    """The text of a queued notice. `params` are as `queue` stored them."""
    values = dict(params)
    if "name" in values:
        values["name"] = short_name(latin_name(values["name"]) if lang in _LATIN else values["name"])
    return TEXTS[Template(template)][lang].format_map(values)


def queue(
    conn: Connection,
    now: datetime,
    template: Template,
    *,
    event_id: str,
    recipient: str,
    lang: str,
    number: int | None = None,
    amount_tiyin: int | None = None,
    name: str | None = None,
    payment: int | None = None,
    phone: str | None = None,
    reason: str | None = None,
    account: str | None = None,
    sealed_code: str | None = None,
) -> None:
    """Put one SMS into the outbox; what is queued twice for one event goes out once."""
    params = {
        "number": None if number is None else str(number),
        "sum": None if amount_tiyin is None else soum(amount_tiyin),
        "name": name,
        "payment": None if payment is None else str(payment),
        "phone": phone,
        "reason": reason,
        "account": account,
        "sealed_code": sealed_code,
    }
    storage.add_sms(
        conn,
        event_id=event_id,
        recipient=recipient,
        template=template,
        lang=lang,
        params={key: value for key, value in params.items() if value is not None},
        at=now,
        urgent=sealed_code is not None,
    )
