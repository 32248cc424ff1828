"""`ussd new`: a service to begin with."""

from __future__ import annotations

import re
import shlex
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from app.cli.fail import fail

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.resources.abc import Traversable

CODE: Final = "*123#"
"""The starter's; `--code` writes another one in all its places."""
_CODE: Final = re.compile(r"\*[0-9]{1,10}#")
_NOT_OURS: Final = ("__pycache__",)


def add_to(main: typer.Typer) -> None:
    """Name the command."""
    main.command("new")(new)


def new(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that is not there yet, or empty")],
    code: Annotated[str, typer.Option(help="What subscribers dial")] = CODE,
) -> None:
    """Write a small service into a folder: menus, one action, scenarios, settings. It runs at once."""
    if _CODE.fullmatch(code) is None:
        fail(f"--code {code}: a service code looks like {CODE}")
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            fail(f"{folder} is not empty: nothing was written")
        for name, text in _texts(files("app") / "starter"):
            file = folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(_dialled(text, code), encoding="utf-8")
    except OSError as error:
        fail(f"{error.filename or folder}: {error.strerror}")
    typer.echo(
        f"{folder} has a service for {code}. Now:\n\n  cd {shlex.quote(str(folder))}\n  ussd demo\n\n"
        "README.md tells the rest."
    )


def _texts(where: Traversable, above: str = "") -> Iterator[tuple[str, str]]:
    for entry in sorted(where.iterdir(), key=lambda one: one.name):
        if entry.name in _NOT_OURS:
            continue
        # A file that begins with a dot would be taken for our own by tools that read this folder.
        name = f"{above}{'.gitignore' if entry.name == 'gitignore' else entry.name}"
        if entry.is_dir():
            yield from _texts(entry, f"{name}/")
        else:
            yield name, entry.read_text(encoding="utf-8")


def _dialled(text: str, code: str) -> str:
    """The starter's text with another service code, also where more is dialled behind it."""
    return text.replace(CODE, code).replace(f"{CODE[:-1]}*", f"{code[:-1]}*")
