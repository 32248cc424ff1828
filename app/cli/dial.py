"""`ussd dial`: one dialogue from the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from app.cli.fail import fail
from app.handset import running

SEPARATOR = "---"


def add_to(main: typer.Typer) -> None:
    """Name the command."""
    main.command("dial")(dial)


def dial(
    code: Annotated[str, typer.Argument(help="What is dialled, e.g. '*880#'")],
    msisdn: Annotated[str, typer.Option("--as", help="The calling phone, e.g. 998901234567")],
    answer: Annotated[list[str] | None, typer.Option(help="What is typed next; may be repeated")] = None,
    url: Annotated[
        str | None, typer.Option(help="Where the service answers; else the demo on --data")
    ] = None,
    gateway: Annotated[str, typer.Option(help="The gateway's name")] = "africastalking",
    data: Annotated[Path, typer.Option(help="The demo's data folder")] = Path(".data"),
    as_json: Annotated[bool, typer.Option("--json", help="One object a screen")] = False,
) -> None:
    """Play one dialogue: each screen, then `---`; the last line is `open` or `closed`."""
    from simulator.phone import NoService, Phone, Server
    from ussd_engine import WireError

    try:
        phone = Phone(Server.at(url or running.url(data)), msisdn, gateway)
        answers = list(answer or [])
        reply = phone.dial(code)
        _show(reply.text, reply.open, as_json)
        while answers and reply.open:
            reply = phone.answer(answers.pop(0))
            _show(reply.text, reply.open, as_json)
    except (NoService, WireError, running.NotRunning) as error:
        fail(str(error))
    if answers:
        typer.echo(f"ussd: the dialogue closed with {len(answers)} of the answers unread", err=True)
    if not as_json:
        typer.echo("open" if reply.open else "closed")


def _show(text: str, is_open: bool, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"screen": text, "open": is_open}, ensure_ascii=False))
    else:
        typer.echo(f"{text}\n{SEPARATOR}")
