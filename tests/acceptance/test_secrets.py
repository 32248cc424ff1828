"""S7: a card's number or a CLICK-PIN, typed or dialled in any field, is kept nowhere."""

from __future__ import annotations

import re
from pathlib import Path

from tests.acceptance.detector import card_numbers_in, secrets_in
from tests.acceptance.town import Person, Town, card_number
from tests.conftest import Start

OWN_PIN, WRONG_PIN = "00713", "00972"
"""Too little for a sum, so that a PIN typed as one is refused and not taken for an amount."""
STRANGER = "998971000099"


def test_s7_cards_and_pins_in_any_field_are_found_nowhere_afterwards(
    start_demo: Start, tmp_path: Path
) -> None:
    served = start_demo()
    phone = Person(Town(served, tmp_path / "data"), STRANGER)
    card, other, unlinked = card_number("7101"), card_number("7202"), card_number("7303")
    _where_they_belong(phone, card, other)
    _where_they_do_not(phone, unlinked)
    pages = [served.request(path)[1] for path in ("/metrics", f"/demo/session/{STRANGER}")]
    pages += [message["text"] for message in served.inbox(STRANGER)]
    assert served.end() == 0

    cards, secrets = (card, other, unlinked), (OWN_PIN, WRONG_PIN)
    (tmp_path / "pages").write_text("\n".join(pages), encoding="utf-8")
    assert list((tmp_path / "data" / "journal").iterdir()), "there is a journal to look into"
    assert card_numbers_in(tmp_path) == []
    assert secrets_in(tmp_path, (*cards, *secrets)) == []


def test_the_detector_finds_a_card_and_a_pin_that_were_written_down(tmp_path: Path) -> None:
    card = card_number("7404")
    (tmp_path / "log").write_text(f'{{"heard": "{card}"}}', encoding="utf-8")
    (tmp_path / "journal").write_text(f"pin {OWN_PIN}, hash a{WRONG_PIN}f", encoding="utf-8")

    assert card_numbers_in(tmp_path) == ["log"]
    assert secrets_in(tmp_path, (card, OWN_PIN, WRONG_PIN)) == [("journal", OWN_PIN), ("log", card)]


def _where_they_belong(phone: Person, card: str, other: str) -> None:
    assert phone.dial(f"*880*0*{card}*1230#", OWN_PIN, OWN_PIN) == "END CLICK-PIN установлен"
    assert phone.dial("*880*4#", "2", "1230", other) == "END Карта *7202 подключена"
    assert phone.dial(f"*880*{other}*5000#", "1", WRONG_PIN, OWN_PIN).startswith("END Оплачено: 5 000 сум")
    assert phone.dial("*880*2#", "1", WRONG_PIN, OWN_PIN) == "END Баланс: 95 000 сум"
    assert phone.dial("*880*6*2#", OWN_PIN, "00826", "00826") == "END CLICK-PIN установлен"
    assert phone.dial("*880*6*2#", "00826", OWN_PIN, OWN_PIN) == "END CLICK-PIN установлен"


def _where_they_do_not(phone: Person, card: str) -> None:
    grouped = " ".join(re.findall("....", card))
    for code in (
        f"*880*0*{card}#",
        f"*880*0*{card}*0127*1#",
        f"*880*0*1230*{card}#",
        f"*880*3*{card}*5000#",
        f"*880*3*901234567*{card}#",
        f"*880*0100001*{card}*5000#",
        f"*880*0100001*5*{card}#",
        f"*880*{card}#",
        f"*880*{card[:-1]}5*5000#",
        f"*880**0*{card}*5000#",
        f"*880**3*{card}#",
        f"*880*1*{card}#",
        f"*880*{OWN_PIN}#",
        f"*880*1*1*{OWN_PIN}#",
        f"*880*3*{OWN_PIN}*5000#",
        f"*880*3*901234567*{OWN_PIN}#",
        f"*880*0100001*5*{OWN_PIN}#",
        f"*880*0*{OWN_PIN}*1230#",
        f"*{card}#",
        f"*880#{OWN_PIN}",
    ):
        phone.dial(code)
    for secret in (card, grouped, OWN_PIN):
        phone.dial("*880#", secret, secret)
        phone.dial("*880*2#", secret)
        for way in (
            ("2", "1"),
            ("2", "1", "0100001", "5"),
            ("2", "2"),
            ("2", "2", "901234567"),
            ("3", "1"),
            ("3", "1", "901234567"),
            ("3", "2"),
            ("4", "2"),
            ("4", "3"),
            ("6", "1"),
        ):
            phone.dial("*880#", *way, secret)
    phone.dial("*880#", "2", "1", "0100001", card)
    phone.dial("*880#", "2", "1", "0100001", grouped)
