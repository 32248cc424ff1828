"""`ussd audit`: the trail of what was done."""

from __future__ import annotations

import typer

from app.cli.fail import fail
from app.cli.people import Config, Data, opened

audit = typer.Typer(help="The audit trail.", no_args_is_help=True)


def add_to(main: typer.Typer) -> None:
    """Name the commands."""
    main.add_typer(audit, name="audit")


@audit.command("verify")
def verify(config: Config = None, data: Data = None) -> None:
    """Walk the hash chain and hold the books against it; exit 2 names the first broken row of each."""
    with opened(config, data, new=False) as money:
        verdict = money.workers.verify_audit()
    if verdict.problems:
        fail("; ".join(verdict.problems))
    typer.echo(f"{verdict.sealed} rows are whole, {verdict.unsealed} not sealed yet")
