"""`ussd test` and `ussd replay`: scripted dialogues, and journals against other menus."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.fail import fail

if TYPE_CHECKING:
    from app.handset.rehearsal import Rehearsal
    from ussd_engine import Action, Service
    from ussd_engine.journal import Outcome
    from ussd_engine.scenarios import Coverage, Failure, Scenario

SCENARIOS = "scenarios"
GENERATED = "generated.yaml"
SECRET_PREFIX = "SCENARIO_"  # noqa: S105 - the name of variables, not a secret

Menus = Annotated[Path | None, typer.Option(help="Menus' folder; else the configured one")]


def add_to(main: typer.Typer) -> None:
    """Name the commands."""
    main.command("test")(play_scenarios)
    main.command("replay")(replay)


def play_scenarios(
    scenario: Annotated[
        list[Path] | None, typer.Argument(help="Files or folders; else the menus' scenarios")
    ] = None,
    url: Annotated[str | None, typer.Option(help="Play against the service that answers there")] = None,
    gateway: Annotated[str, typer.Option(help="The gateway's name there")] = "africastalking",
    menus: Menus = None,
    coverage: Annotated[
        bool, typer.Option("--coverage", help="Tell which states and transitions were not played")
    ] = False,
    generate: Annotated[
        bool, typer.Option("--generate", help="Write the shortest dialogue to every transition")
    ] = False,
    output: Annotated[
        Path | None, typer.Option(help="Where --generate writes; else generated.yaml beside the scenarios")
    ] = None,
) -> None:
    """Play scenarios and compare every screen and SMS; exit 1 if one differs.

    The demo's people live in this process, afresh for each scenario. What a scenario calls {secret: name} is
    typed from the variable SCENARIO_NAME, else it is the demo's PIN.
    """
    from app.menusets import files as menufiles

    folder, service, declared = _compiled(menus)
    found = _scenarios(_files(scenario or [folder / SCENARIOS], menufiles.SUFFIX, given=bool(scenario)))
    if url is not None:
        if generate or coverage:
            fail("--generate and --coverage look at the menus here: leave --url out")
        _report(_play_away(found, url, gateway))
        return
    from app.handset.rehearsal import Rehearsal
    from ussd_engine.scenarios import Coverage

    counted = Coverage(service)
    with Rehearsal(service, declared) as rehearsal:
        failures = asyncio.run(_play_here(found, rehearsal))
    if generate:
        _generate(service, declared, output or folder / SCENARIOS / GENERATED, counted)
    elif coverage:
        typer.echo(counted.table())
    _report(failures)


def replay(
    journal: Annotated[Path, typer.Argument(help="A journal's folder, or one of its files")],
    menus: Menus = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="The summary only")] = False,
) -> None:
    """Play a journal's dialogues on other menus and print what would differ; exit 1 if anything does."""
    from ussd_engine.journal import read
    from ussd_engine.journal import replay as replay_one
    from ussd_engine.journal.files import journal_files
    from ussd_engine.journal.reader import Damage

    _, service, _ = _compiled(menus)
    files = journal_files(journal)
    if not files:
        fail(f"{journal}: no journal there")
    damage, counts = Damage(), Counter[str]()
    try:
        for dialogue in read(files, damage):
            outcome = replay_one(dialogue, service)
            _count(outcome, counts)
            if outcome.differences and not quiet:
                typer.echo(_told(outcome))
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}")
    if damage.lines and not counts["dialogues"]:
        fail(f"{journal}: none of its {damage.lines} lines is a journal's")
    typer.echo(_summary(counts, damage.lines))
    if counts["differ"]:
        raise typer.Exit(1)


def _compiled(menus: Path | None) -> tuple[Path, Service, dict[str, Action]]:
    from app import planning
    from app.cli import config
    from app.menusets import files as menufiles
    from ussd_engine import MenuError, compile_menus

    settings = config.here()
    try:
        folder = menus or menufiles.folder(settings.menus.path)
        declared = planning.declared_actions()
        return folder, compile_menus(menufiles.read(folder), declared), declared
    except menufiles.NoMenus as error:
        fail(str(error))
    except MenuError as error:
        fail(f"the menus have mistakes:\n{error}")


# --- scenarios --------------------------------------------------------------------------------------------


def _files(paths: Iterable[Path], suffix: str, *, given: bool) -> list[Path]:
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(path.glob(f"*{suffix}"))
            if given and not inside:
                fail(f"{path}: no {suffix} file there")
            found += inside
        elif path.exists():
            found.append(path)
        elif given:
            fail(f"{path}: there is no such file")
    return found


def _scenarios(files: Iterable[Path]) -> list[Scenario]:
    from app.menusets.files import unread
    from ussd_engine.scenarios import ScenarioError, read

    found: list[Scenario] = []
    problems: list[str] = []
    for path in files:
        try:
            found += read(str(path), path.read_text(encoding="utf-8"))
        except ScenarioError as error:
            problems.append(str(error))
        except (OSError, UnicodeDecodeError) as error:
            problems.append(unread(path, error))
    if problems:
        fail("the scenarios can't be read:\n" + "\n".join(problems))
    return found


def known_secrets() -> dict[str, str]:
    """What scenarios call by name: the demo's PINs, and what variables `SCENARIO_NAME` say."""
    from app.handset.rehearsal import DEMO_SECRETS

    own = {
        name.removeprefix(SECRET_PREFIX).lower(): value
        for name, value in os.environ.items()
        if name.startswith(SECRET_PREFIX)
    }
    return {**DEMO_SECRETS, **own}


async def _play_here(scenarios: Iterable[Scenario], rehearsal: Rehearsal) -> list[Failure | None]:
    from ussd_engine.scenarios import play

    results = []
    for scenario in scenarios:
        async with rehearsal.stage(scenario) as stage:
            results.append(await play(scenario, stage, known_secrets()))
    return results


def _play_away(scenarios: list[Scenario], url: str, gateway: str) -> list[Failure | None]:
    from app.handset.rehearsal import Away
    from simulator.phone import NoService, Server
    from ussd_engine.scenarios import play

    real = [scenario for scenario in scenarios if scenario.actions is None]
    if len(real) < len(scenarios):
        typer.echo(f"{len(scenarios) - len(real)} with fake actions are not played there", err=True)
    try:
        server = Server.at(url)
    except NoService as error:
        fail(str(error))

    async def run() -> list[Failure | None]:
        return [await play(scenario, Away(server, gateway), known_secrets()) for scenario in real]

    return asyncio.run(run())


def _report(results: list[Failure | None]) -> None:
    failures = [failure for failure in results if failure is not None]
    for failure in failures:
        typer.echo(f"{failure}\n")
    typer.echo(f"{len(results) - len(failures)} of {len(results)} scenarios passed")
    if failures:
        raise typer.Exit(1)


def _generate(service: Service, declared: dict[str, Action], output: Path, given: Coverage) -> None:
    from ussd_engine.scenarios import generate

    typer.echo(f"the scenarios given:\n{given.table()}\n")
    made = generate(service, declared)
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(made.text, encoding="utf-8")
    except OSError as error:
        fail(f"{output}: {error.strerror}")
    taken = made.moves - len(made.missed)
    typer.echo(f"{output}: {made.dialogues} dialogues for {taken} of {made.moves} transitions")
    for move in made.missed:
        typer.echo(f"  no way found: {move}")


# --- journals ---------------------------------------------------------------------------------------------


def _count(outcome: Outcome, counts: Counter[str]) -> None:
    counts["dialogues"] += 1
    counts["turns"] += outcome.turns
    counts["unreplayed"] += outcome.unreplayed
    counts["skipped"] += bool(outcome.skipped)
    counts["differ"] += bool(outcome.differences)
    for what in {difference.what for difference in outcome.differences}:
        counts[f"differ in {what}"] += 1


def _told(outcome: Outcome) -> str:
    dialogue = outcome.dialogue
    began = datetime.fromtimestamp(dialogue.began, UTC).isoformat(timespec="seconds")
    head = f"{dialogue.id} {began} {dialogue.msisdn} by {dialogue.gateway}, menus {dialogue.menu}"
    return "\n".join([head, *_differences(outcome)])


def _differences(outcome: Outcome) -> Iterator[str]:
    for difference in outcome.differences:
        if difference.what == "screen":
            yield f"  turn {difference.turn}: screen"
            yield from (f"    - {line}" for line in difference.was.split("\n"))
            yield from (f"    + {line}" for line in difference.now.split("\n"))
        else:
            yield f"  turn {difference.turn}: {difference.what} {difference.was} -> {difference.now}"
    if outcome.unreplayed:
        yield f"  {outcome.unreplayed} more turns belong to the way it took then"


def _summary(counts: Counter[str], damaged: int) -> str:
    lines = [f"{counts['dialogues']} dialogues, {counts['turns']} turns replayed: {counts['differ']} differ"]
    lines += [f"  {counts[name]} {name}" for name in sorted(counts) if name.startswith("differ in")]
    if counts["skipped"]:
        lines.append(f"  {counts['skipped']} not replayed: the beginning was lost")
    if counts["unreplayed"]:
        lines.append(f"  {counts['unreplayed']} turns not replayed: the ways had parted, or a turn was lost")
    if damaged:
        lines.append(f"  {damaged} lines could not be read")
    return "\n".join(lines)
