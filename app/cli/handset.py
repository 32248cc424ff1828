"""`ussd handset`: phones in the terminal, on a demo, a service that runs, or a line that a service makes."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from app.cli.fail import fail

if TYPE_CHECKING:
    from simulator.network import Network

DEMO_PHONES: Final = ("998901112233", "998901234567")
SESSION_S: Final = 180.0
DEMO_SECRETS: Final = {"pin": "24680", "wrong_pin": "08642"}
"""The demo's, once more: `app.handset.rehearsal`, which has them, brings the whole bank along."""
SECRET_PREFIX: Final = "SCENARIO_"  # noqa: S105 - the name of variables, not a secret


def add_to(main: typer.Typer) -> None:
    """Name the command."""
    main.command("handset")(handset)


def handset(
    msisdn: Annotated[
        list[str] | None, typer.Option("--as", help="A phone's number; may be repeated")
    ] = None,
    url: Annotated[
        str | None,
        typer.Option(help="Where the service answers; else the demo on --data, started if need be"),
    ] = None,
    wire: Annotated[
        str | None,
        typer.Option(
            help="What is spoken: any kind of gateway, smpp and gsup too; here: no wire, all in this process"
        ),
    ] = None,
    gateway: Annotated[str | None, typer.Option(help="The gateway's name; else that of its kind")] = None,
    option: Annotated[
        list[str] | None, typer.Option("--set", help="NAME=VALUE of the gateway's settings; may be repeated")
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="The service's settings (TOML), for kind and options of --gateway")
    ] = None,
    session_s: Annotated[float, typer.Option(help="Seconds until the network ends a dialogue")] = SESSION_S,
    data: Annotated[Path, typer.Option(help="The demo's data folder")] = Path(".data"),
    picture: Annotated[
        Path | None, typer.Option(help="Draw the screen as SVG into this file, after --keys, and leave")
    ] = None,
    keys: Annotated[
        list[str] | None,
        typer.Option(
            help="With --picture: a line to type; <tab>, <f5> are keys; 12_ has no Enter; may be repeated"
        ),
    ] = None,
    size: Annotated[str, typer.Option(help="With --picture: columns and lines")] = "100x30",
    plain: Annotated[
        bool, typer.Option("--plain", help="Lines instead of a screen; so without a terminal")
    ] = False,
) -> None:
    """Phones in the terminal, side by side: merchant and customer of the demo unless --as says others.

    They need no service: where none runs on --data a demo is started, with the gateway that --wire names.
    """
    asked: dict[str, Any] = {
        "url": url,
        "table": gateway_table(config, gateway, wire, option or []),
        "data": str(data),
        "session_s": session_s,
        "configured": config is not None,
        "secrets": known_secrets(),
        "numbers": list(msisdn or DEMO_PHONES),
    }
    if picture is None and not plain and on_terminal():
        from app.handset import screen

        screen.become(asked)
    with ExitStack() as held:
        network = _network(asked, held)
        if picture is not None:
            _draw(network, picture, keys or [], size)
        else:
            _read_lines(network)


def known_secrets() -> dict[str, str]:
    """What a recording calls by name, as `ussd test` knows it: the demo's, and the variables' SCENARIO_…."""
    own = {
        name.removeprefix(SECRET_PREFIX).lower(): value
        for name, value in os.environ.items()
        if name.startswith(SECRET_PREFIX)
    }
    return {**DEMO_SECRETS, **own}


def gateway_table(
    config: Path | None, gateway: str | None, wire: str | None, options: Sequence[str]
) -> dict[str, Any]:
    """The gateway as its `[[gateways]]` table says it, and what the command line adds."""
    from app.handset import phoneline

    try:
        return phoneline.gateway_table(config, gateway, wire, options)
    except phoneline.NotSo as error:
        fail(str(error))


def on_terminal() -> bool:
    """Whether there is a screen to draw on: keys come by stdin, Textual draws on stderr."""
    ends = (sys.stdin, sys.stdout, sys.stderr)
    return all(end.isatty() for end in ends) and os.environ.get("TERM", "") not in ("", "dumb")


def draw_on(url: str, numbers: Sequence[str] = DEMO_PHONES) -> None:
    """The screen on a demo that answers."""
    from app.handset import screen

    screen.run(
        {
            "url": url,
            "table": gateway_table(None, None, None, ()),
            "data": "",
            "session_s": SESSION_S,
            "configured": False,
            "secrets": known_secrets(),
            "numbers": list(numbers),
        }
    )


def _network(asked: dict[str, Any], held: ExitStack) -> Network:
    from app.handset import phoneline
    from simulator.wires.wire import NoService
    from ussd_engine import WireError

    try:
        return phoneline.asked_for(asked, held)
    except (NoService, WireError) as error:
        fail(str(error))


def _read_lines(network: Network) -> None:
    import asyncio

    from simulator import plain

    asyncio.run(plain.play(network, sys.stdin, print))


def _draw(network: Network, file: Path, keys: Sequence[str], size: str) -> None:
    import asyncio

    from simulator.ui.app import HandsetApp
    from simulator.ui.posing import pose

    columns, _, rows = size.partition("x")
    if not (columns.isdigit() and rows.isdigit()):
        fail(f"--size {size}: write columns and lines, as in 100x30")
    app = HandsetApp(network, secrets=known_secrets())
    drawn = asyncio.run(pose(app, keys, (int(columns), int(rows))))
    try:
        file.write_text(drawn, encoding="utf-8")
    except OSError as error:
        fail(f"{file}: {error.strerror}")
