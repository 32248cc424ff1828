"""Actions that raise or wait too long, a store that fails, menus that are replaced, what is stored."""

from __future__ import annotations

import asyncio
import functools
import logging
import statistics
from dataclasses import dataclass
from typing import Annotated

import pytest

from tests.core.kiosk import MENU, NOON, Bill, Issued, Payment, Receipt, receipts
from tests.core.test_step import AMOUNT, CLIENT
from tests.engine.conftest import World, replaced
from ussd_engine import Amount, Call, Engine, Kind, Max, Msisdn, Reply, Rows, compile_menus
from ussd_engine.actions import declared
from ussd_engine.core.session import Session
from ussd_engine.record import Record, decode, encode
from ussd_engine.versions import VERSIONS_MAX

TROUBLE = Reply("The service is not available now. Please try later", open=False)
LATE = Reply("Your request is being processed. An SMS will tell the result", open=False)
SHORTCUT = "*880**0*901234567*50000#"


async def test_an_action_that_raises_ends_politely_and_its_words_are_not_logged(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    async def issue(call: Call, client: Msisdn, amount: Amount, again: bool = False) -> Issued:
        raise RuntimeError("PIN 24680")

    with caplog.at_level(logging.DEBUG):
        reply = await world.phone(engine=replaced(world, "invoices.issue", issue, changes=True)).dial(
            code=SHORTCUT
        )

    assert reply == TROUBLE
    assert "invoices.issue" in caplog.text
    assert "RuntimeError" in caplog.text
    assert "24680" not in caplog.text


async def test_a_plain_function_is_an_action_and_its_errors_are_told_alike(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    def issue(call: Call, client: Msisdn, amount: Amount, again: bool = False) -> Issued:
        if amount == 50_000_00:
            return Issued(7)
        raise RuntimeError("PIN 24680")

    engine = replaced(world, "invoices.issue", issue, changes=True)

    issued = await world.phone(engine=engine).dial(code=SHORTCUT)
    refused = await world.phone("d2", engine).dial(code=SHORTCUT.replace("50000", "60000"))

    assert "7" in issued.text
    assert refused == TROUBLE
    assert "invoices.issue failed: RuntimeError" in caplog.text
    assert "24680" not in caplog.text


async def test_an_async_function_in_a_plain_wrapper_is_awaited(world: World) -> None:
    async def issue(call: Call, client: Msisdn, amount: Amount, again: bool = False) -> Issued:
        await asyncio.sleep(0)
        return Issued(7)

    @functools.wraps(issue)
    def counted(*given: object, **named: object) -> object:
        return issue(*given, **named)  # type: ignore[arg-type]

    engine = replaced(world, "invoices.issue", counted, changes=True)

    assert "7" in (await world.phone(engine=engine).dial(code=SHORTCUT)).text


@pytest.mark.parametrize("wrong", [None, "text", Rows(), 5])
async def test_an_action_that_returns_what_it_did_not_declare_has_failed(world: World, wrong: object) -> None:
    async def issue(call: Call, client: Msisdn, amount: Amount, again: bool = False) -> Issued:
        return wrong  # type: ignore[return-value]

    engine = replaced(world, "invoices.issue", issue, changes=True)

    assert await world.phone(engine=engine).dial(code=SHORTCUT) == TROUBLE


async def test_an_action_that_is_cancelled_from_inside_has_failed(world: World) -> None:
    async def issue(call: Call, client: Msisdn, amount: Amount, again: bool = False) -> Issued:
        raise asyncio.CancelledError

    engine = replaced(world, "invoices.issue", issue, changes=True)

    assert await world.phone(engine=engine).dial(code=SHORTCUT) == TROUBLE


@dataclass
class Slow:
    """An action that waits for ever, until it is released."""

    began: int = 0
    finished: int = 0
    cancelled: int = 0

    def __post_init__(self) -> None:
        self.release = asyncio.Event()

    async def wait(self) -> None:
        self.began += 1
        try:
            await self.release.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        self.finished += 1

    async def issue(self, call: Call, client: Msisdn, amount: Amount, again: bool = False) -> Issued:
        await self.wait()
        return Issued(7)

    async def recent(self, call: Call, after: str | None, limit: int) -> Rows[Receipt]:
        await self.wait()
        return Rows()


async def late(engine: Engine, world: World, *answers: str) -> Reply:
    phone = world.phone(engine=engine)
    await phone.dial(*answers[:-1])
    return await engine.handle(phone.turn(Kind.ANSWER, answers[-1], deadline_s=0.6))


async def test_a_changing_action_that_outlasts_the_deadline_is_left_running(world: World) -> None:
    slow = Slow()
    engine = replaced(world, "invoices.issue", slow.issue, changes=True)

    assert await late(engine, world, "1", "901234567", "50000") == LATE
    assert (slow.finished, slow.cancelled) == (0, 0)
    slow.release.set()
    await engine.drain(1.0)
    assert slow.finished == 1


async def test_a_reading_action_that_outlasts_the_deadline_is_cancelled_and_promises_no_sms(
    world: World,
) -> None:
    slow = Slow()
    engine = replaced(world, "invoices.recent", slow.recent)

    assert await late(engine, world, "2") == TROUBLE
    await engine.drain(1.0)
    assert (slow.finished, slow.cancelled) == (0, 1)


async def test_when_the_gateway_hangs_up_a_changing_action_still_ends_and_a_copy_gets_an_answer(
    world: World,
) -> None:
    slow = Slow()
    engine = replaced(world, "invoices.issue", slow.issue, changes=True)
    phone = world.phone(engine=engine)
    first = asyncio.ensure_future(phone.dial(code=SHORTCUT))
    while not slow.began:
        await asyncio.sleep(0)
    copy = asyncio.ensure_future(phone.dial(code=SHORTCUT))
    await asyncio.sleep(0)

    first.cancel()

    assert await copy == TROUBLE
    slow.release.set()
    await engine.drain(1.0)
    assert (slow.finished, slow.cancelled) == (1, 0)


async def test_draining_waits_no_longer_than_told(world: World) -> None:
    slow = Slow()
    engine = replaced(world, "invoices.issue", slow.issue, changes=True)
    await late(engine, world, "1", "901234567", "50000")

    await asyncio.wait_for(engine.drain(0.01), 1.0)
    assert slow.finished == 0
    slow.release.set()
    await engine.drain(1.0)


async def test_an_action_is_told_who_calls_and_until_when(world: World) -> None:
    calls: list[Call] = []

    async def issue(call: Call, client: Msisdn, amount: Amount, again: bool = False) -> Issued:
        calls.append(call)
        return Issued(7)

    await world.phone(engine=replaced(world, "invoices.issue", issue, changes=True)).dial(code=SHORTCUT)

    (call,) = calls
    assert (call.gateway, call.dialogue, call.msisdn, call.language) == ("gw", "d1", "998901112233", "en")
    assert 0 < call.deadline - asyncio.get_running_loop().time() < 10


# --- the store --------------------------------------------------------------------------------------------


async def test_a_store_out_of_reach_is_trouble_before_anything_is_done(world: World) -> None:
    world.store.down_for = "load"

    assert await world.phone().dial(code=SHORTCUT) == TROUBLE
    assert world.shop.issued == []


async def test_a_store_that_fails_on_saving_is_trouble_and_the_dialogue_stays_where_it_was(
    world: World,
) -> None:
    phone = world.phone()
    await phone.dial("1")
    world.store.down_for = "save"
    assert await phone.type("901234567") == TROUBLE

    world.store.down_for = ""
    assert (await phone.type("901234567")).text == AMOUNT


async def test_a_failed_turn_does_not_block_the_next(world: World) -> None:
    world.store.down_for = "load"
    phone = world.phone()
    await asyncio.gather(phone.dial(), phone.dial(), phone.type("1"))

    world.store.down_for = ""
    assert (await phone.dial("1")).text == CLIENT


@pytest.mark.parametrize("octets", [b"", b"\xc1", b"\x93\x01\x02\x03", b"not a record"])
async def test_a_record_of_another_form_is_as_good_as_none(world: World, octets: bytes) -> None:
    await world.store.save("{gw:998901112233}", octets, expect=None, ttl_s=60)

    assert not (await world.phone().type("1")).open
    assert (await world.phone().dial("1")).text == CLIENT


@dataclass(frozen=True)
class Shut:
    """A result beside the rows."""


@dataclass(frozen=True)
class Place:
    id: str
    name: Annotated[str | None, Max(10)]


PLACES = """
menu: places
service_code: "*123#"
start: all
states:
  all:
    list: places.all
    row: "{row.name}"
    none: shut
    on: {shut: shut}
  shut: {end: We are shut}
"""


@pytest.mark.parametrize("returned", [Shut | Rows[Place], Rows[Place] | Shut])
async def test_a_list_may_have_other_results_wherever_they_are_named(world: World, returned: object) -> None:
    async def places(call: Call, after: str | None, limit: int) -> object:
        return Shut() if call.msisdn == "998933334455" else Rows([Place("1", "Chorsu"), Place("2", None)])

    places.__annotations__["return"] = returned
    actions = {"places.all": declared("places.all", places)}
    engine = world.worker(compile_menus({"places.yaml": PLACES}, actions), actions)

    assert (await world.phone(engine=engine).dial(code="*123#")).text == "Chorsu\n"
    assert (await world.phone("d2", engine, "998933334455").dial(code="*123#")).text == "We are shut"


# --- menus ------------------------------------------------------------------------------------------------


def other_menus(title: str) -> str:
    return MENU.replace("text: {en: Kiosk,", f"text: {{en: {title},").replace(
        "ask: {en: Phone of the customer,", f"ask: {{en: Phone for {title},"
    )


async def test_an_open_dialogue_ends_on_the_menus_it_began_with(world: World) -> None:
    old, new = world.phone("d1"), world.phone("d2", msisdn="998933334455")
    await old.dial("1")
    world.engine.replace(compile_menus({"kiosk.yaml": other_menus("Shop")}, world.shop.actions()))

    assert (await old.type("x")).text == f"Not a phone number\n{CLIENT}"
    assert (await new.dial()).text.startswith("Shop\n")
    assert (await new.type("1")).text.startswith("Phone for Shop")


async def test_a_dialogue_on_menus_that_are_gone_is_told_that_it_is_over(world: World) -> None:
    phone = world.phone()
    await phone.dial("1")
    for version in range(VERSIONS_MAX):
        menus = {"kiosk.yaml": other_menus(f"Shop {version}")}
        world.engine.replace(compile_menus(menus, world.shop.actions()))

    assert await phone.type("901234567") == Reply("The session is over. Dial *880#", open=False)


async def test_a_worker_that_never_knew_the_menus_says_that_the_session_is_over(world: World) -> None:
    await world.phone().dial("1")
    other = world.worker(compile_menus({"kiosk.yaml": other_menus("Shop")}, world.shop.actions()))

    assert (await world.phone(engine=other).type("901234567")).text == "The session is over. Dial *880#"


# --- the record -------------------------------------------------------------------------------------------


async def test_records_stay_small(world: World) -> None:
    """The design's figures: median under 500 octets, worst under 900."""
    world.shop.receipts = receipts(30)
    world.shop.bills = [Bill(f"{10**12 + n}", 50_000_00, "CHOYXONA") for n in range(5)]
    world.shop.payments = [Payment(f"{10**12 + n}", 50_000_00, "paid") for n in range(5)]
    sizes = []
    for language in ("en", "ru"):
        walks = [
            "1 901234567 50000",
            "2 98 98 1 0 1",
            "3 1 24680",
            "5 98 1",
            "6 12345678 5000",
            "9 9",
            "8 ru 2",
        ]
        for number, walk in enumerate(walks):
            phone = world.phone(f"{language}{number}")
            await phone.dial("8", language)
            sizes.append(await world.octets())
            for text in walk.split():
                world.clock.now += 2
                if not (await phone.type(text)).open:
                    break
                sizes.append(await world.octets())

    assert statistics.median(sizes) < 500
    assert max(sizes) < 900


def test_a_record_comes_back_as_it_was_stored() -> None:
    session = Session(state=1, msisdn="998901112233", language="ru", variables={"a": None, "b": True, "c": 5})
    record = Record(
        menu=b"1234",
        dialogue=b"12345678",
        before=b"",
        fingerprint=b"abcdefgh",
        taken=3,
        reply="Счет №1",
        at=NOON,
        began=NOON,
        turns=2,
        session=session,
    )

    assert decode(encode(record)) == record
