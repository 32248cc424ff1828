"""The engine's own words, in the languages it knows; a service's `says:` overrides any of them.

uz and en stay within the GSM 7-bit alphabet: plain apostrophes, no `№`.
"""

from __future__ import annotations

from collections.abc import Mapping

SAYS: Mapping[str, Mapping[str, str]] = {
    "wrong_option": {
        "ru": "Неверный выбор",
        "uz": "Noto'g'ri tanlov",
        "uz-Cyrl": "Нотўғри танлов",
        "en": "No such choice",
    },
    "wrong_dial": {
        "ru": "Неверная команда. Наберите {service_code}",
        "uz": "Noto'g'ri buyruq. {service_code} tering",
        "uz-Cyrl": "Нотўғри буйруқ. {service_code} теринг",
        "en": "No such command. Dial {service_code}",
    },
    "gave_up": {
        "ru": "Слишком много неверных ответов. Наберите {service_code} еще раз",
        "uz": "Noto'g'ri javoblar ko'p. {service_code} ni qayta tering",
        "uz-Cyrl": "Нотўғри жавоблар кўп. {service_code} ни қайта теринг",
        "en": "Too many wrong answers. Please dial {service_code} again",
    },
    "trouble": {
        "ru": "Сервис временно недоступен. Попробуйте позже",
        "uz": "Xizmat vaqtincha ishlamayapti. Keyinroq urinib ko'ring",
        "uz-Cyrl": "Хизмат вақтинча ишламаяпти. Кейинроқ уриниб кўринг",
        "en": "The service is not available now. Please try later",
    },
    "late": {
        "ru": "Запрос выполняется. Результат придет по SMS",
        "uz": "So'rov bajarilmoqda. Natija SMS orqali keladi",
        "uz-Cyrl": "Сўров бажарилмоқда. Натижа SMS орқали келади",
        "en": "Your request is being processed. An SMS will tell the result",
    },
    "over": {
        "ru": "Сеанс завершен. Наберите {service_code}",
        "uz": "Seans tugadi. {service_code} tering",
        "uz-Cyrl": "Сеанс тугади. {service_code} теринг",
        "en": "The session is over. Dial {service_code}",
    },
    "msisdn.format": {
        "ru": "Неверный номер",
        "uz": "Raqam noto'g'ri",
        "uz-Cyrl": "Рақам нотўғри",
        "en": "Not a phone number",
    },
    "msisdn.fixed": {
        "ru": "Нужен мобильный номер",
        "uz": "Mobil raqam kerak",
        "uz-Cyrl": "Мобил рақам керак",
        "en": "A mobile number is needed",
    },
    "msisdn.own": {
        "ru": "Это ваш номер",
        "uz": "Bu sizning raqamingiz",
        "uz-Cyrl": "Бу сизнинг рақамингиз",
        "en": "This is your own number",
    },
    "money.format": {
        "ru": "Целое число от {min|money} до {max|money}",
        "uz": "Butun son: {min|money} dan {max|money} gacha",
        "uz-Cyrl": "Бутун сон: {min|money} дан {max|money} гача",
        "en": "A whole number from {min|money} to {max|money}",
    },
    "money.range": {
        "ru": "Сумма от {min|money} до {max|money}",
        "uz": "Summa {min|money} dan {max|money} gacha",
        "uz-Cyrl": "Сумма {min|money} дан {max|money} гача",
        "en": "From {min|money} to {max|money}",
    },
    "integer.format": {
        "ru": "Целое число от {min} до {max}",
        "uz": "Butun son: {min} dan {max} gacha",
        "uz-Cyrl": "Бутун сон: {min} дан {max} гача",
        "en": "A whole number from {min} to {max}",
    },
    "integer.range": {
        "ru": "Число от {min} до {max}",
        "uz": "{min} dan {max} gacha",
        "uz-Cyrl": "{min} дан {max} гача",
        "en": "From {min} to {max}",
    },
    "text.format": {
        "ru": "Недопустимые символы",
        "uz": "Belgilar noto'g'ri",
        "uz-Cyrl": "Белгилар нотўғри",
        "en": "Characters that can't be used",
    },
    "text.length": {
        "ru": "Длина от {min} до {max} символов",
        "uz": "Uzunligi {min} dan {max} gacha",
        "uz-Cyrl": "Узунлиги {min} дан {max} гача",
        "en": "From {min} to {max} characters",
    },
    "digits.format": {
        "ru": "Только цифры",
        "uz": "Faqat raqamlar",
        "uz-Cyrl": "Фақат рақамлар",
        "en": "Digits only",
    },
    "pin.format": {
        "ru": "PIN: {max} цифр",
        "uz": "PIN: {max} raqam",
        "uz-Cyrl": "PIN: {max} рақам",
        "en": "PIN: {max} digits",
    },
    "choice.unknown": {
        "ru": "Неверный выбор",
        "uz": "Noto'g'ri tanlov",
        "uz-Cyrl": "Нотўғри танлов",
        "en": "No such choice",
    },
    "resume.question": {
        "ru": "Продолжить с того же места?",
        "uz": "To'xtagan joydan davom etasizmi?",
        "uz-Cyrl": "Тўхтаган жойдан давом этасизми?",
        "en": "Continue where you left?",
    },
    "resume.yes": {"ru": "Продолжить", "uz": "Davom etish", "uz-Cyrl": "Давом этиш", "en": "Continue"},
    "resume.no": {"ru": "Начать заново", "uz": "Boshidan", "uz-Cyrl": "Бошидан", "en": "Begin anew"},
    "label.back": {"ru": "Назад", "uz": "Orqaga", "uz-Cyrl": "Орқага", "en": "Back"},
    "label.more": {"ru": "Еще", "uz": "Yana", "uz-Cyrl": "Яна", "en": "More"},
    "label.previous": {"ru": "Пред.", "uz": "Oldingi", "uz-Cyrl": "Олдинги", "en": "Previous"},
}

VALUES: Mapping[str, tuple[str, ...]] = {
    "money": ("min", "max"),
    "integer": ("min", "max"),
    "text": ("min", "max"),
    "digits": ("min", "max"),
    "pin": ("min", "max"),
}
"""What a refusal's text may show beside `{service_code}`, by the code's family."""
