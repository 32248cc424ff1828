"""What people are told when something is refused, and what to do about it, in four languages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from cabinet.alphabet import cyrillic
from invoicing import Refusal, Refused
from invoicing.values import soum

LANGUAGES: Final = ("ru", "uz", "uz-Cyrl", "en")


@dataclass(frozen=True, slots=True)
class Said:
    """`what` happened and the `mend`; `{…}` stand for the refusal's own values."""

    what: str
    mend: str


_RU_UZ_EN = tuple[tuple[str, str], tuple[str, str], tuple[str, str]]
_R = Refusal

_BY_SECONDS_MAX_S: Final = 90
_UNITS: Final = {
    "ru": ("с", "мин"),
    "uz": ("soniya", "daqiqa"),
    "uz-Cyrl": ("сония", "дақиқа"),
    "en": ("s", "min"),
}

_SAYINGS: Final[Mapping[Refusal, _RU_UZ_EN]] = {
    _R.NOT_MERCHANT: (
        ("Этот номер не зарегистрирован как продавец", "Обратитесь в обслуживающий банк"),
        ("Bu raqam sotuvchi sifatida ro'yxatdan o'tmagan", "Xizmat ko'rsatuvchi bankka murojaat qiling"),
        ("This phone is not registered as a merchant's", "Ask your bank"),
    ),
    _R.BLOCKED: (
        ("Доступ закрыт банком", "Обратитесь в обслуживающий банк"),
        ("Kirish bank tomonidan yopilgan", "Xizmat ko'rsatuvchi bankka murojaat qiling"),
        ("The bank has closed the access", "Ask your bank"),
    ),
    _R.BAD_PHONE: (
        ("Номер телефона неверный", "Укажите 12 цифр: 998901234567"),
        ("Telefon raqami noto'g'ri", "12 ta raqam kiriting: 998901234567"),
        ("The phone number is not right", "Give 12 digits: 998901234567"),
    ),
    _R.NOT_MOBILE: (
        ("Это не мобильный номер", "Укажите номер мобильного телефона"),
        ("Bu mobil raqam emas", "Mobil telefon raqamini kiriting"),
        ("This is no mobile number", "Give the number of a mobile phone"),
    ),
    _R.OWN_NUMBER: (
        ("Это ваш собственный номер", "Укажите номер покупателя"),
        ("Bu o'zingizning raqamingiz", "Xaridor raqamini kiriting"),
        ("This is your own number", "Give the customer's number"),
    ),
    _R.AMOUNT_RANGE: (
        ("Сумма вне пределов", "Укажите от {min_tiyin} до {max_tiyin} сум"),
        ("Summa chegaradan tashqarida", "{min_tiyin} dan {max_tiyin} so'mgacha kiriting"),
        ("The sum is outside the limits", "Give {min_tiyin} to {max_tiyin} UZS"),
    ),
    _R.MINUTE_LIMIT: (
        ("Слишком много счетов за минуту", "Подождите минуту"),
        ("Bir daqiqada juda ko'p hisob", "Bir daqiqa kuting"),
        ("Too many invoices in a minute", "Wait a minute"),
    ),
    _R.DAY_LIMIT: (
        ("Дневной предел счетов исчерпан", "Продолжите завтра"),
        ("Kunlik hisoblar chegarasi tugadi", "Ertaga davom eting"),
        ("The day's limit of invoices is reached", "Go on tomorrow"),
    ),
    _R.OPEN_LIMIT: (
        ("У покупателя слишком много открытых счетов", "Дождитесь оплаты или отмените старые"),
        ("Xaridorda ochiq hisoblar juda ko'p", "To'lovni kuting yoki eskilarini bekor qiling"),
        ("The customer has too many open invoices", "Wait for payment or cancel old ones"),
    ),
    _R.SMS_LIMIT: (
        ("Этому покупателю сегодня больше нельзя отправить SMS", "Продолжите завтра"),
        ("Bu xaridorga bugun boshqa SMS yuborib bo'lmaydi", "Ertaga davom eting"),
        ("No more SMS to this customer today", "Go on tomorrow"),
    ),
    _R.CANNOT_SEND: (
        ("Счет этому покупателю отправить нельзя", "Договоритесь с покупателем"),
        ("Bu xaridorga hisob yuborib bo'lmaydi", "Xaridor bilan kelishing"),
        ("An invoice cannot be sent to this customer", "Agree with the customer"),
    ),
    _R.NOT_FOUND: (
        ("Не найдено", "Проверьте номер"),
        ("Topilmadi", "Raqamni tekshiring"),
        ("Not found", "Check the number"),
    ),
    _R.NOT_ALLOWED: (
        ("Вам это действие недоступно", "Обратитесь к владельцу"),
        ("Bu amal sizga ruxsat etilmagan", "Egasiga murojaat qiling"),
        ("You may not do this", "Ask the owner"),
    ),
    _R.NOT_AUTHENTICATED: (
        ("Нужен пароль еще раз", "Подтвердите паролем и повторите"),
        ("Parol yana bir bor kerak", "Parol bilan tasdiqlang va takrorlang"),
        ("The password is needed once more", "Give the password and repeat"),
    ),
    _R.BEING_PAID: (
        ("Счет сейчас оплачивается", "Подождите результата"),
        ("Hisob hozir to'lanmoqda", "Natijani kuting"),
        ("The invoice is being paid now", "Wait for the result"),
    ),
    _R.ALREADY_PAID: (
        ("Счет уже оплачен", "Оформите возврат, если нужно"),
        ("Hisob allaqachon to'langan", "Kerak bo'lsa, pulni qaytaring"),
        ("The invoice is paid already", "Refund it if need be"),
    ),
    _R.ALREADY_DECLINED: (
        ("Покупатель отклонил счет", "Выставите новый"),
        ("Xaridor hisobni rad etgan", "Yangisini yuboring"),
        ("The customer declined the invoice", "Issue a new one"),
    ),
    _R.ALREADY_CANCELLED: (
        ("Счет уже отменен", "Выставите новый"),
        ("Hisob allaqachon bekor qilingan", "Yangisini yuboring"),
        ("The invoice is cancelled already", "Issue a new one"),
    ),
    _R.ALREADY_EXPIRED: (
        ("Срок счета истек", "Выставите новый"),
        ("Hisob muddati o'tgan", "Yangisini yuboring"),
        ("The invoice has expired", "Issue a new one"),
    ),
    _R.ALREADY_REFUNDED: (
        ("Деньги по счету уже возвращены", "Делать ничего не нужно"),
        ("Hisob bo'yicha pul qaytarilgan", "Hech narsa qilish shart emas"),
        ("The money was returned already", "Nothing is to be done"),
    ),
    _R.NOT_PAID: (
        ("Счет не оплачен", "Его можно отменить"),
        ("Hisob to'lanmagan", "Uni bekor qilish mumkin"),
        ("The invoice is not paid", "It can be cancelled"),
    ),
    _R.BEING_REFUNDED: (
        ("Возврат уже выполняется", "Подождите результата"),
        ("Pul hozir qaytarilmoqda", "Natijani kuting"),
        ("The refund is under way", "Wait for the result"),
    ),
    _R.REFUND_TOO_LATE: (
        ("Вернуть можно только в месяце оплаты", "Договоритесь с покупателем"),
        ("Faqat to'lov oyida qaytarish mumkin", "Xaridor bilan kelishing"),
        ("A refund is possible in the month of the payment only", "Agree with the customer"),
    ),
    _R.CARD_DECLINED: (
        ("Банк отказал", "Повторите позже"),
        ("Bank rad etdi", "Keyinroq takrorlang"),
        ("The bank refused", "Try later"),
    ),
    _R.UNAVAILABLE: (
        ("Банк временно недоступен", "Повторите позже"),
        ("Bank vaqtincha ishlamayapti", "Keyinroq takrorlang"),
        ("The bank is out of reach", "Try later"),
    ),
    _R.INTERRUPTED: (
        ("Запрос был прерван", "Повторите"),
        ("So'rov uzilib qoldi", "Takrorlang"),
        ("The request was interrupted", "Repeat it"),
    ),
    _R.KEY_REUSED: (
        ("Этот ключ уже был с другим запросом", "Для нового запроса возьмите новый ключ"),
        ("Bu kalit boshqa so'rov bilan ishlatilgan", "Yangi so'rov uchun yangi kalit oling"),
        ("This key was used with another request", "Take a new key for a new request"),
    ),
    _R.CODE_MINUTE_LIMIT: (
        ("Код уже отправлен", "Новый можно запросить через минуту"),
        ("Kod yuborilgan", "Yangisini bir daqiqadan keyin so'rash mumkin"),
        ("A code was sent already", "A new one can be had in a minute"),
    ),
    _R.CODE_DAY_LIMIT: (
        ("На сегодня кодов больше нет", "Продолжите завтра или позвоните +998712310880"),
        ("Bugungi kodlar tugadi", "Ertaga davom eting yoki +998712310880 ga telefon qiling"),
        ("No more codes today", "Go on tomorrow, or call +998712310880"),
    ),
    _R.WRONG_CODE: (
        ("Код неверный", "Осталось попыток: {left}"),
        ("Kod noto'g'ri", "Qolgan urinishlar: {left}"),
        ("The code is wrong", "Tries left: {left}"),
    ),
    _R.CODE_OVER: (
        ("Код больше не действует", "Запросите новый"),
        ("Kod endi amal qilmaydi", "Yangisini so'rang"),
        ("The code is good no longer", "Ask for a new one"),
    ),
    _R.GRANT_OVER: (
        ("Время на выбор пароля истекло", "Запросите новый код"),
        ("Parol tanlash vaqti tugadi", "Yangi kod so'rang"),
        ("The time to choose a password is over", "Ask for a new code"),
    ),
    _R.WRONG_SIGN_IN: (
        ("Номер или пароль неверный", "Проверьте или получите код и задайте новый пароль"),
        ("Raqam yoki parol noto'g'ri", "Tekshiring yoki kod olib, yangi parol qo'ying"),
        ("The phone or the password is wrong", "Check them, or get a code and set a new password"),
    ),
    _R.TOO_MANY_TRIES: (
        ("Слишком много попыток", "Повторите через {wait}"),
        ("Urinishlar juda ko'p", "{wait}dan keyin takrorlang"),
        ("Too many tries", "Try again in {wait}"),
    ),
    _R.TOO_SHORT: (
        ("Пароль слишком короткий", "Возьмите не меньше {min} знаков"),
        ("Parol juda qisqa", "Kamida {min} ta belgi oling"),
        ("The password is too short", "Take {min} characters or more"),
    ),
    _R.TOO_LONG: (
        ("Пароль слишком длинный", "Возьмите не больше {max} знаков"),
        ("Parol juda uzun", "Ko'pi bilan {max} ta belgi oling"),
        ("The password is too long", "Take {max} characters at most"),
    ),
    _R.TOO_COMMON: (
        ("Такой пароль подбирают первым", "Придумайте другой, можно из нескольких слов"),
        ("Bunday parolni birinchi bo'lib topishadi", "Boshqasini o'ylang, bir necha so'z bo'lsa ham bo'ladi"),
        ("This password is guessed first", "Take another one; several words will do"),
    ),
    _R.HOLDS_PHONE: (
        ("В пароле ваш номер телефона", "Придумайте другой"),
        ("Parolda telefon raqamingiz bor", "Boshqasini o'ylang"),
        ("The password holds your phone number", "Take another one"),
    ),
    _R.PHONE_TAKEN: (
        ("Этот номер уже зарегистрирован", "Укажите другой номер"),
        ("Bu raqam ro'yxatdan o'tgan", "Boshqa raqam kiriting"),
        ("This phone is registered already", "Give another one"),
    ),
    _R.BAD_NAME: (
        ("Имя не подходит", "Буквы и цифры, до 60 знаков"),
        ("Ism to'g'ri kelmaydi", "Harf va raqamlar, 60 belgigacha"),
        ("The name does not fit", "Letters and digits, 60 characters at most"),
    ),
    _R.UNKNOWN_LANGUAGE: (
        ("Такого языка нет", "Выберите ru, uz, uz-Cyrl или en"),
        ("Bunday til yo'q", "ru, uz, uz-Cyrl yoki en ni tanlang"),
        ("There is no such language", "Take ru, uz, uz-Cyrl or en"),
    ),
    _R.BAD_URL: (
        ("Адрес не подходит", "Укажите адрес https://"),
        ("Manzil to'g'ri kelmaydi", "https:// manzilini kiriting"),
        ("The address does not fit", "Give an https:// address"),
    ),
    _R.PRIVATE_ADDRESS: (
        ("Это внутренний адрес", "Укажите адрес, открытый из Интернета"),
        ("Bu ichki manzil", "Internetdan ochiq manzil kiriting"),
        ("This is a private address", "Give one that the Internet reaches"),
    ),
    _R.BAD_EVENTS: (
        ("Такого события нет", "Выберите из списка"),
        ("Bunday hodisa yo'q", "Ro'yxatdan tanlang"),
        ("There is no such event", "Take one of the list"),
    ),
    _R.BAD_SUBSCRIPTION: (
        ("Подписка браузера не подходит", "Включите уведомления заново"),
        ("Brauzer obunasi to'g'ri kelmaydi", "Bildirishnomalarni qayta yoqing"),
        ("The browser's subscription does not fit", "Switch notifications on anew"),
    ),
    _R.TOO_MANY: (
        ("Больше {max} нельзя", "Удалите ненужное"),
        ("{max} tadan ko'p mumkin emas", "Keraksizini o'chiring"),
        ("There can be no more than {max}", "Remove what is not needed"),
    ),
    _R.BAD_PERIOD: (
        ("Период неверный", "Начало не позже конца, не больше {max} дней"),
        ("Davr noto'g'ri", "Boshi oxiridan keyin bo'lmasin, {max} kundan oshmasin"),
        ("The period is not right", "Begin before the end, {max} days at most"),
    ),
}  # fmt: skip
_OTHER: Final[_RU_UZ_EN] = (
    ("Не выполнено", "Повторите или позвоните +998712310880"),
    ("Bajarilmadi", "Takrorlang yoki +998712310880 ga telefon qiling"),
    ("Not done", "Repeat, or call +998712310880"),
)


def say(refused: Refused, language: str) -> Said:
    """The refusal in words; sums among its values are written in soums."""
    said = said_of(refused.reason, language)
    values = {
        name: soum(value) if name.endswith("_tiyin") and isinstance(value, int) else value
        for name, value in refused.params.items()
    }
    seconds = values.get("seconds")
    if isinstance(seconds, int):
        values["wait"] = _wait(seconds, language)
    return Said(said.what, _filled(said.mend, values))


def _wait(seconds: int, language: str) -> str:
    """Seconds up to a minute and a half, then minutes, never too few of them."""
    second, minute = _UNITS.get(language, _UNITS["ru"])
    if seconds <= _BY_SECONDS_MAX_S:
        return f"{seconds} {second}"
    return f"{-(-seconds // 60)} {minute}"


def said_of(reason: Refusal, language: str) -> Said:
    """The words for a reason, its values left open."""
    return chosen(_SAYINGS.get(reason, _OTHER), language)


def chosen(sayings: _RU_UZ_EN, language: str) -> Said:
    """One language of three written ones; Uzbek in Cyrillic is made from Latin."""
    ru, uz, en = sayings
    match language:
        case "uz":
            return Said(*uz)
        case "uz-Cyrl":
            return Said(cyrillic(uz[0]), cyrillic(uz[1]))
        case "en":
            return Said(*en)
        case _:
            return Said(*ru)


def _filled(text: str, values: Mapping[str, object]) -> str:
    try:
        return text.format_map(values)
    except KeyError:  # a refusal kept under a key before this text had the value
        return text
