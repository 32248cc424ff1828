"""The seed's way 1 as anybody tries it first: a fresh demo, `ussd dial`, and the inbox."""

from __future__ import annotations

import re
import time
from pathlib import Path

from tests.conftest import Start
from tests.served import CUSTOMER, MERCHANT, OTHER_MERCHANT, PIN, STRANGER, run_ussd


def test_the_demos_people_play_the_seeds_way_from_the_command_line(start_demo: Start, tmp_path: Path) -> None:
    demo = start_demo("--fresh")
    folder = str(tmp_path / "data")

    def dial(code: str, phone: str, *answers: str) -> list[str]:
        typed = [part for answer in answers for part in ("--answer", answer)]
        ended = run_ussd("dial", code, "--as", phone, "--data", folder, *typed)
        assert (ended.returncode, ended.stderr) == (0, "")
        return ended.stdout.rstrip("\n").split("\n---\n")

    def inbox(phone: str, count: int) -> list[str]:
        deadline = time.monotonic() + 10
        while len(found := demo.inbox(phone)) < count and time.monotonic() < deadline:
            time.sleep(0.05)
        return [message["text"] for message in found]

    code = "*880**0*901234567*50000#"
    assert dial(code, MERCHANT) == ["Счет №1001\n998901234567\n50 000 сум", "closed"]
    asked = "Такой счет уже выставлен №1001.\n1.Выставить еще\n0.Отмена"
    assert dial(code, MERCHANT) == [asked, "open"]
    issued = "Счет №1002\n998901234567\n50 000 сум"
    assert dial(code, MERCHANT, "1") == [asked, issued, "closed"]
    assert inbox(CUSTOMER, 2) == [
        f"CLICK: счет №{number} от MAGAZIN-24, 50 000 сум. Оплата/отказ: *880#" for number in (1001, 1002)
    ]

    paid = dial("*880#", CUSTOMER, "1", "2", "1", PIN)
    assert re.fullmatch(r"Оплачено: 50 000 сум\nСчет №1001\nПлатеж №\d{7}", paid[-2])
    declined = "Счет №1002 отклонен\n1.Не получать счета от MAGAZIN-24\n0.Готово"
    assert dial("*880#", CUSTOMER, "1", "2")[-2:] == [declined, "open"]
    checked = dial("*880**3*901234567#", MERCHANT, "1")
    assert re.fullmatch(r"Платеж №\d{7}\n50 000 сум\n[\d.]{10} \d\d:\d\d\nОплачен", checked[-2])
    assert inbox(MERCHANT, 2) == [
        "Оплата по счету №1001 на сумму 50 000 сум успешно произведена",
        "Клиент 998901234567 отклонил счет №1002 на сумму 50 000 сум",
    ]
    assert dial("*880**3*901234567#", OTHER_MERCHANT) == ["Платежей не найдено", "closed"]
    assert dial(code, STRANGER) == ["Только для продавцов", "closed"]
