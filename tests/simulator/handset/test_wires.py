"""The network's half of every wire, against the service's half: a real server and the real engine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import entry_points
from typing import Any

import pytest

from adapters.http import HttpGateway
from app.plugins import ADAPTERS
from simulator.phone import Server
from simulator.wires.dialects import KINDS, dialect
from simulator.wires.http import HttpWire
from simulator.wires.wire import Call, Frames, Leaving, NoService
from tests.adapters.serving import Kiosk
from tests.peers.smpp import spare_port
from ussd_engine import Kind, Reply

NUMBER = "998901234567"
OPTIONS: dict[str, dict[str, Any]] = {
    "airtel": {"service_code": "*880#", "userid": "airtel", "password": "s3cret"},
    "sads": {"service_code": "*880#"},
    "declared": {"form": "nalo"},
}
LATER = ("junebug", "vumi")
NO_WORDS_FOR_LEAVING = {
    "sads", "advanta", "arkesel", "bonga", "crossgate", "hellio", "korba", "mobilesasa", "nalo", "oltranz",
    "safaricom", "declared",
}  # fmt: skip
NO_WORDS_FOR_DEEP_DIALS = {"sads"}


@asynccontextmanager
async def line(kind: str, **more: Any) -> AsyncIterator[tuple[HttpWire, Kiosk]]:
    """A wire to the kiosk's gateway of that kind."""
    options = {**OPTIONS.get(kind, {}), **more}
    if kind in LATER:
        options["url"] = f"http://127.0.0.1:{spare_port()}/replies"
    async with Kiosk(kind, options) as kiosk:
        server = Server.at(str(kiosk._server.make_url("/"))[:-1])
        wire = HttpWire(server, dialect(kind, options), "gw", Frames(), patience_s=5)
        await wire.open()
        try:
            yield wire, kiosk
        finally:
            await wire.close()


every = pytest.mark.parametrize("kind", KINDS)


def test_every_http_family_can_be_played() -> None:
    kinds = {point.name for point in entry_points(group=ADAPTERS) if issubclass(point.load(), HttpGateway)}

    assert kinds == set(KINDS)


@every
async def test_a_dialogue_goes_through_to_its_end_in_cyrillic_too(kind: str) -> None:
    async with line(kind) as (wire, _):
        call = Call(NUMBER, "*880#")

        assert await wire.begin(call) == Reply("Kiosk\n1.Note\n2.Wait\n3.Leave", open=True)
        assert await wire.answer(call, "1") == Reply("Note:\n00.Back", open=True)
        assert await wire.answer(call, "Қўқон & <co>") == Reply("Noted: Қўқон & <co>", open=False)


@every
async def test_a_deep_dial_arrives_whole(kind: str) -> None:
    if kind in NO_WORDS_FOR_DEEP_DIALS:
        return
    async with line(kind) as (wire, _):
        reply = await wire.begin(Call(NUMBER, "*880**0*901234567*50000#"))

        assert reply == Reply("Invoice 998901234567 50000", open=False)


@every
async def test_the_same_request_once_more_gets_the_same_screen(kind: str) -> None:
    async with line(kind) as (wire, kiosk):
        call = Call(NUMBER, "*880#")
        first = await wire.begin(call)
        await wire.answer(call, "1")
        once = await wire.answer(call, "tea")

        assert await wire.again(call) == once == Reply("Noted: tea", open=False)
        assert first.open
        assert len(kiosk.engine.turns) == 4


@every
async def test_leaving_is_told_where_the_family_has_words_for_it(kind: str) -> None:
    for why, told in ((Leaving.USER, Kind.ABORT), (Leaving.TIMEOUT, Kind.TIMEOUT)):
        async with line(kind) as (wire, kiosk):
            call = Call(NUMBER, "*880#")
            await wire.begin(call)
            await wire.leave(call, why)
            await asyncio.sleep(0.05 if kind in LATER else 0)
            heard = [turn.kind for turn in kiosk.engine.turns]

        if kind in NO_WORDS_FOR_LEAVING:
            assert heard == [Kind.BEGIN]
        else:
            assert heard in ([Kind.BEGIN, told], [Kind.BEGIN, Kind.ABORT])


async def test_replies_that_come_later_to_yate_are_found_by_their_dialogue() -> None:
    async with line("yate", url=f"http://127.0.0.1:{spare_port()}/usgw/ussd.php") as (wire, _):
        one, other = Call(NUMBER, "*880#"), Call("998901112233", "*880#")
        screens = await asyncio.gather(wire.begin(one), wire.begin(other))

        assert screens[0] == screens[1]
        assert (await wire.answer(one, "3")).text == "Bye"
        assert (await wire.answer(other, "1")).text == "Note:\n00.Back"


async def test_frames_show_what_went_both_ways() -> None:
    async with line("hubtel") as (wire, _):
        frames = wire._frames
        await wire.begin(Call(NUMBER, "*880#"))

    out, back = frames.kept
    assert (out.out, back.out) == (True, False)
    assert out.head == "POST /gateways/gw"
    assert '"Type": "Initiation"' in out.text
    assert back.head == "HTTP 200"
    assert "Kiosk" in back.text


async def test_a_gateway_that_is_not_there_shows_nothing() -> None:
    async with line("hubtel") as (wire, _):
        wire._path = "/gateways/other"
        with pytest.raises(NoService, match=r"the gateway refused: 404: Not Found \(HTTP 404\)"):
            await wire.begin(Call(NUMBER, "*880#"))


async def test_an_answer_that_no_network_would_show_says_why() -> None:
    async with line("africastalking") as (wire, _):
        wire._dialect = dialect("truroute", {})
        wire._path = "/gateways/gw"
        with pytest.raises(NoService, match=r"HTTP 415"):
            await wire.begin(Call(NUMBER, "*880#"))


def test_an_unknown_kind_is_named_with_the_known_ones() -> None:
    with pytest.raises(
        NoService, match=r"no wire 'at'. There are: here, smpp, gsup, advanta, africastalking"
    ):
        dialect("at", {})
