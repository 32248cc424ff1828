"""`ussd cdr`: what dialogues there were, for billing and statistics."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer

from app.cli.fail import fail
from app.cli.people import DATA, DEMO_DATA, Config, Data

if TYPE_CHECKING:
    from app.watching.cdr import Cdr

cdr = typer.Typer(help="Call detail records, a row a dialogue.", no_args_is_help=True)


def add_to(main: typer.Typer) -> None:
    """Name the commands."""
    main.add_typer(cdr, name="cdr")


@cdr.command("export")
def export(
    since: Annotated[str, typer.Option("--from", metavar="WHEN", help="2026-11-24, or 2026-11-24T07:30")],
    until: Annotated[str, typer.Option("--to", metavar="WHEN", help="The first moment not taken")],
    out: Annotated[Path, typer.Option(help="The file to write; - for stdout (csv)")],
    form: Annotated[Literal["csv", "parquet"], typer.Option("--format")] = "csv",
    journal: Annotated[Path | None, typer.Option(help="Folder or file; else the configured one")] = None,
    zone: Annotated[str, typer.Option(help="Of times without an offset")] = "Asia/Tashkent",
    config: Config = None,
    data: Data = None,
) -> None:
    """Write the dialogues that began in a span of time, in the order in which they ended.

    Moments in the file are UTC. A dialogue that has not ended has no ended_at and no cause.
    """
    from app.watching import cdr as records
    from ussd_engine.journal.reader import Damage, read

    first, end = _moment(since, "--from", zone), _moment(until, "--to", zone)
    if first >= end:
        fail("--from is not before --to")
    folder = journal or _configured(config, data)
    if not folder.exists():
        fail(f"{folder}: there is no journal")
    damage = Damage()
    try:
        found = records.rows(read(records.files_between(folder, first, end), damage), first, end)
        if form == "parquet":
            written = records.whole(out, lambda part: records.write_parquet(found, part))
        elif str(out) == "-":
            written = records.write_csv(found, sys.stdout)
        else:
            written = records.whole(out, lambda part: _csv_into(found, part))
    except BrokenPipeError:
        raise  # whoever reads has enough
    except (records.NoParquet, OSError) as error:
        fail(str(error))
    typer.echo(f"{written} dialogues, {damage.lines} lines of the journal unreadable", err=True)


def _csv_into(found: Iterable[Cdr], part: Path) -> int:
    from app.watching.cdr import write_csv

    with part.open("w", encoding="utf-8", newline="") as file:
        return write_csv(found, file)


def _configured(config: Path | None, data: Path | None) -> Path:
    from app.configuring import SettingsError, load
    from app.watching import journaling

    try:
        settings = load(config)
    except SettingsError as error:
        fail(str(error))
    return journaling.folder(settings, data or (DATA if settings.security.key else DEMO_DATA))


def _moment(text: str, option: str, zone: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC)
    except ZoneInfoNotFoundError:
        fail(f"--zone {zone}: no such time zone; use an IANA name: Asia/Tashkent")
    except ValueError:
        fail(f"{option} {text}: a moment looks like 2026-11-24 or 2026-11-24T07:30+05:00")
