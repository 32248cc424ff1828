"""The whole program on an SMPP line: `[[gateways]] kind = "smpp"`, `[sms] sender`, a real centre."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.adapters.starting import refusal
from tests.conftest import Start
from tests.peers.smpp import Centre
from tests.served import CUSTOMER, MERCHANT, run_ussd

SETTINGS = """\
[sms]
sender = "smsc1"
[[gateways]]
name = "smsc1"
kind = "smpp"
host = "127.0.0.1"
port = {port}
system_id = "ussd"
bind = "transceiver"
carries = ["sms", "ussd"]
profile = "its"
source = "CLICK"
"""
PASSWORD = {"USSD_GATEWAYS__SMSC1__PASSWORD": "sesame"}


@pytest.fixture
def config(tmp_path: Path, centre: Centre) -> str:
    file = tmp_path / "ussd.toml"
    file.write_text(SETTINGS.format(port=centre.port), encoding="utf-8")
    return str(file)


async def test_an_invoice_is_issued_over_smpp_and_its_notice_arrives_there(
    centre: Centre, config: str, start_demo: Start
) -> None:
    served = await asyncio.to_thread(start_demo, "--config", config, env=PASSWORD)
    await centre.event("bound")
    centre.order("dial", msisdn=MERCHANT, text="*880**0*901234567*50000#")
    shown = await centre.event("screen")
    while shown["open"]:
        centre.order("answer", msisdn=MERCHANT, text="1")
        shown = await centre.event("screen")
    notice = await centre.event("submit", destination=CUSTOMER)
    figures = ""
    async with asyncio.timeout(5):
        while 'ussd_line_up{gateway="smsc1"} 1.0' not in figures:
            _, figures = await asyncio.to_thread(served.request, "/metrics")
    assert await asyncio.to_thread(served.end) == 0
    await centre.event("unbound")

    assert notice["source"] == "CLICK"
    assert "50" in bytes.fromhex(notice["octets"]).decode("utf-16-be" if notice["coding"] == 8 else "latin-1")
    assert served.logged().count("sesame") == 0
    assert 'ussd_turn_seconds_count{gateway="smsc1"}' in figures


async def test_a_notice_waits_for_the_line(centre: Centre, config: str, start_demo: Start) -> None:
    centre.order("rule", statuses=[0x14, 0x08])
    served = await asyncio.to_thread(start_demo, "--config", config, env=PASSWORD)
    await centre.event("bound")
    await asyncio.to_thread(served.caller(MERCHANT).dial, "*880**0*901234567*50000#", "1")
    refused = await centre.event("submit", destination=CUSTOMER, status=0x08)
    taken = await centre.event("submit", destination=CUSTOMER, status=0, within_s=60)

    assert taken["octets"] == refused["octets"]


ONE = '[[gateways]]\nname = "one"\nkind = "smpp"\n'


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ('[sms]\nsender = "smsc2"\n', "no gateway 'smsc2' can send SMS"),
        ('[sms]\nsender = "africastalking"\n', "no gateway 'africastalking' can send SMS"),
        (ONE, "host"),
        (f'{ONE}host = "x"\nprofil = "its"\n', "Did you mean 'profile'?"),
        (f'{ONE}host = "x"\nbind = "receiver"\n', "goes both ways"),
        (f'{ONE}host = "x"\ntls = true\ntls_ca = "none.pem"\n', "'one'"),
        (f'[sms]\nsender = "one"\n{ONE}host = "x"\ncarries = ["ussd"]\n', "no gateway 'one' can send SMS"),
    ],
)
def test_a_setting_that_cannot_work_is_named_at_the_start(tmp_path: Path, setting: str, says: str) -> None:
    assert says in refusal(setting, tmp_path)


def test_the_program_says_so_and_does_not_start(tmp_path: Path) -> None:
    file = tmp_path / "ussd.toml"
    file.write_text(f'{ONE}host = "x"\n[sms]\nsender = "none"\n', encoding="utf-8")
    ended = run_ussd(
        "demo", "--headless", "--port", "0", "--data", str(tmp_path / "data"), "--config", str(file)
    )

    assert ended.returncode != 0
    assert "no gateway 'none' can send SMS" in ended.stderr


async def test_an_invoice_is_pushed_over_smpp_and_declined_there(
    centre: Centre, tmp_path: Path, start_demo: Start
) -> None:
    file = tmp_path / "ussd.toml"
    push = '[push]\ngateway = "smsc1"\ninvoices = true\n'
    file.write_text(push + SETTINGS.format(port=centre.port), encoding="utf-8")
    served = await asyncio.to_thread(start_demo, "--config", str(file), env=PASSWORD)
    await centre.event("bound")
    await asyncio.to_thread(served.caller(MERCHANT).dial, "*880**0*901234567*50000#")
    shown = await centre.event("pushed", within_s=30)
    centre.order("answer", msisdn=CUSTOMER, text="1")
    last = await centre.event("screen", within_s=30)

    assert (shown["msisdn"], shown["op"]) == (CUSTOMER, 2)
    assert shown["text"] == "№1001\nMAGAZIN-24\n50 000 сум\nОплата: *880#\n1.Отклонить"
    assert (last["text"], last["open"]) == ("Счет №1001 отклонен", False)
    _, figures = await asyncio.to_thread(served.request, "/metrics")
    assert 'ussd_pushes_total{gateway="smsc1",outcome="answered"} 1.0' in figures
