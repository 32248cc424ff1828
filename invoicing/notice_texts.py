"""The SMS texts of domain.md 3.4 in four languages, and a card's refusals in words.

Uzbek and English stay inside GSM 03.38 (ASCII apostrophe, "No", plain spaces); Russian and Uzbek Cyrillic are
UCS-2. The Uzbek Cyrillic texts are letter for letter the Uzbek ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


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
    PIN_CHANGED = "pin_changed_customer"
    PIN_SET = "pin_set_customer"
    DIRECT_PAID = "direct_paid_customer"
    DIRECT_REFUSED = "direct_refused_customer"
    DIRECT_UNKNOWN = "direct_unknown_customer"
    DIRECT_REVERSED = "direct_reversed_customer"
    SERVICE_PAID = "service_paid_merchant"
    TRANSFER_RECEIVED = "transfer_received"
    REFUNDED_CUSTOMER = "refunded_customer"
    REFUNDED_MERCHANT = "refunded_merchant"
    REFUND_REFUSED = "refund_refused_merchant"
    CODE = "code"


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
    Template.PIN_SET: {
        "ru": "CLICK: PIN задан. Не вы? Тел. +998712310880",
        "uz": "CLICK: PIN o'rnatildi. Siz emasmi? Tel. +998712310880",
        "uz-Cyrl": "CLICK: PIN ўрнатилди. Сиз эмасми? Тел. +998712310880",
        "en": "CLICK: your PIN was set. Not you? Call +998712310880",
    },
    Template.PIN_CHANGED: {
        "ru": "CLICK: PIN изменен. Не вы? Тел. +998712310880",
        "uz": "CLICK: PIN o'zgardi. Siz emasmi? Tel. +998712310880",
        "uz-Cyrl": "CLICK: PIN ўзгарди. Сиз эмасми? Тел. +998712310880",
        "en": "CLICK: PIN changed. Not you? Call +998712310880",
    },
    Template.DIRECT_PAID: {
        "ru": "CLICK: {name}: {sum} сум оплачено. Платеж №{payment}",
        "uz": "CLICK: {name}: {sum} so'm to'landi. To'lov No {payment}",
        "uz-Cyrl": "CLICK: {name}: {sum} сўм тўланди. Тўлов №{payment}",
        "en": "CLICK: {name}: {sum} UZS paid. Payment No {payment}",
    },
    Template.DIRECT_REFUSED: {
        "ru": "CLICK: {name}, {sum} сум: {reason}. Деньги не списаны",
        "uz": "CLICK: {name}, {sum} so'm: {reason}. Pul yechilmadi",
        "uz-Cyrl": "CLICK: {name}, {sum} сўм: {reason}. Пул ечилмади",
        "en": "CLICK: {name}, {sum} UZS: {reason}. No money was taken",
    },
    Template.DIRECT_UNKNOWN: {
        "ru": "CLICK: платеж №{payment} обрабатывается. Не платите повторно",
        "uz": "CLICK: {payment}-to'lov tekshirilmoqda. Qayta to'lamang",
        "uz-Cyrl": "CLICK: {payment}-тўлов текширилмоқда. Қайта тўламанг",
        "en": "CLICK: payment No {payment} is being checked. Do not pay again",
    },
    Template.DIRECT_REVERSED: {
        "ru": "CLICK: платеж №{payment} отменен, {sum} сум возвращены",
        "uz": "CLICK: {payment}-to'lov bekor qilindi, {sum} so'm qaytarildi",
        "uz-Cyrl": "CLICK: {payment}-тўлов бекор қилинди, {sum} сўм қайтарилди",
        "en": "CLICK: payment No {payment} reversed, {sum} UZS returned",
    },
    Template.SERVICE_PAID: {
        "ru": "Оплата {account} на сумму {sum} сум, платеж №{payment}",
        "uz": "{account} uchun {sum} so'm to'landi, to'lov No {payment}",
        "uz-Cyrl": "{account} учун {sum} сўм тўланди, тўлов №{payment}",
        "en": "Payment for {account}: {sum} UZS, payment No {payment}",
    },
    Template.TRANSFER_RECEIVED: {
        "ru": "CLICK: вам перевод {sum} сум от {phone}. №{payment}",
        "uz": "CLICK: sizga {phone} dan {sum} so'm o'tkazma. No {payment}",
        "uz-Cyrl": "CLICK: сизга {phone} дан {sum} сўм ўтказма. №{payment}",
        "en": "CLICK: transfer of {sum} UZS to you from {phone}. No {payment}",
    },
    Template.REFUNDED_CUSTOMER: {
        "ru": "CLICK: {name} вернул {sum} сум по счету №{number}",
        "uz": "CLICK: {name} {number}-sonli hisob bo'yicha {sum} so'm qaytardi",
        "uz-Cyrl": "CLICK: {name} {number}-сонли ҳисоб бўйича {sum} сўм қайтарди",
        "en": "CLICK: {name} returned {sum} UZS for invoice No {number}",
    },
    Template.REFUNDED_MERCHANT: {
        "ru": "Возврат по счету №{number} на сумму {sum} сум выполнен",
        "uz": "{number}-sonli hisob bo'yicha {sum} so'm qaytarildi",
        "uz-Cyrl": "{number}-сонли ҳисоб бўйича {sum} сўм қайтарилди",
        "en": "Invoice No {number}: {sum} UZS were refunded",
    },
    Template.REFUND_REFUSED: {
        "ru": "Возврат по счету №{number} не выполнен: {reason}",
        "uz": "{number}-sonli hisob bo'yicha pul qaytarilmadi: {reason}",
        "uz-Cyrl": "{number}-сонли ҳисоб бўйича пул қайтарилмади: {reason}",
        "en": "Invoice No {number} was not refunded: {reason}",
    },
    Template.CODE: {
        "ru": "CLICK: код {code}. Никому не сообщайте. Действует {minutes} мин",
        "uz": "CLICK: kod {code}. Hech kimga aytmang. {minutes} daqiqa amal qiladi",
        "uz-Cyrl": "CLICK: код {code}. Ҳеч кимга айтманг. {minutes} дақиқа амал қилади",
        "en": "CLICK: code {code}. Do not share it. Valid for {minutes} min",
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
