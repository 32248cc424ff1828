"""`ussd check`: the menus' mistakes, each with its place and mend."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.fail import fail

if TYPE_CHECKING:
    from ussd_engine import Problem
    from ussd_engine.compiler.baseline import Baseline


def add_to(main: typer.Typer) -> None:
    """Name the command."""
    main.command("check")(check)


def check(
    path: Annotated[Path | None, typer.Argument(help="Folder or file; else the configured menus")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="A list of objects")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings fail too")] = False,
    github: Annotated[bool, typer.Option("--github", help="Annotations for a pull request")] = False,
    against: Annotated[
        Path | None, typer.Option(help="A baseline: dialled digits must mean what they meant")
    ] = None,
    write_baseline: Annotated[
        Path | None, typer.Option(help="Keep what dialled digits mean now in this file")
    ] = None,
) -> None:
    """Print every problem of the menus as `file:line:column: message`; exit 1 if there are any."""
    from app import planning
    from app.cli import config
    from app.menusets import files as menufiles
    from ussd_engine import check as check_menus

    settings = config.here()
    try:
        texts = menufiles.read(path or menufiles.folder(settings.menus.path))
    except menufiles.NoMenus as error:
        fail(str(error))
    service, problems = check_menus(texts, planning.declared_actions(), published=_published(against))
    counted = [problem for problem in problems if strict or not problem.warning]
    if as_json:
        keys = ("path", "line", "column", "rule", "message", "mend")
        rows = [asdict(problem) | {"message": problem.what} for problem in problems]
        typer.echo(
            json.dumps([{key: row[key] for key in keys} for row in rows], ensure_ascii=False, indent=2)
        )
    elif github:
        for problem in problems:
            typer.echo(_annotation(problem))
    else:
        for problem in problems:
            warning = " (warning)" if problem.warning and not strict else ""
            typer.echo(
                f"{problem} [{problem.rule}]{warning}\n{_quoted(texts.get(problem.path, ''), problem)}"
            )
    if counted:
        raise typer.Exit(1)
    if write_baseline is not None and service is not None:
        from ussd_engine.compiler.baseline import baseline, entries, write

        write_baseline.write_text(write(baseline(service, entries(service))))


def _published(path: Path | None) -> Baseline | None:
    if path is None:
        return None
    from ussd_engine.compiler.baseline import read

    try:
        return read(path.read_text())
    except (OSError, ValueError) as error:
        fail(f"{path} is no baseline: {error}; make one with --write-baseline")


def _quoted(text: str, problem: Problem) -> str:
    """Show the line a problem is in, with a mark under its column."""
    lines = text.splitlines()
    if not 0 < problem.line <= len(lines):
        return ""
    line = lines[problem.line - 1]
    # A long line is shown around the place.
    begin = max(problem.column - 41, 0)
    return f"    {line[begin : begin + 80]}\n    {' ' * (problem.column - 1 - begin)}^"


def _annotation(problem: Problem) -> str:
    """Write a problem as the workflow command that puts it beside the line."""
    level = "warning" if problem.warning else "error"
    text = f"{problem.what} {problem.mend}".replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    place = f"file={problem.path},line={problem.line},col={problem.column},title={problem.rule}"
    return f"::{level} {place}::{text}"
