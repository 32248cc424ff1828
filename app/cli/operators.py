"""`ussd operator`: who may sign in to the back office. Passwords come from stdin only."""

from __future__ import annotations

from typing import Annotated

import typer

from app.cli.people import By, Config, Data, opened, report, secret, who

operator = typer.Typer(help="People who work in the back office.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="What they sign in with: 3 to 40 letters and digits")]


def add_to(main: typer.Typer) -> None:
    """Name the commands."""
    main.add_typer(operator, name="operator")


@operator.command("add")
def add(name: Name, by: By = None, config: Config = None, data: Data = None) -> None:
    """Let somebody in, or give them a new password; it is read from stdin."""
    password = secret("password")
    with opened(config, data) as money:
        report(money.accounts.set_operator(name, password, by=who(by)), f"operator {name} may sign in")


@operator.command("block")
def block(name: Name, by: By = None, config: Config = None, data: Data = None) -> None:
    """Shut somebody out, at once and everywhere."""
    with opened(config, data) as money:
        done = money.accounts.block_operator(name, by=who(by))
        report(done, f"operator {name} is shut out", not_found=f"no operator {name}")


@operator.command("list")
def listed(config: Config = None, data: Data = None) -> None:
    """List them."""
    with opened(config, data) as money:
        for name, active in money.accounts.operators():
            typer.echo(f"{name}  {'active' if active else 'blocked'}")
