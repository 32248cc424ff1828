"""Dialogues that the service begins by itself: the language's part of them, and the engine's."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Annotated

import pytest

from ussd_engine import (
    Action,
    Call,
    Engine,
    Kind,
    Max,
    PushOutcome,
    Reply,
    Turn,
    action,
    check,
    compile_menus,
)
from ussd_engine.journal.lines import decode, encoded, merge
from ussd_engine.journal.replay import replay
from ussd_engine.ports import Entry
from ussd_engine.pushing import NotPushable, given_to
from ussd_engine.stores.memory import MemoryStore

PHONE = "998901234567"
MENU = """\
menu: shop
service_code: "*123#"
languages: [en]
start: home
states:
  home:
    text: Shop
    options: [{text: Enter, goto: pin}]
  pin: {ask: "PIN:", as: pin, type: {pin: {digits: 5}}, goto: enter}
  enter: {do: shop.enter, with: {pin: pin}, on: {entered: entered}}
  entered: {end: Welcome}
  offered:
    push: {number: {integer: {max: 9999}}, shop: {text: {max: 14}}}
    do: shop.look
    on: {found: offer}
  offer:
    text: "No {number}\\n{shop}\\n{price}"
    options: [{text: Decline, goto: decline}]
  decline: {do: shop.decline, with: {number: number}, on: {entered: declined}}
  declined: {end: "No {number} declined"}
  told: {push: {}, end: We close at nine}
  broken: {push: {}, do: shop.fail, on: {found: told}}
"""


@dataclass(frozen=True)
class Entered:
    """Done."""


@dataclass(frozen=True)
class Found:
    price: Annotated[int, Max(99_999)]


@dataclass
class Shop:
    """What the actions were called with."""

    declined: list[int] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)

    def actions(self) -> dict[str, Action]:
        @action("shop.enter", changes=True)
        async def enter(_call: Call, pin: Annotated[str, Max(9, "secret")]) -> Entered:
            return Entered()

        @action("shop.look")
        async def look(_call: Call) -> Found:
            return Found(700)

        @action("shop.decline", changes=True)
        async def decline(call: Call, number: Annotated[int, Max(9999)]) -> Entered:
            self.declined.append(number)
            self.keys.append(call.key)
            return Entered()

        @action("shop.fail")
        async def fail(_call: Call) -> Found:
            raise RuntimeError

        return {one.name: one for one in (enter, look, decline, fail)}


@dataclass
class Network:
    """A gateway that can push: keeps what it shows, and says what it is told to."""

    outcome: PushOutcome = PushOutcome.ANSWERED
    meanwhile: Callable[[str], Awaitable[None]] | None = None
    shown: list[tuple[str, str, bool]] = field(default_factory=list)

    async def push(self, dialogue: str, msisdn: str, text: str, *, ask: bool) -> PushOutcome:
        self.shown.append((dialogue, text, ask))
        if self.meanwhile is not None:
            await self.meanwhile(dialogue)
        return self.outcome


class Written:
    """A journal in a list."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def write(self, entry: Entry) -> None:
        self.entries.append(entry)


class World:
    """The shop's engine, and one phone."""

    def __init__(self) -> None:
        self.shop, self.journal, self.now = Shop(), Written(), 1_795_000_000.0
        self.service = compile_menus({"shop.yaml": MENU}, self.shop.actions())
        self.store = MemoryStore()
        self.engine = self.another()
        self.network = Network()

    def another(self) -> Engine:
        """Another process over the same store."""
        return Engine(
            self.service,
            store=self.store,
            actions=self.shop.actions(),
            key=b"k" * 32,
            clock=lambda: self.now,
            journal=self.journal,
        )

    async def push(self, state: str = "shop.offered", **texts: str) -> PushOutcome:
        texts = texts or ({"number": "7", "shop": "Bazaar"} if state == "shop.offered" else {})
        given = given_to(self.service, state, texts, PHONE)
        return await self.engine.push("gw", self.network, PHONE, state, given)

    async def turn(self, kind: Kind, text: str = "", dialogue: str = "D1", request: str = "") -> Reply:
        self.now += 3
        return await self.engine.handle(
            Turn(gateway="gw", dialogue=dialogue, msisdn=PHONE, kind=kind, text=text, request_id=request)
        )

    async def answer(self, text: str, request: str = "") -> Reply:
        """Into the last pushed dialogue."""
        return await self.turn(Kind.ANSWER, text, self.network.shown[-1][0], request)


@pytest.fixture
def world() -> World:
    return World()


async def test_a_push_shows_the_first_screen_and_an_answer_goes_on_from_it(world: World) -> None:
    assert await world.push() is PushOutcome.ANSWERED

    ((_, text, ask),) = world.network.shown
    assert (text, ask) == ("No 7\nBazaar\n700\n1.Decline", True)
    assert await world.answer("1") == Reply("No 7 declined", open=False)
    assert world.shop.declined == [7]


async def test_a_push_to_an_end_tells_and_waits_for_nothing(world: World) -> None:
    world.network.outcome = PushOutcome.SHOWN

    assert await world.push("shop.told") is PushOutcome.SHOWN
    assert world.network.shown[-1][1:] == ("We close at nine", False)
    assert not (await world.answer("1")).open


async def test_a_push_while_a_dialogue_is_open_is_refused_as_busy_and_the_open_dialogue_goes_on(
    world: World,
) -> None:
    await world.turn(Kind.BEGIN, "*123#")

    assert await world.push() is PushOutcome.BUSY
    assert world.network.shown == []
    assert (await world.turn(Kind.ANSWER, "1")).text.startswith("PIN:")


async def test_of_two_pushes_at_once_one_is_busy(world: World) -> None:
    outcomes = await asyncio.gather(world.push(), world.push())

    assert sorted(one.value for one in outcomes) == ["answered", "busy"]
    assert len(world.network.shown) == 1


async def test_of_two_processes_that_push_at_once_one_shows(world: World) -> None:
    engines = [world.engine, world.another()]

    outcomes = await asyncio.gather(
        *(one.push("gw", world.network, PHONE, "shop.offered", {"number": 7, "shop": "B"}) for one in engines)
    )

    assert sorted(one.value for one in outcomes) == ["answered", "busy"]
    assert len(world.network.shown) == 1


async def test_who_dials_while_a_push_is_on_its_way_is_in_the_dialogue_that_was_dialled(world: World) -> None:
    async def dial(_dialogue: str) -> None:
        await world.turn(Kind.BEGIN, "*123#")

    world.network.meanwhile = dial
    world.network.outcome = PushOutcome.BUSY

    assert await world.push() is PushOutcome.BUSY
    assert (await world.turn(Kind.ANSWER, "1")).text.startswith("PIN:")
    late = await world.answer("1")
    assert not late.open
    assert world.shop.declined == []


@pytest.mark.parametrize(
    "outcome", [PushOutcome.BUSY, PushOutcome.ABSENT, PushOutcome.REFUSED, PushOutcome.TIMEOUT]
)
async def test_a_push_that_was_not_read_is_over_and_the_next_one_is_shown(
    world: World, outcome: PushOutcome
) -> None:
    world.network.outcome = outcome
    await world.push()

    assert not (await world.answer("1")).open
    assert world.shop.declined == []
    await world.push()
    assert len(world.network.shown) == 2


@pytest.mark.parametrize("outcome", [PushOutcome.ACCEPTED, PushOutcome.UNKNOWN])
async def test_an_answer_is_taken_where_the_network_told_nothing(world: World, outcome: PushOutcome) -> None:
    world.network.outcome = outcome
    await world.push()

    assert await world.answer("1") == Reply("No 7 declined", open=False)


async def test_a_network_that_fails_leaves_it_unknown(world: World) -> None:
    async def fail(_dialogue: str) -> None:
        raise RuntimeError

    world.network.meanwhile = fail

    assert await world.push() is PushOutcome.UNKNOWN


async def test_the_same_answer_twice_declines_once_and_gets_the_same_screen(world: World) -> None:
    await world.push()

    first, second = await world.answer("1", "r1"), await world.answer("1", "r1")

    assert first == second == Reply("No 7 declined", open=False)
    assert world.shop.declined == [7]


async def test_an_answer_after_the_end_is_told_that_it_is_over(world: World) -> None:
    await world.push()
    await world.answer("1", "r1")

    late = await world.answer("1", "r2")

    assert not late.open
    assert late.text != "No 7 declined"
    assert world.shop.declined == [7]


async def test_two_pushes_of_one_invoice_have_two_keys(world: World) -> None:
    for _ in range(2):
        await world.push()
        await world.answer("1")

    assert len(set(world.shop.keys)) == 2


async def test_no_key_of_a_pushed_dialogue_leads_to_the_first_screen(world: World) -> None:
    await world.push()

    for typed in ("00", "0"):
        reply = await world.answer(typed)
        assert reply.open
        assert "Shop" not in reply.text


async def test_an_action_that_fails_before_the_first_screen_shows_nothing(world: World) -> None:
    assert await world.push("shop.broken") is PushOutcome.TROUBLE
    assert world.network.shown == []
    assert (await world.turn(Kind.BEGIN, "*123#")).text.startswith("Shop")


async def test_a_pushed_dialogue_that_was_cut_does_not_go_on_when_its_subscriber_dials(world: World) -> None:
    world.network.outcome = PushOutcome.ACCEPTED
    await world.push()

    assert (await world.turn(Kind.BEGIN, "*123#")).text.startswith("Shop")


async def test_a_journal_has_the_push_and_replays_it(world: World) -> None:
    await world.push()
    await world.answer("1")

    lines = [decode(encoded(entry)) for entry in world.journal.entries]
    assert [line.kind for line in lines] == ["push", "answer"]
    assert lines[0].given == {"number": 7, "shop": "Bazaar"}
    assert lines[1].end == "SUCCESS"
    outcome = replay(merge(lines), world.service)
    assert (outcome.differences, outcome.turns, outcome.skipped) == ((), 2, "")


@pytest.mark.parametrize(
    ("state", "texts", "why"),
    [
        ("shop.home", {}, "no state that a push may begin at"),
        ("shop.offered", {"number": "7"}, "has to be given 'shop'"),
        ("shop.offered", {"number": "7", "shop": "B", "pin": "1"}, "is given no 'pin'"),
        ("shop.offered", {"number": "seven", "shop": "B"}, "is no integer"),
        ("shop.offered", {"number": "7", "shop": "B" * 15}, "is no text"),
    ],
)
def test_what_a_push_is_given_is_judged_as_answers_are(
    world: World, state: str, texts: dict[str, str], why: str
) -> None:
    with pytest.raises(NotPushable, match=why):
        given_to(world.service, state, texts, PHONE)


# --- what is proved of menus -----------------------------------------------------------------------------


def rules(change: tuple[str, str]) -> dict[str, str]:
    """The rules that a changed menu breaks, and what is said."""
    assert change[0] in MENU
    _, problems = check({"shop.yaml": MENU.replace(*change)}, Shop().actions())
    return {problem.rule: problem.what for problem in problems}


def test_the_menu_has_no_problems() -> None:
    assert check({"shop.yaml": MENU}, Shop().actions())[1] == []


def test_a_state_that_reads_what_a_push_does_not_give_is_a_problem() -> None:
    found = rules(
        ("push: {number: {integer: {max: 9999}}, shop: {text: {max: 14}}}", "push: {shop: {text: {max: 14}}}")
    )

    assert "nothing sets 'number'" in found["unset-variable"]


def test_a_push_that_can_come_to_a_pin_is_a_problem() -> None:
    found = rules(
        ("{text: Decline, goto: decline}", "{text: Decline, goto: decline}, {text: Pay, goto: pin}")
    )

    assert "can come to 'shop.pin'" in found["push-secret"]


def test_a_push_that_can_come_to_the_first_screen_and_so_to_a_pin_is_a_problem() -> None:
    assert "push-secret" in rules(("{text: Decline, goto: decline}", "{text: Home, goto: start}"))


def test_a_push_is_given_no_secret() -> None:
    assert "push" in rules(("told: {push: {}, ", "told: {push: {code: {pin: {digits: 4}}}, "))


def test_the_size_of_what_is_given_is_proved() -> None:
    found = rules(("shop: {text: {max: 14}}", "shop: {text: {max: 150}}"))

    assert "of state 'offer' can exceed 160 octets" in found["size-cut"]


def test_a_state_without_push_that_nothing_leads_to_is_a_problem() -> None:
    assert "unreachable" in rules(
        ("    push: {number: {integer: {max: 9999}}, shop: {text: {max: 14}}}\n", "")
    )
