"""The SMS texts: exact where they are fixed, in the right alphabet, and as short as domain.md 3.4 says."""

from __future__ import annotations

import re
from string import Formatter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection

from invoicing.notices import (
    REASON_TEXTS,
    TEXTS,
    DeclineReason,
    Template,
    decline_reason,
    reason_text,
    render,
)
from invoicing.sms import is_gsm7, parts
from invoicing.storage import people
from invoicing.storage.cabinet import set_cashier_state
from invoicing.storage.connect import write
from invoicing.values import LANGUAGES, soum
from tests.invoicing.world import CUSTOMER, OTHER_SHOP, SHOP, STRANGER, World

USUAL = {
    "number": "1234567",
    "sum": "50 000",
    "name": "SUPERMARKET 12",
    "payment": "5000001",
    "phone": "998901234567",
    "reason": "",
    "account": "901234567",
    "code": "123456",
    "minutes": "99",
}
LONGEST = USUAL | {"number": "1234567890", "sum": "999 999 999", "payment": "1234567890"}
# Measured with the fourteen-letter name and a seven-digit payment number; uz-Cyrl was not measured there.


def worst(template: Template, lang: str, params: dict[str, str]) -> str:
    reasons = [texts[lang] for texts in REASON_TEXTS.values()]
    return render(template, lang, params | {"reason": max(reasons, key=len)})


def test_the_seeds_text_is_kept_to_the_letter() -> None:
    text = render(Template.PAID_MERCHANT, "ru", {"number": "1001", "sum": soum(5_000_000)})

    assert text == "Оплата по счету №1001 на сумму 50 000 сум успешно произведена"
    assert parts(text) == 1


def test_every_notice_has_a_text_in_every_language() -> None:
    assert set(TEXTS) == set(Template)
    assert set(REASON_TEXTS) == set(DeclineReason)
    assert all(set(texts) == set(LANGUAGES) for texts in (*TEXTS.values(), *REASON_TEXTS.values()))


@pytest.mark.parametrize("template", Template)
def test_the_languages_of_a_notice_tell_the_same_things(template: Template) -> None:
    fields = [
        {field for _, field, _, _ in Formatter().parse(text) if field} for text in TEXTS[template].values()
    ]

    assert all(told == fields[0] for told in fields)


@pytest.mark.parametrize("lang", ["uz", "en"])
@pytest.mark.parametrize("template", Template)
def test_uzbek_and_english_stay_in_gsm7_and_one_part(template: Template, lang: str) -> None:
    for params in (USUAL, LONGEST, LONGEST | {"name": "ЎЗБЕКИСТОН ШЎРВА ҚОВУН"}):
        text = worst(template, lang, params)

        assert is_gsm7(text), text
        assert "№" not in text
        assert parts(text) == 1


@pytest.mark.parametrize("template", Template)
def test_a_usual_russian_notice_takes_one_part(template: Template) -> None:
    text = worst(template, "ru", USUAL | {"name": "MAGAZIN-24", "number": "1001"})

    assert parts(text) == 1, (len(text), text)


@pytest.mark.parametrize("lang", ["ru", "uz-Cyrl"])
@pytest.mark.parametrize("template", Template)
def test_no_notice_ever_takes_more_than_two_parts(template: Template, lang: str) -> None:
    assert parts(worst(template, lang, LONGEST)) <= 2


def test_cyrillic_uzbek_is_letter_for_letter_the_latin_one() -> None:
    latin = dict(zip("абвгдезийклмнопрстуфхэқҳ", "abvgdeziyklmnoprstufxeqh", strict=True)) | {
        "ж": "j", "ў": "o'", "ғ": "g'", "ш": "sh", "ч": "ch", "ё": "yo", "ю": "yu", "я": "ya", "№": "No "
    }  # fmt: skip

    def to_latin(text: str) -> str:
        begun = re.sub(r"\bе", "ye", text.lower())
        return "".join(latin.get(letter, letter) for letter in begun).lower()

    for texts in (*TEXTS.values(), *REASON_TEXTS.values()):
        assert to_latin(texts["uz-Cyrl"]) == texts["uz"].lower()


def test_a_long_name_is_cut_to_fourteen_with_a_full_stop() -> None:
    text = render(Template.CANCELLED, "ru", USUAL | {"name": "Продукты у дома на углу"})

    assert "CLICK: Продукты у до. отменил" in text


def test_a_cyrillic_name_goes_out_in_latin_letters_where_the_text_must_be_gsm7() -> None:
    params = USUAL | {"name": "Чойхона Шоҳ"}

    assert render(Template.CANCELLED, "en", params).startswith("CLICK: Choyxona Shoh cancelled")
    assert render(Template.CANCELLED, "ru", params).startswith("CLICK: Чойхона Шоҳ отменил")


@pytest.mark.parametrize(
    ("code", "reason"),
    [("51", DeclineReason.FUNDS), ("54", DeclineReason.CARD_EXPIRED), ("zz", DeclineReason.REFUSED)],
)
def test_a_response_code_is_told_in_words(code: str, reason: DeclineReason) -> None:
    assert decline_reason(code) is reason
    assert reason_text(code, "ru") == REASON_TEXTS[reason]["ru"]


@given(st.sampled_from(LANGUAGES), st.integers(1, 10**15))
def test_the_sum_in_a_notice_is_whole_and_in_plain_spaces(lang: str, amount_tiyin: int) -> None:
    text = render(Template.EXPIRED, lang, {"number": "1001", "sum": soum(amount_tiyin)})

    assert soum(amount_tiyin) in text
    assert "\xa0" not in text


def test_each_receiver_is_written_to_in_his_language(world: World) -> None:
    world.service.set_language(CUSTOMER, "en")
    world.service.set_language(SHOP, "uz-Cyrl")
    world.pay(world.issue())

    assert world.texts(CUSTOMER) == [
        "CLICK: MAGAZIN-24 sent you invoice No 1001 for 50 000 UZS. Pay or decline: *880#",
        "CLICK: invoice No 1001 paid: 50 000 UZS, MAGAZIN-24. Payment No 5000001",
    ]
    assert world.texts(SHOP) == ["1001-сонли ҳисоб бўйича 50 000 сўм тўлов муваффақиятли амалга оширилди"]


def test_a_stranger_is_remembered_by_his_language_and_a_merchant_invoiced_by_another_by_his(
    world: World,
) -> None:
    stranger = "998977654321"
    world.service.set_language(stranger, "uz")
    world.service.set_language(SHOP, "en")
    world.issue(customer=stranger)
    world.issue(customer=SHOP, shop=OTHER_SHOP)

    assert world.service.role(stranger).language == "uz"
    assert "so'mlik" in world.texts(stranger)[0]
    assert "sent you" in world.texts(SHOP)[0]


def test_a_cashier_who_was_shut_out_hears_no_more_of_his_invoices_and_the_owner_does(world: World) -> None:
    def shut_out(conn: Connection) -> bool:
        return set_cashier_state(conn, 1, 3, "blocked")

    write(
        world.engine,
        lambda conn: people.add_merchant_user(conn, merchant_id=1, msisdn=STRANGER, role="cashier"),
    )
    paid, declined = world.issue(shop=STRANGER), world.issue(shop=STRANGER)
    assert write(world.engine, shut_out)
    world.pay(paid)
    world.service.decline(world.key(), CUSTOMER, declined.id)
    world.service.refund(world.key(), SHOP, paid.id, reauthenticated=True)

    assert world.texts(STRANGER) == []
    assert world.texts(SHOP) == [
        "Оплата по счету №1001 на сумму 50 000 сум успешно произведена",
        "Клиент 998901234567 отклонил счет №1002 на сумму 50 000 сум",
        "Возврат по счету №1001 на сумму 50 000 сум выполнен",
    ]
    assert world.sound()
