"""How a command fails: one clear line on stderr and exit code 2, never a traceback."""

from __future__ import annotations

import sys
from errno import ENOSPC
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup

CODE = 2


class Program(TyperGroup):
    """All commands. A file that can't be written, or a full disk, is no fault of theirs."""

    def main(self, *args: Any, **named: Any) -> Any:
        """Run one, as typer does."""
        try:
            return super().main(*args, **named)
        except OSError as error:
            if error.filename is None and error.errno != ENOSPC:
                raise
            typer.echo(f"ussd: {error.filename or 'what is printed'}: {error.strerror}", err=True)
            sys.exit(CODE)


def fail(message: str) -> NoReturn:
    """Say why and leave."""
    typer.echo(f"ussd: {message}", err=True)
    raise typer.Exit(CODE)
