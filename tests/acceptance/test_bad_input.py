"""What no network should send: each gets a short clear answer, and nothing happens."""

from __future__ import annotations

from urllib.parse import urlencode
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.acceptance.screens import fits
from tests.acceptance.town import Person, Town

PATH = "/gateways/africastalking"
FORM = {
    "sessionId": "any",
    "serviceCode": "*880#",
    "phoneNumber": "+998977000001",
    "networkCode": "43404",
    "text": "",
}
SHORT = 200
"""Characters of a clear answer to a machine; a person's has to fit the screen."""


def post(town: Town, body: bytes, **headers: str) -> tuple[int, str]:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    status, text = town.served.request(PATH, body, headers=sent)
    assert "Traceback" not in text
    assert len(text) < SHORT
    return status, text


def form(**fields: str | None) -> bytes:
    chosen = FORM | {"sessionId": uuid4().hex} | fields
    return urlencode({name: value for name, value in chosen.items() if value is not None}).encode()


@pytest.mark.parametrize("field", ["sessionId", "serviceCode", "phoneNumber", "text"])
def test_a_missing_field_is_named(town: Town, field: str) -> None:
    assert post(town, form(**{field: None})) == (400, f"missing: {field}\n")


@pytest.mark.parametrize("field", ["sessionId", "serviceCode", "phoneNumber"])
def test_an_empty_field_is_a_missing_one(town: Town, field: str) -> None:
    assert post(town, form(**{field: ""})) == (400, f"missing: {field}\n")


def test_an_unknown_network_and_fields_unheard_of_are_no_trouble(town: Town) -> None:
    assert post(town, form(networkCode=None, colour="blue"))[1].startswith("CON CLICK\n")


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        (form(text="1" * 10_000), 400, "text is longer than 4096 characters\n"),
        (b"x" * 70_000, 413, "the body is longer than 65536 octets\n"),
        (form(text="") + b"%ff%fe", 400, "text is not valid UTF-8\n"),
        (form(text="") + b"\xff", 400, "text is not valid UTF-8\n"),
        (form() + b"&text=1", 400, "text comes twice\n"),
        (
            form(phoneNumber="+99890ABC4567"),
            400,
            "phoneNumber is not 5 to 15 digits after an optional plus\n",
        ),
        (form(phoneNumber="9" * 400), 400, "phoneNumber is longer than 16 characters\n"),
        (form(sessionId="a\nb"), 400, "sessionId holds control characters\n"),
        (form(sessionId="s" * 500), 400, "sessionId is longer than 128 characters\n"),
        (b"&" * 100, 400, "more than 64 fields\n"),
        (b"", 400, "missing: sessionId, serviceCode, phoneNumber\n"),
    ],
)
def test_a_malformed_request_is_told_what_is_wrong(town: Town, body: bytes, status: int, told: str) -> None:
    assert post(town, body) == (status, told)


@pytest.mark.parametrize("kind", ["application/json", "text/plain", "multipart/form-data; boundary=x", ""])
def test_another_content_type_is_refused(town: Town, kind: str) -> None:
    assert post(town, form(), Content_Type=kind) == (415, "send application/x-www-form-urlencoded\n")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_another_method_is_refused(town: Town, method: str) -> None:
    status, text = town.served.request(f"{PATH}?{form().decode()}", method=method)

    assert status == 405
    assert len(text) < SHORT


@pytest.mark.parametrize(
    "path",
    ["/", "/gateways", "/gateways/", "/gateways/beeline", f"{PATH}/", f"{PATH}/../../etc/passwd", "/demo"],
)
def test_another_path_is_not_there(town: Town, path: str) -> None:
    status, text = town.served.request(path, form())

    assert status == 404
    assert len(text) < SHORT


@pytest.mark.parametrize(
    "code",
    [
        "*999#",
        "880",
        "#",
        "*",
        "**#",
        "*8800#",
        "*#06#",
        "*880**9#",
        "*880**#",
        "*880***#",
        "ы",
        "*881**0*1*2#",
    ],
)
def test_an_unknown_code_is_told_what_to_dial(town: Town, code: str) -> None:
    status, text = post(town, form(serviceCode=code))

    assert status == 200
    assert text == "END Неверная команда. Наберите *880#"


@pytest.mark.parametrize("typed", ["1" * 4_000, "*" * 4_000, "\0", "🙂" * 500, "\n\n\n", "1.", " 2 "])
def test_a_strange_answer_gets_one_screen_and_the_dialogue_goes_on(merchant: Person, typed: str) -> None:
    phone = merchant.phone
    phone.dial("*880#")
    screen = phone.answer(typed)

    assert screen.startswith("CON ")
    assert fits(screen)
    assert phone.answer("2" if "Номер" not in screen else "0").startswith("CON ")


def test_an_answer_of_another_session_is_told_that_it_is_over_and_the_open_one_goes_on(
    town: Town, merchant: Person, customer: Person
) -> None:
    phone, foreign = merchant.phone, merchant.phone
    phone.dial("*880#", "2")
    foreign.dialogue, foreign.code, foreign.typed = uuid4().hex, "*880#", ["3"]

    assert foreign.repeat() == "END Сеанс завершен. Наберите *880#"
    assert phone.answer(customer.short) == "CON Сумма, сум:\n00.Назад"
    assert foreign.answer("1") == "END Сеанс завершен. Наберите *880#"
    assert phone.answer("5000").startswith("END Счет №")
    assert len(town.invoices(merchant)) == 1


def test_an_answer_after_the_end_and_an_older_answer_are_told_that_it_is_over(
    town: Town, merchant: Person, customer: Person
) -> None:
    phone = merchant.phone
    phone.dial("*880#", "2", customer.short)
    phone.typed = ["2"]
    assert phone.repeat() == "END Сеанс завершен. Наберите *880#"
    phone.typed = ["2", customer.short]
    assert phone.answer("5000").startswith("END Счет №")

    assert phone.answer("6000") == "END Сеанс завершен. Наберите *880#"
    assert len(town.invoices(merchant)) == 1


def test_a_phone_that_takes_over_anothers_session_meets_its_own_menu(merchant: Person, town: Town) -> None:
    phone, thief = merchant.phone, town.stranger().phone
    phone.dial("*880#", "2")
    thief.dialogue, thief.code, thief.typed = phone.dialogue, "*880#", ["2"]

    assert "Номер клиента" not in thief.repeat()


@pytest.mark.parametrize("status", ["Success", "Incomplete", "Failed"])
def test_the_networks_notice_of_an_end_is_taken(town: Town, merchant: Person, status: str) -> None:
    phone = merchant.phone
    phone.dial("*880#")
    notice = FORM | {"sessionId": phone.dialogue, "phoneNumber": merchant.msisdn, "status": status}

    assert town.served.request(f"{PATH}/events", urlencode(notice).encode()) == (200, "")


@settings(max_examples=60, deadline=None)
@given(body=st.binary(max_size=300))
def test_no_body_at_all_makes_the_server_fail(town: Town, body: bytes) -> None:
    assert post(town, body)[0] in (400, 413)


@settings(max_examples=60, deadline=None)
@given(
    code=st.text("0123456789*#+ ", max_size=60) | st.text(max_size=60).filter(str.strip),
    text=st.text("0123456789*# ", max_size=60) | st.text(max_size=60),
)
def test_whatever_is_dialled_and_typed_gets_one_screen_that_fits(town: Town, code: str, text: str) -> None:
    body = urlencode(FORM | {"sessionId": uuid4().hex, "serviceCode": f"*{code}", "text": text}).encode()
    status, screen = post(town, body)

    assert status == 200
    assert screen[:4] in ("CON ", "END ")
    assert fits(screen)
