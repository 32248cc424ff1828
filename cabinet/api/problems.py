"""Errors as RFC 9457 problem documents: a stable `type`, the reader's language, and what to do.

`type` is `/api/v1/problems#<code>`; `GET /api/v1/problems` lists every code with its cure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from cabinet.refusals import Said, chosen, said_of, say
from invoicing import Refusal, Refused

TYPES: Final = "/api/v1/problems#"
MEDIA_TYPE: Final = "application/problem+json"

_SAYINGS: Final = {
    "malformed": (
        400,
        ("Запрос составлен неверно", "Исправьте поля, перечисленные в errors"),
        ("So'rov noto'g'ri tuzilgan", "errors ro'yxatidagi maydonlarni tuzating"),
        ("The request is not as described", "Mend the fields listed in errors"),
    ),
    "key_needed": (
        400,
        ("Нужен заголовок Idempotency-Key", "Придумайте ключ для этого действия и повторяйте его с ним же"),
        ("Idempotency-Key sarlavhasi kerak", "Bu amal uchun kalit o'ylang va shu kalit bilan takrorlang"),
        ("The header Idempotency-Key is needed", "Make a key for this action, and repeat it with the same"),
    ),
    "not_signed_in": (
        401,
        ("Вход не выполнен", "Войдите и пришлите Authorization: Bearer"),
        ("Kirish bajarilmagan", "Kiring va Authorization: Bearer yuboring"),
        ("Nobody is signed in", "Sign in, and send Authorization: Bearer"),
    ),
    "forged": (
        403,
        ("Запрос пришел не с нашей страницы", "Обновите страницу и повторите"),
        ("So'rov bizning sahifadan kelmagan", "Sahifani yangilang va takrorlang"),
        ("No page of ours sent this", "Load the page anew and repeat"),
    ),
    "no_such_path": (
        404,
        ("Такого адреса нет", "Смотрите /api/v1/openapi.json"),
        ("Bunday manzil yo'q", "/api/v1/openapi.json ga qarang"),
        ("There is no such path", "See /api/v1/openapi.json"),
    ),
    "method": (
        405,
        ("Этот метод здесь не поддерживается", "Смотрите заголовок Allow"),
        ("Bu usul bu yerda ishlamaydi", "Allow sarlavhasiga qarang"),
        ("This method does nothing here", "See the header Allow"),
    ),
    "duplicate": (
        409,
        (
            "Такой счет уже выставлен №{number}",
            "Чтобы выставить еще один, пришлите again: true с новым ключом",
        ),
        ("Bunday hisob yuborilgan: {number}", "Yana yuborish uchun yangi kalit bilan again: true yuboring"),
        ("Such an invoice was issued as No {number}", "To issue one more, send again: true under a new key"),
    ),
    "too_large": (
        413,
        ("Запрос слишком большой", "Пришлите меньше"),
        ("So'rov juda katta", "Kamroq yuboring"),
        ("The request is too large", "Send less"),
    ),
    "media_type": (
        415,
        ("Ожидается application/json", "Пришлите Content-Type: application/json"),
        ("application/json kutilmoqda", "Content-Type: application/json yuboring"),
        ("application/json is expected", "Send Content-Type: application/json"),
    ),
    "too_often": (
        429,
        ("Слишком много запросов", "Повторите через {seconds} с"),
        ("So'rovlar juda ko'p", "{seconds} soniyadan keyin takrorlang"),
        ("Too many requests", "Try again in {seconds} s"),
    ),
    "trouble": (
        500,
        ("Ошибка на нашей стороне", "Повторите с тем же ключом; номер запроса в instance"),
        ("Bizning tomonda xato", "O'sha kalit bilan takrorlang; so'rov raqami instance da"),
        ("Something failed on our side", "Repeat under the same key; instance names the request"),
    ),
    "busy": (
        503,
        ("Сервис занят", "Повторите чуть позже с тем же ключом"),
        ("Xizmat band", "Birozdan keyin o'sha kalit bilan takrorlang"),
        ("The service is busy", "Repeat a little later under the same key"),
    ),
}

_R = Refusal
_STATUS: Final[Mapping[Refusal, int]] = {
    **dict.fromkeys((_R.WRONG_SIGN_IN,), 401),
    **dict.fromkeys((_R.NOT_MERCHANT, _R.BLOCKED, _R.NOT_ALLOWED, _R.NOT_AUTHENTICATED), 403),
    **dict.fromkeys((_R.NOT_FOUND,), 404),
    **dict.fromkeys(
        (
            *(_R.BEING_PAID, _R.ALREADY_PAID, _R.ALREADY_DECLINED, _R.ALREADY_CANCELLED, _R.ALREADY_EXPIRED),
            *(_R.ALREADY_REFUNDED, _R.NOT_PAID, _R.BEING_REFUNDED, _R.REFUND_TOO_LATE, _R.PHONE_TAKEN),
            *(_R.CARD_DECLINED, _R.CANNOT_SEND, _R.TOO_MANY),
        ),
        409,
    ),
    **dict.fromkeys(
        (
            *(_R.MINUTE_LIMIT, _R.DAY_LIMIT, _R.OPEN_LIMIT, _R.SMS_LIMIT, _R.TOO_MANY_TRIES),
            *(_R.CODE_MINUTE_LIMIT, _R.CODE_DAY_LIMIT),
        ),
        429,
    ),
    **dict.fromkeys((_R.UNAVAILABLE, _R.INTERRUPTED), 503),
}
_RETRY_S: Final[Mapping[str, int]] = {
    "too_many_tries": 30,
    "code_minute_limit": 60,
    "minute_limit": 60,
    "busy": 2,
    "unavailable": 30,
    "interrupted": 2,
    "too_often": 60,
}


@dataclass(frozen=True, slots=True)
class FieldError:
    """`field` is a path into the body, or the name of a parameter."""

    field: str
    message: str


@dataclass
class Problem(Exception):
    """Ends a call with a problem document; `reason` is a code of the list."""

    reason: str
    values: Mapping[str, Any] = field(default_factory=dict)
    errors: Sequence[FieldError] = ()
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, refused: Refused) -> Problem:
        """The domain's refusal."""
        return cls(refused.reason.value, dict(refused.params))

    @property
    def status(self) -> int:
        return status_of(self.reason)

    def said(self, language: str) -> Said:
        if self.reason in _SAYINGS:
            _, *sayings = _SAYINGS[self.reason]
            open_ = chosen((sayings[0], sayings[1], sayings[2]), language)
            return Said(open_.what.format_map(self.values), open_.mend.format_map(self.values))
        return say(Refused(Refusal(self.reason), self.values), language)

    def document(self, language: str, instance: str) -> dict[str, Any]:
        """The JSON of the answer; the refusal's own values stand beside the standard members."""
        said = self.said(language)
        body: dict[str, Any] = {
            "type": TYPES + self.reason,
            "title": said.what,
            "status": self.status,
            "detail": f"{said.what}. {said.mend}.",
            "mend": said.mend,
            "code": self.reason,
            "instance": instance,
        }
        if self.values:
            body["values"] = dict(self.values)
        if self.errors:
            body["errors"] = [{"field": one.field, "message": one.message} for one in self.errors]
        return body

    @property
    def retry_after_s(self) -> int | None:
        """When it makes sense to try again, where that is known."""
        told = self.values.get("seconds")
        return told if isinstance(told, int) else _RETRY_S.get(self.reason)


def status_of(reason: str) -> int:
    """The HTTP status of a code; 422 is what was understood and is refused."""
    known = _SAYINGS.get(reason)
    return known[0] if known is not None else _STATUS.get(Refusal(reason), 422)


def all_of_them(language: str) -> list[dict[str, Any]]:
    """Every code that a call may be answered with, its status, meaning and cure."""
    own = {reason: chosen((ru, uz, en), language) for reason, (_, ru, uz, en) in _SAYINGS.items()}
    others = {reason.value: said_of(reason, language) for reason in Refusal}
    return [
        {
            "type": TYPES + reason,
            "code": reason,
            "status": status_of(reason),
            "title": said.what,
            "mend": said.mend,
        }
        for reason, said in {**own, **others}.items()
    ]
