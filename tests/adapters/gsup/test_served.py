"""The whole program beside a real HLR: `[[gateways]] kind = "gsup"`."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.adapters.starting import refusal
from tests.conftest import Start
from tests.peers.gsup_hlr import CTRL_PORT, Hlr, osmo_hlr
from tests.peers.gsup_msc import Call, Msc, Screen, switch
from tests.served import CUSTOMER, MERCHANT, run_ussd

SETTINGS = """\
[[gateways]]
name = "hlr"
kind = "gsup"
host = "{address}"
port = 4222
euse = "ussd-engine"
ctrl_port = {ctrl_port}
"""
SELLER, BUYER = "901700000000011", "901700000000012"
NO_EUSE = 0x22


async def served_by(hlr: Hlr, msc: Msc, start_demo: Start, folder: Path) -> None:
    file = folder / "ussd.toml"
    file.write_text(SETTINGS.format(address=hlr.address, ctrl_port=CTRL_PORT), encoding="utf-8")
    served = await asyncio.to_thread(start_demo, "--config", str(file))
    try:
        async with asyncio.timeout(15):
            while (await msc.dial(BUYER, "*880*9999#").screen()).error == NO_EUSE:
                await asyncio.sleep(0.1)
        call = msc.dial(SELLER, "*880**0*901234567*50000#")
        shown = await _to_the_end(call)
        inbox = await asyncio.to_thread(served.inbox, CUSTOMER)
        menu = await msc.dial(SELLER, "*880#").screen()
        buyer = await msc.dial(BUYER, "*880#").screen()
    finally:
        assert await asyncio.to_thread(served.end) == 0

    assert (shown.operation, shown.open) == (59, False)
    assert CUSTOMER in shown.text
    assert "50 000" in shown.text
    assert "50 000" in inbox[-1]["text"]
    assert "Выставить счет" in menu.text
    assert (menu.dcs, menu.open, buyer.open) == (0x48, True, True)
    assert "Выставить счет" not in buyer.text
    assert max(len(one.text.encode("utf-16-be")) for one in (shown, menu, buyer)) <= 112
    assert SELLER not in served.logged()


async def _to_the_end(call: Call) -> Screen:
    shown = await call.screen()
    while shown.open:
        shown = await call.answer("1")
    return shown


async def test_an_invoice_is_issued_over_gsup(tmp_path: Path, start_demo: Start) -> None:
    async with osmo_hlr(tmp_path) as hlr:
        await hlr.add({SELLER: MERCHANT, BUYER: CUSTOMER})
        async with switch(hlr.address) as msc:
            await served_by(hlr, msc, start_demo, tmp_path)


ONE = '[[gateways]]\nname = "one"\nkind = "gsup"\n'


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        (ONE, "host"),
        (f'{ONE}host = "x"\nuse = "y"\n', "Did you mean 'euse'?"),
        (f'{ONE}host = "x"\neuse = "EUSE ussd"\n', "without EUSE-"),
        (f'{ONE}host = "x"\nlengths = "long"\n', "lengths"),
        (f'{ONE}host = "x"\nctrl_port = 70000\n', "ctrl_port"),
        (f'{ONE}host = "x"\nscreen_octets = 161\n', "160 at most"),
        (f'{ONE}host = "x"\nidle_s = 0\n', "above 0"),
        (f'{ONE}host = "x"\n[sms]\nsender = "one"\n', "no gateway 'one' can send SMS"),
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
