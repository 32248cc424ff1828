"""What an HLR seldom sends: spoilt components, repeats, refusals, and lines that say nothing."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from adapters.gsup import component, wire
from adapters.gsup.component import Invoke, Result, Text
from adapters.gsup.dialogues import Dialogues, UssdOptions
from adapters.gsup.link import Link, LinkOptions
from adapters.gsup.wire import Message, Procedure, State
from tests.adapters.gsup.conftest import until
from ussd_engine import Kind, Reply, Turn

IMSI, NUMBER = "901700000000001", "998901112233"
DIALLED = component.encode(Invoke(4, component.PROCESS, Text(15, bytes.fromhex("2a1c0e3602"))), "ber")
TYPED = component.encode(Result(5, component.ASK, Text(15, b"1")), "ber")


class Line:
    """Keeps what is sent."""

    def __init__(self) -> None:
        self.sent: list[Message] = []

    def send(self, octets: bytes) -> bool:
        (one,) = wire.Frames().feed(octets)
        message = wire.decode(one.payload[1:])
        assert message is not None
        self.sent.append(message)
        return True


class Held:
    """An engine that answers when it is let."""

    def __init__(self) -> None:
        self.turns: list[Turn] = []
        self.go = asyncio.Event()

    async def handle(self, turn: Turn) -> Reply:
        self.turns.append(turn)
        await self.go.wait()
        return Reply("Menu", open=True)


class Table:
    def __init__(self, **options: Any) -> None:
        self.line, self.engine, self.told = Line(), Held(), list[str]()
        self.dialogues = Dialogues(
            "hlr", cast(Link, self.line), self.engine, None, UssdOptions(**options),
            lambda _, what: self.told.append(what), "Trouble",
        )  # fmt: skip

    def take(
        self, state: State, octets: bytes, session: int = 1, kind: Procedure = Procedure.REQUEST
    ) -> None:
        one = wire.encode(Message(kind, IMSI, session, state, octets, msisdn=NUMBER))
        self.dialogues.take(one[4:])

    def last(self) -> tuple[int, str, State]:
        said = component.decode(self.line.sent[-1].component)
        assert isinstance(said, Result)
        assert said.text is not None
        return said.id, component.plain(said.text), self.line.sent[-1].state


async def test_a_number_that_the_switch_sends_needs_no_look_up() -> None:
    table = Table()
    table.engine.go.set()
    table.take(State.BEGIN, DIALLED)
    await until(lambda: table.line.sent)

    assert (table.engine.turns[0].msisdn, table.engine.turns[0].text) == (NUMBER, "*880#")
    assert table.engine.turns[0].dialogue == f"{IMSI}:00000001"
    assert table.engine.turns[0].ids_recur  # a switch that has restarted counts from 1 again


async def test_a_repeat_while_its_screen_is_made_makes_no_second_turn() -> None:
    table = Table()
    table.take(State.BEGIN, DIALLED)
    table.take(State.BEGIN, DIALLED)
    table.engine.go.set()
    await until(lambda: table.line.sent)
    await table.dialogues.drain(1)

    assert (len(table.engine.turns), len(table.line.sent)) == (1, 1)


async def test_one_who_leaves_while_a_screen_is_made_is_shown_nothing() -> None:
    table = Table()
    table.take(State.BEGIN, DIALLED)
    await until(lambda: table.engine.turns)
    table.take(State.END, b"")
    table.engine.go.set()
    await until(lambda: len(table.engine.turns) == 2)

    assert table.engine.turns[1].kind is Kind.ABORT
    assert table.line.sent == []


@pytest.mark.parametrize("octets", [b"\xa1", b"", DIALLED, bytes.fromhex("a306020105020122")])
async def test_an_answer_that_is_none_ends_the_dialogue_with_a_result(octets: bytes) -> None:
    table = Table()
    table.engine.go.set()
    table.take(State.BEGIN, DIALLED)
    await until(lambda: table.line.sent)
    table.take(State.CONTINUE, octets)
    await until(lambda: len(table.engine.turns) == 2)

    assert table.last() == (4, "Trouble", State.END)
    assert table.engine.turns[1].kind is Kind.ABORT
    assert table.dialogues.open == 0


async def test_a_dialogue_over_the_limit_is_refused() -> None:
    table = Table(open_max=1)
    table.take(State.BEGIN, DIALLED)
    table.take(State.BEGIN, DIALLED, session=2)

    assert table.last() == (4, "Trouble", State.END)
    assert table.told == ["busy"]
    await table.dialogues.drain(0.01)


async def test_a_dialogue_over_the_agreed_rate_is_refused_and_open_ones_go_on() -> None:
    table = Table(rate="1/minute")
    table.engine.go.set()
    table.take(State.BEGIN, DIALLED)
    await until(lambda: table.line.sent)
    table.take(State.BEGIN, DIALLED, session=2)

    assert table.last() == (4, "Trouble", State.END)
    assert table.told == ["flooded"]
    table.take(State.CONTINUE, TYPED)
    await until(lambda: len(table.engine.turns) == 2)


async def test_what_comes_while_leaving_is_told_to_try_later() -> None:
    table = Table()
    await table.dialogues.drain(0)
    table.take(State.CONTINUE, TYPED)

    assert table.last() == (4, "Trouble", State.END)
    assert table.engine.turns == []


async def test_octets_that_are_no_message_are_counted_and_passed_over() -> None:
    table = Table()
    table.dialogues.take(b"\x20\x31")

    assert (table.told, table.line.sent) == (["malformed"], [])


@pytest.mark.parametrize("handshake", [b"", b"\x00\x01\xfe\x06"])
async def test_a_line_that_says_nothing_is_made_anew(handshake: bytes) -> None:
    """Either it never takes our name, or it has and answers no ping."""
    came: list[asyncio.StreamWriter] = []

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.append(writer)
        writer.write(handshake)
        await reader.read(-1)
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    options = LinkOptions(
        "127.0.0.1",
        server.sockets[0].getsockname()[1],
        "e",
        ping_every_s=0.05,
        pong_s=0.05,
        backoff_first_s=0.05,
    )
    running = asyncio.create_task(Link("hlr", options, lambda _: None).run())
    try:
        await until(lambda: len(came) == 3)
        assert all(writer.is_closing() for writer in came[:2])  # never two beside each other
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        server.close()
