"""`ussd sizes`, `ussd graph` and `ussd schema`: what helps to write menus."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.fail import fail

if TYPE_CHECKING:
    from app.menusets.noticesizes import NoticeSize
    from ussd_engine.compiler.sizes.proof import Size

Menus = Annotated[Path | None, typer.Argument(help="Folder or file; else the configured menus")]


def add_to(main: typer.Typer) -> None:
    """Name the commands."""
    main.command("sizes")(sizes)
    main.command("graph")(graph)
    main.command("schema")(schema)


def sizes(
    path: Menus = None,
    octets: Annotated[
        int, typer.Option(help="What one screen holds: 160, or what a network leaves of it")
    ] = 160,
    as_json: Annotated[bool, typer.Option("--json", help="A list of objects")] = False,
) -> None:
    """Print the worst case of every screen and SMS in every language; exit 1 if one would be cut."""
    from app import planning
    from app.menusets import noticesizes
    from ussd_engine import MenuError
    from ussd_engine.compiler.build import size_proof

    try:
        proof = size_proof(_texts(path), planning.declared_actions(), octets)
    except (MenuError, ValueError) as error:
        fail(str(error))
    found, problems = proof.table(), proof.problems()
    # Our own SMS belong to our own menus.
    notices = list(noticesizes.notice_sizes()) if path is None and not _has_own_menus() else []
    if as_json:
        rows = [asdict(size) | {"forced_by": str(size.forced_by or "")} for size in found]
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=2))
    else:
        typer.echo(_table(_SCREENS, map(_screen, found)))
        if notices:
            typer.echo("\n" + _table(_NOTICES, map(_notice, notices)))
        for problem in problems:
            typer.echo(f"{problem} [{problem.rule}]")
    if any(size.cut for size in found):
        raise typer.Exit(1)


_SCREENS = ("screen", "language", "octets", "+note", "alphabet", "pages", "gives way", "because of")
_NOTICES = ("SMS", "language", "characters", "alphabet", "parts", "because of")


def _screen(size: Size) -> tuple[str, ...]:
    pages = f"{size.rows}+ rows" if size.rows is not None else str(size.pages)
    return (
        size.state,
        size.language,
        str(size.octets),
        "" if size.with_note is None else str(size.with_note),
        size.encoding,
        "cut!" if size.cut else pages,
        ", ".join(size.gives_way),
        str(size.forced_by or ""),
    )


def _notice(notice: NoticeSize) -> tuple[str, ...]:
    size = notice.size
    why = str(size.forced_by or "")
    return (notice.template, notice.language, str(size.characters), size.encoding, str(size.parts), why)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


class Format(StrEnum):
    """What `ussd graph` writes."""

    SVG = "svg"
    MERMAID = "mermaid"
    DOT = "dot"


def graph(
    path: Menus = None,
    form: Annotated[
        Format, typer.Option("--format", help="A picture, or text that other tools draw")
    ] = Format.SVG,
    language: Annotated[str | None, typer.Option(help="Of the texts; else the service's first")] = None,
    menu: Annotated[str | None, typer.Option(help="Only this menu")] = None,
) -> None:
    """Draw the menus: a box for each state, an arrow for each key and result."""
    from app import planning
    from ussd_engine import MenuError, compile_menus
    from ussd_engine.compiler.pictures.picture import picture
    from ussd_engine.compiler.pictures.svg import svg
    from ussd_engine.compiler.pictures.text import dot, mermaid

    try:
        drawn = picture(compile_menus(_texts(path), planning.declared_actions()), language, menu)
    except MenuError as error:
        fail(str(error))
    except KeyError as error:
        fail(f"the service has no {error}")
    write = {Format.SVG: svg, Format.MERMAID: mermaid, Format.DOT: dot}[form]
    typer.echo(write(drawn), nl=False)


def schema() -> None:
    """Print the JSON Schema of menu files, for editors that complete and check YAML."""
    from ussd_engine.compiler.jsonschema import schema_text

    typer.echo(schema_text(), nl=False)


def _has_own_menus() -> bool:
    from app.cli import config

    return config.here().menus.path is not None


def _texts(path: Path | None) -> dict[str, str]:
    from app.cli import config
    from app.menusets import files as menufiles

    settings = config.here()
    try:
        return menufiles.read(path or menufiles.folder(settings.menus.path))
    except menufiles.NoMenus as error:
        fail(str(error))
