"""`ussd load`: many virtual handsets at once."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from app.cli.fail import fail

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from simulator.load import Lines, Mix, Plan, Portion
    from simulator.load_figures import Figures
    from simulator.wires.gsup import GsupHlr
    from simulator.wires.smpp import SmppCentre
    from ussd_engine.scenarios import Scenario

FOLDER: Final = "load"
"""Beside the menus: scenarios that any phone can play, the mix of a load that is told of none."""
INTERRUPTED: Final = 130
_EVERY_S: Final = 0.25
_MADE_BY_THE_SERVICE: Final = ("smpp", "gsup")


def add_to(main: typer.Typer) -> None:
    """Name the command."""
    main.command("load")(load)


def load(
    url: Annotated[
        str | None, typer.Option(help="Where the service answers; else the demo on --data")
    ] = None,
    dialogs: Annotated[int, typer.Option(min=1, help="Dialogues in all")] = 1000,
    concurrency: Annotated[int, typer.Option(min=1, max=20_000, help="Dialogues at once")] = 50,
    scenario: Annotated[
        list[str] | None,
        typer.Option(help="FILE or FILE:WEIGHT; may be repeated; else the folder load/ beside the menus"),
    ] = None,
    dial: Annotated[
        str | None, typer.Option(help="Instead of scenarios: dial this; all must see what the first one sees")
    ] = None,
    answer: Annotated[list[str] | None, typer.Option(help="What is typed after --dial")] = None,
    ramp: Annotated[float, typer.Option(min=0, help="Seconds until all handsets are at work")] = 0.0,
    think: Annotated[float, typer.Option(min=0, help="Seconds a person looks before answering")] = 0.0,
    numbers: Annotated[
        int, typer.Option(min=0, help="Different phones to call from; 0: another one for each dialogue")
    ] = 0,
    first: Annotated[int, typer.Option(min=10**9, max=10**14, help="The first of them")] = 998_910_000_000,
    patience: Annotated[float, typer.Option(min=0.1, help="Seconds until an answer is given up")] = 15.0,
    gateway: Annotated[
        str | None, typer.Option(help="The gateway's name there; else africastalking, or the wire's kind")
    ] = None,
    wire: Annotated[
        str | None, typer.Option(help="What is spoken: a gateway's kind, smpp or gsup; else as --config says")
    ] = None,
    option: Annotated[
        list[str] | None, typer.Option("--set", help="NAME=VALUE of the gateway's settings; may be repeated")
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="The service's settings (TOML): kind and options of --gateway")
    ] = None,
    data: Annotated[Path, typer.Option(help="The demo's data folder")] = Path(".data"),
    json_file: Annotated[
        str | None, typer.Option("--json", help="Write the report to this file; - is stdout")
    ] = None,
) -> None:
    """Play scenarios on many virtual handsets; exit 1 if a screen was wrong or an answer missing."""
    from app.handset import phoneline, running
    from simulator.load import Mix, Plan, Unfit
    from simulator.load_figures import Figures
    from simulator.wires.wire import NoService

    try:
        table = phoneline.gateway_table(config, gateway, wire, option or [])
        lines, where = _lines(url, data, table, patience)
        given = _given(scenario or [], dial, answer or [])
        with asyncio.Runner(loop_factory=_loop_factory()) as runner, _opened(runner, lines):
            portions = given if isinstance(given, list) else [runner.run(given.learned(lines, first))]
            mix = Mix(portions, _secrets(portions))
            plan = Plan(mix, dialogs, concurrency, numbers, first, ramp, think)
            _say_skipped(mix)
            figures = Figures(mix.parts)
            seconds, interrupted = _run(runner, plan, lines, figures)
    except (running.NotRunning, phoneline.NotSo, NoService, Unfit) as error:
        fail(str(error))
    about = {"url": where, "gateway": table["name"], "concurrency": concurrency, "ramp_s": ramp}
    _report(figures, seconds, about, json_file)
    if interrupted:
        raise typer.Exit(INTERRUPTED)
    if figures.errors:
        raise typer.Exit(1)


# --- over what ----------------------------------------------------------------------------------------------


def _lines(url: str | None, data: Path, table: dict[str, Any], patience_s: float) -> tuple[Lines, str]:
    """The lines, and where they lead."""
    from app.handset import running
    from simulator.load_lines import Lines as FastLines
    from simulator.load_wires import WireLines
    from simulator.phone import Server
    from simulator.wires.dialects import dialect
    from simulator.wires.http import HttpWire
    from simulator.wires.wire import Frames

    if table["kind"] in _MADE_BY_THE_SERVICE:
        line = _line(table)
        return WireLines(line, line.waiting.up), line.state
    server = Server.at(url or running.url(data))
    secret = table.get("secret")
    headers = {"X-API-Key": str(secret)} if secret else {}
    spoken = dialect(table["kind"], table)
    if spoken.later:
        shared = HttpWire(server, spoken, table["name"], Frames(), headers=headers, patience_s=patience_s)
        return WireLines(shared), str(server)
    return FastLines(server, spoken, table["name"], patience_s, headers), str(server)


def _line(table: dict[str, Any]) -> GsupHlr | SmppCentre:
    """A line to which the service connects, as its settings say; SMS that come over it are nobody's."""
    from simulator.wires import gsup, smpp
    from simulator.wires.wire import Frames

    if table["kind"] == "gsup":
        return gsup.GsupHlr(table, Frames())
    return smpp.SmppCentre(table, Frames(), lambda _number, _message: None)


@contextmanager
def _opened(runner: asyncio.Runner, lines: Lines) -> Iterator[None]:
    try:
        runner.run(lines.open())
        yield
    finally:
        runner.run(lines.close())


def _secrets(portions: Sequence[Portion]) -> dict[str, str]:
    """What the scenarios call by name; as `ussd test` knows it."""
    if not any(step.secret or "{" in (step.dial or "") for one in portions for step in one.scenario.steps):
        return {}
    from app.cli.scenarios import known_secrets  # the demo's PIN brings the whole bank along

    return known_secrets()


# --- what is played -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Walk:
    """What is dialled and typed, with screens that nobody has said: the first phone's are everybody's."""

    code: str
    answers: Sequence[str]

    async def learned(self, lines: Lines, first: int) -> Portion:
        """Play it once, from the first number, as what all must see."""
        from simulator import script_file
        from simulator.load import Portion
        from simulator.script import Recorder
        from simulator.wires.wire import Call
        from ussd_engine.scenarios import read

        recorder, number = Recorder(), str(first)
        line, call = lines.line(lambda _seconds: None), Call(number, self.code)
        try:
            reply = await line.begin(call)
            recorder.dialled(number, self.code, reply)
            for typed in self.answers:
                if not reply.open:
                    fail(f"--answer: the dialogue closed before all were typed: {reply.text!r}")
                reply = await line.answer(call, typed)
                # Not kept: it is compared with in this process, and told as what was typed here.
                recorder.answered(number, typed, reply, secret=False)
        finally:
            line.close()
        text = script_file.scenario(recorder, " ".join([self.code, *self.answers]))
        return Portion(read("--dial", text)[0])


def _given(scenarios: Sequence[str], dialled: str | None, answers: Sequence[str]) -> list[Portion] | _Walk:
    from simulator.load import Portion

    if dialled is not None and scenarios:
        fail("--dial or --scenario: one of them")
    if dialled is None and answers:
        fail("--answer goes with --dial")
    if scenarios:
        return [Portion(one, weight) for path, weight in map(_weighted, scenarios) for one in _read(path)]
    if dialled is None:
        from app.cli import config
        from app.menusets import files as menufiles

        folder = menufiles.folder(config.here().menus.path)
        files = sorted((folder if folder.is_dir() else folder.parent).joinpath(FOLDER).glob("*.yaml"))
        if files:
            return [Portion(one) for path in files for one in _read(path)]
        dialled = _service_code(folder)
    return _Walk(dialled, answers)


def _weighted(given: str) -> tuple[Path, int]:
    path, colon, weight = given.rpartition(":")
    if colon and weight.isdigit():
        return Path(path), int(weight)
    return Path(given), 1


def _read(path: Path) -> tuple[Scenario, ...]:
    from app.menusets.files import unread
    from ussd_engine.scenarios import ScenarioError, read

    try:
        return read(str(path), path.read_text(encoding="utf-8"))
    except ScenarioError as error:
        fail(f"the scenario can't be read:\n{error}")
    except (OSError, UnicodeDecodeError) as error:
        fail(unread(path, error))


def _service_code(folder: Path) -> str:
    from app import planning
    from app.menusets import files as menufiles
    from ussd_engine import MenuError, compile_menus

    try:
        return compile_menus(menufiles.read(folder), planning.declared_actions()).service_code
    except (menufiles.NoMenus, MenuError):
        fail("nothing says what to dial: give --dial '*123#', or --scenario FILE")


def _say_skipped(mix: Mix) -> None:
    skipped = sum(
        step.sms is not None or step.no_sms for portion in mix.portions for step in portion.scenario.steps
    )
    if skipped:
        typer.echo(f"ussd: {skipped} steps about SMS are passed over: a load looks at screens", err=True)


# --- running and telling ------------------------------------------------------------------------------------


def _run(runner: asyncio.Runner, plan: Plan, lines: Lines, figures: Figures) -> tuple[float, bool]:
    """Seconds that it took, and whether somebody stopped it."""
    from simulator.load import run

    async def watched() -> None:
        with _progress(plan, figures) as look:
            load = asyncio.ensure_future(run(plan, lines, figures))
            while not load.done():
                await asyncio.wait([load], timeout=_EVERY_S)
                look()
            await load

    began = time.perf_counter()
    with suppress(KeyboardInterrupt):
        runner.run(watched())
        return time.perf_counter() - began, False
    return time.perf_counter() - began, True


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


@contextmanager
def _progress(plan: Plan, figures: Figures) -> Iterator[Callable[[], None]]:
    """A live line on a terminal's stderr; nothing where nobody watches."""
    if not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        BarColumn(24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[told]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), auto_refresh=False) as progress:
        task = progress.add_task("", total=plan.dialogues, told="")
        seen, at = 0, time.perf_counter()

        def look() -> None:
            nonlocal seen, at
            now = time.perf_counter()
            rate = (figures.turns - seen) / max(now - at, 1e-6)
            seen, at = figures.turns, now
            latency = figures.latency
            told = (
                f"{figures.open} open, {rate:.0f} turns/s, p50 {latency.percentile_ms(50):.1f} ms, "
                f"p99 {latency.percentile_ms(99):.1f} ms, {figures.errors} errors"
            )
            progress.update(task, completed=figures.dialogues, told=told, refresh=True)

        yield look


def _report(figures: Figures, seconds: float, about: dict[str, Any], json_file: str | None) -> None:
    from simulator import load_report

    if json_file != "-":
        typer.echo(load_report.as_text(figures, seconds))
    if json_file is None:
        return
    written = json.dumps(load_report.as_json(figures, seconds, about), ensure_ascii=False, indent=2) + "\n"
    try:
        sys.stdout.write(written) if json_file == "-" else Path(json_file).write_text(written, "utf-8")
    except OSError as error:
        fail(f"{json_file}: {error.strerror}")
