"""Scenarios on the handset's phones: what is recorded replays, forward and back."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulator.replaying import NoReplay, Replay, scenarios
from simulator.script_file import scenario
from simulator.script_replay import Verdict
from simulator.wires.wire import Leaving
from tests.simulator.handset.kiosk import CUSTOMER, PIN, SHOP, Kiosk
from ussd_engine.scenarios import read


async def recorded() -> str:
    """A walk over all that can be recorded."""
    kiosk = Kiosk(SHOP, CUSTOMER)
    for keys in ("*880#", "2", PIN, "*880#", "1", "tea"):
        await kiosk.type(keys)
    for phone in kiosk.phones:
        await phone.look_for_sms()
    kiosk.text_to(CUSTOMER, "Paid")
    await kiosk.phones[1].look_for_sms()
    for leave in (kiosk.phones[1].press_end, lambda: kiosk.phones[1].abort(Leaving.TIMEOUT)):
        await kiosk.type("*880#", on=1)
        leave()
        await kiosk.phones[1].settle()
    return scenario(kiosk.recorder, "A walk")


async def replayed(text: str) -> tuple[Replay, Kiosk]:
    kiosk = Kiosk(SHOP)
    (walk,) = read("walk.yaml", text)
    return Replay(kiosk.network, walk, {"pin": PIN}), kiosk


async def test_what_was_recorded_replays_as_expected_to_its_end() -> None:
    replay, kiosk = await replayed(await recorded())
    await kiosk.network.phones[1].look_for_sms()
    kiosk.text_to(CUSTOMER, "Paid")
    await replay.to_the_end()

    assert [replay.stepper[at].why for at in range(replay.position)] == [""] * len(replay)
    assert replay.done
    assert await replay.forward() is None


async def test_phones_that_a_scenario_needs_are_there() -> None:
    _, kiosk = await replayed(await recorded())

    assert [phone.handset.number for phone in kiosk.network.phones] == [SHOP, CUSTOMER]


async def test_going_back_only_looks_and_forward_again_plays_nothing_twice() -> None:
    replay, kiosk = await replayed(await recorded())
    first = await replay.forward()
    await replay.forward()
    assert replay.back() == first
    assert replay.looking_back
    assert replay.back() is None
    turns = len(kiosk.engine.turns)
    assert await replay.forward() == first
    await replay.forward()

    assert len(kiosk.engine.turns) == turns
    assert replay.position == 2


async def test_a_screen_that_differs_stops_the_replay_and_is_told() -> None:
    text = (await recorded()).replace("2.Pay", "2.Donate")
    replay, _ = await replayed(text)
    frame = await replay.to_the_end()

    assert frame is not None
    assert frame.verdict is Verdict.OTHERWISE
    assert "2.Donate" in frame.why
    assert replay.position == 1


async def test_an_sms_that_does_not_come_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulator.replaying.SMS_WITHIN_S", 0.05)
    replay, _ = await replayed(await recorded())
    frame = await replay.to_the_end()

    assert frame is not None
    assert "expected an SMS, none came" in frame.why


async def test_a_secret_without_a_value_is_asked_for_by_its_name() -> None:
    kiosk = Kiosk(SHOP)
    (walk,) = read("walk.yaml", await recorded())
    replay = Replay(kiosk.network, walk, {})
    await replay.to_the_end()

    assert "SCENARIO_PIN" in replay.trouble
    assert replay.position == 2


def test_a_file_that_is_no_scenario_says_why(tmp_path: Path) -> None:
    path = tmp_path / "walk.yaml"
    with pytest.raises(NoReplay, match="No such file"):
        scenarios(path)
    path.write_text("scenario: [", encoding="utf-8")
    with pytest.raises(NoReplay, match="this is not YAML"):
        scenarios(path)
    path.write_text(
        "scenario: Fake\nactions: {a.b: [{result: x}]}\nsteps: [{dial: '*880#', shows: x}]\n",
        encoding="utf-8",
    )
    with pytest.raises(NoReplay, match="only `ussd test` plays it"):
        scenarios(path)
