"""The load: what it plays, what it counts as an error, and what it tells."""

from __future__ import annotations

import asyncio
import json
import socket
import tracemalloc
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator import load_report
from simulator.load import Mix, Plan, Portion, Unfit, run
from simulator.load_figures import CAUSES_MAX, OTHER_CAUSES, Figures, Histogram, Part
from simulator.load_lines import Lines, read_response
from simulator.load_wires import WireLines
from simulator.phone import Server
from simulator.wires.dialects import dialect
from simulator.wires.smpp import SmppCentre
from simulator.wires.wire import Call, Frames, Leaving, NoService
from tests.conftest import Start
from tests.served import PIN, Served, run_ussd
from ussd_engine import Reply
from ussd_engine.scenarios import Scenario, read

HELLO = """
scenario: Hello
steps:
  - {dial: "*1#", shows: "Hello {phone}"}
  - {answer: 1, ends: "Number {n}, again {n}"}
"""


def scenario(text: str = HELLO) -> Scenario:
    (found,) = read("it.yaml", text)
    return found


class Fake:
    """Lines to a service that lives here: `says` is asked for each answer; `seen` is every call."""

    def __init__(self, says: Callable[[Call], Reply]) -> None:
        self.says = says
        self.numbers: list[str] = []
        self.under_way = 0
        self.most_open = 0
        self.left: list[Leaving] = []

    async def open(self) -> None:
        pass

    async def close(self) -> None:
        pass

    def line(self, timed: Callable[[float], None]) -> FakeLine:
        return FakeLine(self, timed)


class FakeLine:
    def __init__(self, fake: Fake, timed: Callable[[float], None]) -> None:
        self.fake = fake
        self.timed = timed

    async def begin(self, call: Call) -> Reply:
        self.fake.numbers.append(call.number)
        self.fake.under_way += 1
        self.fake.most_open = max(self.fake.most_open, self.fake.under_way)
        return await self.turn(call)

    async def answer(self, call: Call, text: str) -> Reply:
        call.answers.append(text)
        reply = await self.turn(call)
        self.fake.under_way -= 1
        return reply

    async def turn(self, call: Call) -> Reply:
        await asyncio.sleep(0)
        self.timed(0.001)
        return self.fake.says(call)

    async def leave(self, call: Call, why: Leaving) -> None:
        self.fake.left.append(why)
        self.fake.under_way -= 1

    def close(self) -> None:
        pass


def hello(call: Call) -> Reply:
    if call.answers:
        return Reply("Number 7, again 7", open=False)
    return Reply(f"Hello {call.number}", open=True)


def loaded(says: Callable[[Call], Reply], *texts: str, dialogues: int = 20, handsets: int = 4) -> Figures:
    return on(Fake(says), *texts, dialogues=dialogues, handsets=handsets)


def on(fake: Fake, *texts: str, dialogues: int = 20, handsets: int = 4, numbers: int = 0) -> Figures:
    mix = Mix([Portion(scenario(text)) for text in texts or (HELLO,)], {"pin": PIN})
    figures = Figures(mix.parts)
    asyncio.run(run(Plan(mix, dialogues, handsets, numbers), fake, figures))
    return figures


def test_every_dialogue_is_played_on_a_number_of_its_own_by_so_many_handsets_at_once() -> None:
    fake = Fake(hello)
    figures = on(fake, dialogues=50, handsets=4)

    assert (figures.dialogues, figures.errors, figures.turns, figures.open) == (50, 0, 100, 0)
    assert len(set(fake.numbers)) == 50
    assert fake.most_open == 4


def test_few_numbers_are_used_again_and_never_by_two_handsets() -> None:
    fake = Fake(hello)
    on(fake, dialogues=50, handsets=4, numbers=8)

    assert len(set(fake.numbers)) == 8


def test_a_wrong_screen_is_an_error_with_its_place_and_an_example() -> None:
    def other(call: Call) -> Reply:
        reply = hello(call)
        is_odd = int(call.number) % 2
        return Reply("Number 7, again 8", open=False) if call.answers and is_odd else reply

    figures = loaded(other)

    assert 0 < figures.errors < figures.dialogues == 20
    (name,) = figures.causes
    assert name == "another screen at it.yaml:5 (Hello)"
    assert figures.causes[name].count == figures.errors
    assert "+ Number 7, again 8" in figures.causes[name].example


@pytest.mark.parametrize(
    ("says", "cause"),
    [
        (lambda call: Reply(hello(call).text, open=False), "another screen at it.yaml:4 (Hello)"),
        (lambda call: Reply(hello(call).text, open=True), "another screen at it.yaml:5 (Hello)"),
    ],
    ids=["closed too early", "open too long"],
)
def test_a_right_text_in_a_dialogue_that_should_be_over_or_not_is_wrong(
    says: Callable[[Call], Reply], cause: str
) -> None:
    assert list(loaded(says).causes) == [cause]


def test_a_scenario_that_answers_after_the_end_is_an_error_too() -> None:
    steps = "scenario: x\nsteps:\n  - {dial: '*1#'}\n  - {answer: 1}\n"
    figures = loaded(lambda _call: Reply("Bye", open=False), steps)

    assert list(figures.causes) == ["the dialogue was over before at it.yaml:4 (x)"]


def test_no_answer_is_an_error_and_the_handset_goes_on() -> None:
    def silent(call: Call) -> Reply:
        raise NoService("HTTP 503")

    figures = loaded(silent)

    assert (figures.dialogues, figures.errors) == (20, 20)
    assert figures.causes["HTTP 503"].count == 20


def test_secrets_are_typed_and_never_told() -> None:
    steps = "scenario: x\nsteps:\n  - {dial: '*1#'}\n  - {answer: {secret: pin}, ends: Done}\n"
    typed: list[list[str]] = []

    def asks(call: Call) -> Reply:
        typed.append(list(call.answers))
        return Reply("No", open=not call.answers)

    figures = loaded(asks, steps, dialogues=1)

    assert typed[-1] == [PIN]
    assert PIN not in json.dumps(load_report.as_json(figures, 1.0, {})) + load_report.as_text(figures, 1.0)


def test_a_hang_up_is_told_to_the_service_and_sms_are_passed_over() -> None:
    fake = Fake(hello)
    steps = "scenario: x\nsteps:\n  - {dial: '*1#'}\n  - {hangs_up: true}\n  - {sms: Never}\n"

    assert on(fake, steps, dialogues=3).errors == 0
    assert fake.left == [Leaving.USER] * 3


@given(st.lists(st.integers(1, 9), min_size=1, max_size=5))
def test_a_mix_is_played_by_its_weights_wherever_it_begins(weights: list[int]) -> None:
    mix = Mix([Portion(scenario(), weight) for weight in weights])

    for start in (0, 17):
        taken = [mix.choose(number)[1] for number in range(start, start + sum(weights))]
        assert [sum(one is part for one in taken) for part in mix.parts] == weights


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("scenario: x\nactions: {}\nsteps: [{dial: '*1#'}]", "has fake actions"),
        ("scenario: x\nsteps: [{sms: '1'}]", "dials nothing"),
        ("scenario: x\nsteps: [{dial: '*1#'}, {answer: {secret: other}}]", "set SCENARIO_OTHER"),
    ],
)
def test_what_cannot_be_a_load_is_refused_before_anything_is_sent(text: str, why: str) -> None:
    with pytest.raises(Unfit, match=why):
        Mix([Portion(scenario(text))])


def test_memory_does_not_grow_with_the_dialogues() -> None:
    def peak(dialogues: int) -> int:
        fake = Fake(hello)
        fake.numbers = Forgetful()
        tracemalloc.start()
        on(fake, dialogues=dialogues, handsets=8)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    peak(600)  # `re` keeps as many patterns as it ever will
    assert peak(4000) < peak(400) * 1.2


class Forgetful(list[str]):
    """The test itself must not keep what it checks that nobody keeps."""

    def append(self, _number: str) -> None:
        return None


# --- figures ------------------------------------------------------------------------------------------------


@given(st.lists(st.floats(0, 4000), min_size=1, max_size=200))
def test_a_percentile_is_at_most_a_thirty_second_too_high(seconds: list[float]) -> None:
    histogram = Histogram()
    for one in seconds:
        histogram.add(one)

    ordered = sorted(int(one * 1e6) / 1e3 for one in seconds)
    for percent in (1, 50, 90, 99, 100):
        right = ordered[max(-(-percent * len(ordered) // 100), 1) - 1]
        assert right <= histogram.percentile_ms(percent) <= right * (1 + 1 / 32) + 0.001
    assert sum(number for _, number in histogram.rows()) == len(seconds)
    assert sum(number for _, number in histogram.octaves()) == len(seconds)


def test_causes_beyond_the_most_are_counted_together() -> None:
    figures = Figures([Part("x")])
    for number in range(CAUSES_MAX + 30):
        figures.failed(figures.parts[0], f"cause {number}", "x" * 10_000)

    assert len(figures.causes) == CAUSES_MAX + 1
    assert figures.causes[OTHER_CAUSES].count == 30
    assert len(figures.causes["cause 0"].example) == 2000


# --- lines --------------------------------------------------------------------------------------------------

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4;x=y\r\nEND \r\n2\r\nHi\r\n0\r\n\r\n"
PLAIN = b"HTTP/1.1 200 OK\r\nFreeflow: FC\r\nContent-Length: 6\r\n\r\nEND Hi"


@given(answer=st.sampled_from([CHUNKED, PLAIN]), data=st.data())
def test_an_answer_is_read_when_all_of_it_is_there_and_not_before(answer: bytes, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(answer) - 1))

    assert read_response(answer[:cut]) is None
    found = read_response(answer)
    assert found is not None
    assert (found[0], found[1].body, found[2]) == (200, b"END Hi", True)


@pytest.mark.parametrize(
    "answer", [b"SSH-2.0\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n", PLAIN + b"more", CHUNKED.replace(b"4;", b"z;")]
)
def test_what_is_no_answer_is_refused(answer: bytes) -> None:
    with pytest.raises(ValueError, match=r"no HTTP|no length|more came|invalid literal"):
        read_response(answer)


Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def against(handler: Handler, dialogues: int, patience_s: float = 5.0) -> Figures:
    """A load on a server of this process."""
    server = await asyncio.start_server(handler, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    lines = Lines(
        Server.at(f"http://127.0.0.1:{port}"), dialect("africastalking", {}), "africastalking", patience_s
    )
    mix = Mix([Portion(scenario("scenario: x\nsteps: [{dial: '*1#', ends: Hi}]"))])
    figures = Figures(mix.parts)
    await run(Plan(mix, dialogues, 2), lines, figures)
    server.close()
    return figures


def replying(*answers: bytes) -> Handler:
    """Answers in turn, again and again, cut into halves."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for number in range(100):
            try:
                head = await reader.readuntil(b"\r\n\r\n")
            except asyncio.IncompleteReadError:
                break
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            await reader.readexactly(length)
            answer = answers[number % len(answers)]
            for half in (answer[: len(answer) // 2], answer[len(answer) // 2 :]):
                writer.write(half)
                await writer.drain()
                await asyncio.sleep(0.001)
        writer.close()

    return handle


def test_answers_in_pieces_and_in_chunks_are_screens() -> None:
    figures = asyncio.run(against(replying(PLAIN, CHUNKED), 20))

    assert (figures.dialogues, figures.errors, figures.turns) == (20, 0, 20)


def test_a_status_a_cut_and_a_silence_are_causes_of_their_own() -> None:
    async def cuts(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.close()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100_000)
        await reader.read()
        writer.close()

    busy = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"
    assert list(asyncio.run(against(replying(busy), 4)).causes) == ["HTTP 503"]
    assert list(
        asyncio.run(against(replying(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nHi"), 4)).causes
    ) == ["unreadable answer: the answer begins with neither CON nor END"]
    assert list(asyncio.run(against(cuts, 4)).causes) == ["the connection was cut"]
    assert list(asyncio.run(against(silent, 2, patience_s=0.1)).causes) == ["no answer within 0.1 s"]


# --- the command --------------------------------------------------------------------------------------------


def test_the_default_load_plays_on_the_demo_and_reports(demo: Served, tmp_path: Path) -> None:
    report = tmp_path / "load.json"
    arguments = ("--dialogs", "60", "--concurrency", "8", "--ramp", "0.2", "--json", str(report))
    ended = run_ussd("load", "--url", demo.url, *arguments)

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert ended.stdout.startswith("60 dialogues, 0 errors; 220 turns in ")
    told = json.loads(report.read_text())
    assert (told["dialogues"], told["errors"], told["turns"], told["gateway"]) == (
        60,
        0,
        220,
        "africastalking",
    )
    assert [part["dialogues"] for part in told["scenarios"]] == [20, 20, 20]
    assert sum(number for _, number in told["histogram_ms"]) == 220


def test_a_centre_is_loaded_over_its_line(start_demo: Start, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    config = tmp_path / "line.toml"
    table = 'name = "centre"\nkind = "smpp"\nhost = "127.0.0.1"\nsystem_id = "x"\npassword = "y"\n'
    config.write_text(f"[[gateways]]\n{table}port = {port}\n")
    start_demo("--config", str(config))

    ended = run_ussd("load", "--config", str(config), "--dialogs", "30", "--concurrency", "5")

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert ended.stdout.startswith("30 dialogues, 0 errors; 100 turns in ")


def test_a_line_that_nobody_takes_up_is_told() -> None:
    lines = WireLines(
        SmppCentre({"port": 0}, Frames(), lambda _number, _message: None), asyncio.Event(), 0.05
    )

    with pytest.raises(NoService, match=r"none came within 0\.05 s"):
        asyncio.run(lines.open())


def test_what_the_first_phone_sees_all_must_see(demo: Served, tmp_path: Path) -> None:
    walk = ("--dial", "*880#", "--answer", "7")
    ended = run_ussd("load", "--url", demo.url, "--dialogs", "20", *walk)

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "20 dialogues, 0 errors; 40 turns" in ended.stdout


def test_a_wrong_screen_fails_the_command_and_is_shown(demo: Served, tmp_path: Path) -> None:
    file = tmp_path / "wrong.yaml"
    file.write_text("scenario: wrong\nsteps:\n  - {dial: '*880#', shows: Something else}\n")
    ended = run_ussd("load", "--url", demo.url, "--dialogs", "5", "--scenario", f"{file}:2")

    assert ended.returncode == 1
    assert f"5 x another screen at {file}:3 (wrong)" in ended.stdout
    assert "- Something else" in ended.stdout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--url", "http://127.0.0.1:1", "--dial", "*1#"), "no connection"),
        (("--url", "http://127.0.0.1:1", "--wire", "pigeon"), "no wire 'pigeon'"),
        (("--url", "http://127.0.0.1:1", "--scenario", "none.yaml"), "none.yaml: No such file"),
        (("--url", "http://127.0.0.1:1", "--answer", "1"), "--answer goes with --dial"),
        ((), "no demo runs on .data"),
    ],
)
def test_what_cannot_be_loaded_is_told_in_a_line(
    arguments: tuple[str, ...], told: str, tmp_path: Path
) -> None:
    ended = run_ussd("load", *arguments, cwd=tmp_path)

    assert ended.returncode == 2
    assert ended.stderr.startswith("ussd: ")
    assert told in ended.stderr
    assert ended.stdout == ""
