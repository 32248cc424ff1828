"""`ussd check`: the menus' mistakes, each with its place and mend."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from app.cli.fail import fail


def add_to(main: typer.Typer) -> None:
    """Name the command."""
    main.command("check")(check)


def check(
    path: Annotated[Path | None, typer.Argument(help="Folder or file; else the configured menus")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="A list of objects")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings fail too")] = False,
) -> None:
    """Print every problem of the menus as `file:line:column: message`; exit 1 if there are any."""
    from app import menufiles, wiring
    from app.settings import SettingsError, load
    from ussd_engine import check as check_menus

    try:
        texts = menufiles.read(path or menufiles.folder(load().menus.path))
    except (menufiles.NoMenus, SettingsError) as error:
        fail(str(error))
    _, problems = check_menus(texts, wiring.declared_actions())
    counted = [problem for problem in problems if strict or not problem.warning]
    if as_json:
        keys = ("path", "line", "column", "rule", "message", "mend")
        rows = [asdict(problem) | {"message": problem.what} for problem in problems]
        typer.echo(
            json.dumps([{key: row[key] for key in keys} for row in rows], ensure_ascii=False, indent=2)
        )
    else:
        for problem in problems:
            typer.echo(f"{problem}" + (" (warning)" if problem.warning and not strict else ""))
    if counted:
        raise typer.Exit(1)
