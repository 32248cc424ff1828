"""One suite for every family: its golden payloads, played to a real server or line and the real engine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Any

import pytest

from adapters.http import BODY_MAX, HttpGateway
from app.plugins import ADAPTERS
from tests.adapters.lines import LINES, LineKiosk, LinePayloads
from tests.adapters.payloads import ALL, Payloads, Step
from tests.adapters.serving import Kiosk
from ussd_engine import Kind

SECRET = "s3cret-of-the-gateway"
RIGHT = {"X-API-Key": SECRET}
DEEP = "[" * 20_000

Form = Payloads | LinePayloads
AnyKiosk = Kiosk | LineKiosk
EVERY: list[Form] = [*ALL, *LINES]

all_forms = pytest.mark.parametrize("form", EVERY, ids=lambda form: form.name)
http_forms = pytest.mark.parametrize("form", ALL, ids=lambda form: form.name)


def having(case: str) -> Callable[[Any], Any]:
    """Plays the forms whose wire has a case; the test knows it as `needs`."""

    def mark(test: Any) -> Any:
        vars(test)["needs"] = case
        forms = [form for form in EVERY if form.has(case)]
        return pytest.mark.parametrize("form", forms, ids=lambda form: form.name)(test)

    return mark


async def played(form: Form, kiosk: Any, *cases: str) -> None:
    for case in cases:
        await form.step(case).check(kiosk)


def test_every_installed_family_has_payloads() -> None:
    kinds = {point.name for point in entry_points(group=ADAPTERS)}
    over_http = {
        point.name for point in entry_points(group=ADAPTERS) if issubclass(point.load(), HttpGateway)
    }

    assert kinds - {"declared"} <= {form.kind for form in EVERY}
    assert kinds - over_http == {form.kind for form in LINES}


@all_forms
def test_what_a_wire_lacks_is_said_in_words(form: Form) -> None:
    for case in ("deep", "abort", "timeout"):
        assert form.has(case) or len(form._given[case]) > 10


@all_forms
async def test_a_dialogue_begins_goes_on_and_ends(form: Form) -> None:
    async with form.kiosk() as kiosk:
        await played(form, kiosk, "begin", "answer", "end")


@having("deep")
async def test_a_deep_dial_keeps_its_empty_field(form: Form) -> None:
    async with form.kiosk() as kiosk:
        await played(form, kiosk, "deep")


@having("abort")
async def test_after_an_abort_the_dialogue_is_over(form: Form) -> None:
    async with form.kiosk() as kiosk:
        await played(form, kiosk, "begin", "abort")
        await turns(kiosk, 2)
        assert kiosk.engine.turns[-1].kind is Kind.ABORT
        await over(form, kiosk)


@having("timeout")
async def test_after_a_timeout_the_dialogue_is_over(form: Form) -> None:
    async with form.kiosk(options=form.options_of("timeout")) as kiosk:
        await played(form, kiosk, "begin", "timeout")
        await turns(kiosk, 2)
        assert kiosk.engine.turns[-1].kind is Kind.TIMEOUT
        await over(form, kiosk)


async def turns(kiosk: AnyKiosk, count: int) -> None:
    """Wait for turns that follow their answers."""
    async with asyncio.timeout(5):
        while len(kiosk.engine.turns) < count:
            await asyncio.sleep(0.01)


async def over(form: Form, kiosk: Any) -> None:
    """Nothing typed now reaches the note's question: no screen of it, no open dialogue."""
    step = form.step("answer")
    got = await step.play(kiosk)
    shown = got.text if step.calls is None else (await asyncio.wait_for(kiosk.received.get(), 5)).body
    assert "Note:" not in shown
    assert "over" in shown or got.status == 404


@pytest.mark.parametrize("form", [form for form in EVERY if form.repeats], ids=lambda form: form.name)
async def test_a_repeated_request_gets_the_same_answer_once_more(form: Form) -> None:
    async with form.kiosk() as kiosk:
        await played(form, kiosk, "begin", "begin", "answer", "answer", "end", "end")


@http_forms
async def test_copies_in_flight_share_one_answer(form: Payloads) -> None:
    step = form.step("begin")
    async with form.kiosk() as kiosk:
        for got in await asyncio.gather(*(step.play(kiosk) for _ in range(5))):
            step.must_be(got)
        await played(form, kiosk, "answer") if step.calls is None else None


@all_forms
async def test_an_answer_before_its_beginning_breaks_nothing(form: Form) -> None:
    async with form.kiosk() as kiosk:
        await played(form, kiosk, "early", "begin", "answer", "end")


@all_forms
async def test_an_answer_after_the_end_finds_the_dialogue_over(form: Form) -> None:
    async with form.kiosk() as kiosk:
        await played(form, kiosk, "begin", "answer", "end", "late")


@all_forms
async def test_a_text_outside_gsm_goes_both_ways_whole(form: Form) -> None:
    async with form.kiosk() as kiosk:
        await played(form, kiosk, "begin", "answer", "ucs2")


@all_forms
async def test_a_text_too_long_for_the_question_gets_it_again(form: Form) -> None:
    async with form.kiosk() as kiosk:
        await played(form, kiosk, "begin", "answer", "too_long_for_the_question")


@http_forms
async def test_a_text_longer_than_any_wire_carries_is_refused_and_changes_nothing(form: Payloads) -> None:
    end = form.step("end")
    async with form.kiosk() as kiosk:
        await played(form, kiosk, "begin", "answer")
        got = await end.play(kiosk, send=end.send.replace("coffee", "x" * 5000))
        assert got.status == 400
        assert len(got.text) < 200
        await played(form, kiosk, "end")


def garbage(step: Step) -> list[str]:
    """What is no request of the form, by how it is written."""
    cut = step.send[: len(step.send) // 2]
    if "xml" in step.content_type:
        root = step.send.partition("?>")[2].lstrip("<").partition(">")[0].partition(" ")[0]
        head, _, rest = step.send.partition("?>")
        deep = "<a>" * 50 + "</a>" * 50
        bomb = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>'
        outside = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
        return [
            "", cut, "<", f"<{root}/>", "<other/>", f"<{root}>" + "<a>" * 9000 + "</a>" * 9000 + f"</{root}>",
            f"{head}?><!DOCTYPE {root}>{rest}",
            step.send.replace(f"</{root}>", f"{deep}</{root}>"),
            f"{bomb}<{root}>&b;</{root}>", f"{outside}<{root}>&a;</{root}>",
            f'<?xml version="1.0" encoding="utf-7"?><{root}/>',
            f'<?xml version="1.0" encoding="no"?><{root}/>',
        ]  # fmt: skip
    if "json" in step.content_type:
        return [
            "",
            cut,
            "{",
            "[]",
            "null",
            "{}",
            "1",
            DEEP,
            '{"a":' * 9000,
            '{"a": "\\ud800"}',
            "\x00",
            '{"a": NaN}',
        ]
    return ["", "%ff=%ff&%00", "a" * 50, "&" * 100, "=1", step.send + "&" + step.send]


@http_forms
async def test_garbage_is_refused_in_one_short_sentence_and_reaches_nothing(form: Payloads) -> None:
    step = form.step("begin")
    async with form.kiosk() as kiosk:
        for sent in garbage(step):
            got = await step.play(kiosk, send=sent)
            assert got.status == 400, sent[:80]
            assert got.text.count("\n") == 1
            assert len(got.text) < 200
        assert kiosk.engine.turns == []
        await played(form, kiosk, "begin")


@http_forms
async def test_wrong_credentials_reach_nothing(form: Payloads) -> None:
    step = form.step("begin")
    async with form.kiosk(secret=SECRET) as kiosk:
        for wrong in ({}, {"X-API-Key": "guess"}, {"X-API-Key": ""}, {"Authorization": "Basic eA=="}):
            assert (await step.play(kiosk, headers=wrong)).status == 401
        assert kiosk.engine.turns == []
        assert kiosk.outcomes == {"denied": 4}
        await step.check(kiosk, headers=RIGHT)


@http_forms
async def test_another_content_type_or_method_is_4xx(form: Payloads) -> None:
    step = form.step("begin")
    async with form.kiosk() as kiosk:
        if step.content_type:
            wrong = "application/octet-stream"
            assert (await step.play(kiosk, headers={"Content-Type": wrong})).status == 415
        for method in {"GET", "POST", "PUT", "DELETE", "HEAD"} - {step.method}:
            query = "" if step.content_type else step.send
            assert (await kiosk.ask(method, step.path, query=query)).status == 405
        assert kiosk.engine.turns == []


@http_forms
async def test_a_body_over_the_limit_is_413(form: Payloads) -> None:
    step = form.step("begin")
    async with form.kiosk() as kiosk:
        got = await kiosk.ask(step.method, step.path, body=b"x" * (BODY_MAX + 1))
        assert got.status == 413
        assert kiosk.engine.turns == []


@all_forms
async def test_past_the_deadline_the_subscriber_is_told(form: Form) -> None:
    async with form.kiosk(options={"deadline_s": 0.7}) as kiosk:
        await played(form, kiosk, "begin")
        started = asyncio.get_running_loop().time()
        await played(form, kiosk, "slow")
        assert asyncio.get_running_loop().time() - started < 2


@http_forms
async def test_a_gateway_over_its_rate_is_told_that_the_service_is_busy(form: Payloads) -> None:
    step = form.step("begin")
    async with form.kiosk(options={"rate": "1/hour"}) as kiosk:
        await step.check(kiosk)
        got = await step.play(kiosk)
        shown = got.text if step.calls is None else (await asyncio.wait_for(kiosk.received.get(), 5)).body
        assert "Busy" in shown
        assert kiosk.outcomes == {"flooded": 1}
