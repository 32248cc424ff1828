"""The SMS texts of domain.md 3.4, and their way into the outbox.

A notice is queued in the transaction of the change it tells about, in the receiver's language. Uzbek and
English texts stay inside GSM 03.38 (ASCII apostrophe, "No", plain spaces, names in Latin letters); Russian
and Uzbek Cyrillic are UCS-2. The Uzbek Cyrillic texts are letter for letter the Uzbek ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import Connection

from invoicing.storage import outbox as storage
from invoicing.values import latin_name, short_name, soum


class Template(StrEnum):
    ISSUED = "issued_customer"
    PAID_MERCHANT = "paid_merchant"
    PAID_CUSTOMER = "paid_customer"
    DECLINED = "declined_merchant"
    EXPIRED = "expired_merchant"
    CANCELLED = "cancelled_customer"
    REFUSED = "refused_customer"
    UNKNOWN = "unknown_customer"
    REVERSED = "reversed_customer"
    PIN_LOCKED = "pin_locked_customer"


TEXTS: Final[Mapping[Template, Mapping[str, str]]] = {
    Template.ISSUED: {
        "ru": "CLICK: счет №{number} от {name}, {sum} сум. Оплата/отказ: *880#",
        "uz": "CLICK: {name} sizga {sum} so'mlik {number}-sonli hisob yubordi. To'lash yoki rad etish: *880#",
        "uz-Cyrl": "CLICK: {name} сизга {sum} сўмлик {number}-сонли ҳисоб юборди. Тўлаш ёки рад этиш: *880#",
        "en": "CLICK: {name} sent you invoice No {number} for {sum} UZS. Pay or decline: *880#",
    },
    # The seed fixes the Russian text to the letter.
    Template.PAID_MERCHANT: {
        "ru": "Оплата по счету №{number} на сумму {sum} сум успешно произведена",
        "uz": "{number}-sonli hisob bo'yicha {sum} so'm to'lov muvaffaqiyatli amalga oshirildi",
        "uz-Cyrl": "{number}-сонли ҳисоб бўйича {sum} сўм тўлов муваффақиятли амалга оширилди",
        "en": "Payment of invoice No {number} for {sum} UZS was successful",
    },
    Template.PAID_CUSTOMER: {
        "ru": "CLICK: счет №{number} оплачен, {sum} сум, {name}. Платеж №{payment}",
        "uz": "CLICK: {number}-sonli hisob to'landi: {sum} so'm, {name}. To'lov No {payment}",
        "uz-Cyrl": "CLICK: {number}-сонли ҳисоб тўланди: {sum} сўм, {name}. Тўлов №{payment}",
        "en": "CLICK: invoice No {number} paid: {sum} UZS, {name}. Payment No {payment}",
    },
    Template.DECLINED: {
        "ru": "Клиент {phone} отклонил счет №{number} на сумму {sum} сум",
        "uz": "Mijoz {phone} {sum} so'mlik {number}-sonli hisobni rad etdi",
        "uz-Cyrl": "Мижоз {phone} {sum} сўмлик {number}-сонли ҳисобни рад этди",
        "en": "Customer {phone} declined invoice No {number} for {sum} UZS",
    },
    Template.EXPIRED: {
        "ru": "Срок счета №{number} на сумму {sum} сум истек, счет закрыт",
        "uz": "{sum} so'mlik {number}-sonli hisob muddati tugadi va yopildi",
        "uz-Cyrl": "{sum} сўмлик {number}-сонли ҳисоб муддати тугади ва ёпилди",
        "en": "Invoice No {number} for {sum} UZS has expired and is closed",
    },
    Template.CANCELLED: {
        "ru": "CLICK: {name} отменил счет №{number}, {sum} сум. Не платите",
        "uz": "CLICK: {name} {sum} so'mlik {number}-sonli hisobni bekor qildi. To'lash shart emas",
        "uz-Cyrl": "CLICK: {name} {sum} сўмлик {number}-сонли ҳисобни бекор қилди. Тўлаш шарт эмас",
        "en": "CLICK: {name} cancelled invoice No {number} for {sum} UZS. Do not pay",
    },
    Template.REFUSED: {
        "ru": "CLICK: счет №{number} не оплачен: {reason}. Деньги не списаны",
        "uz": "CLICK: {number}-sonli hisob to'lanmadi: {reason}. Pul yechilmadi",
        "uz-Cyrl": "CLICK: {number}-сонли ҳисоб тўланмади: {reason}. Пул ечилмади",
        "en": "CLICK: invoice No {number} was not paid: {reason}. No money was taken",
    },
    Template.UNKNOWN: {
        "ru": "CLICK: платеж по счету №{number} обрабатывается. Не платите повторно",
        "uz": "CLICK: {number}-sonli hisob to'lovi tekshirilmoqda. Qayta to'lamang",
        "uz-Cyrl": "CLICK: {number}-сонли ҳисоб тўлови текширилмоқда. Қайта тўламанг",
        "en": "CLICK: payment of invoice No {number} is being checked. Do not pay again",
    },
    Template.REVERSED: {
        "ru": "CLICK: платеж №{payment} (счет №{number}) отменен, {sum} сум возвращены",
        "uz": "CLICK: {number}-sonli hisob bo'yicha {payment}-to'lov bekor qilindi, {sum} so'm qaytarildi",
        "uz-Cyrl": "CLICK: {number}-сонли ҳисоб бўйича {payment}-тўлов бекор қилинди, {sum} сўм қайтарилди",
        "en": "CLICK: payment No {payment} of invoice No {number} reversed, {sum} UZS returned",
    },
    Template.PIN_LOCKED: {
        "ru": "CLICK: PIN заблокирован: неверные вводы. Тел. +998712310880",
        "uz": "CLICK: PIN bloklandi: xato kiritildi. Tel. +998712310880",
        "uz-Cyrl": "CLICK: PIN блокланди: хато киритилди. Тел. +998712310880",
        "en": "CLICK: PIN locked after wrong tries. Call +998712310880",
    },
}


class DeclineReason(StrEnum):
    """What a card's refusal is called in front of its owner."""

    FUNDS = "funds"
    CARD_LIMIT = "card_limit"
    CARD_EXPIRED = "card_expired"
    CARD_BLOCKED = "card_blocked"
    BANK_DOWN = "bank_down"
    REFUSED = "refused"


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

REASON_TEXTS: Final[Mapping[DeclineReason, Mapping[str, str]]] = {
    DeclineReason.FUNDS: {
        "ru": "нет средств",
        "uz": "mablag' yetarli emas",
        "uz-Cyrl": "маблағ етарли эмас",
        "en": "not enough money",
    },
    DeclineReason.CARD_LIMIT: {
        "ru": "лимит карты",
        "uz": "karta limiti",
        "uz-Cyrl": "карта лимити",
        "en": "card limit",
    },
    DeclineReason.CARD_EXPIRED: {
        "ru": "срок карты истек",
        "uz": "karta muddati o'tgan",
        "uz-Cyrl": "карта муддати ўтган",
        "en": "card expired",
    },
    DeclineReason.CARD_BLOCKED: {
        "ru": "карта закрыта",
        "uz": "karta yopilgan",
        "uz-Cyrl": "карта ёпилган",
        "en": "card blocked",
    },
    DeclineReason.BANK_DOWN: {
        "ru": "банк недоступен",
        "uz": "bank ishlamayapti",
        "uz-Cyrl": "банк ишламаяпти",
        "en": "bank unavailable",
    },
    DeclineReason.REFUSED: {
        "ru": "отказ банка",
        "uz": "bank rad etdi",
        "uz-Cyrl": "банк рад этди",
        "en": "bank refused",
    },
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
) -> None:
    """Put one SMS into the outbox; what is queued twice for one event goes out once."""
    params = {
        "number": None if number is None else str(number),
        "sum": None if amount_tiyin is None else soum(amount_tiyin),
        "name": name,
        "payment": None if payment is None else str(payment),
        "phone": phone,
        "reason": reason,
    }
    storage.add_sms(
        conn,
        event_id=event_id,
        recipient=recipient,
        template=template,
        lang=lang,
        params={key: value for key, value in params.items() if value is not None},
        at=now,
    )
