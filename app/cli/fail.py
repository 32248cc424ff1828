"""How a command fails: one clear line on stderr and exit code 2, never a traceback."""

from __future__ import annotations

from typing import NoReturn

import typer

CODE = 2


def fail(message: str) -> NoReturn:
    """Say why and leave."""
    typer.echo(f"ussd: {message}", err=True)
    raise typer.Exit(CODE)
