"""`ussd handset`: phones in the terminal, on a demo, a service that runs, or a line that a service makes."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from app.cli.fail import fail

if TYPE_CHECKING:
    from simulator.network import Network
    from simulator.standing import Service
    from simulator.wires.wire import Frames, Wire

DEMO_PHONES: Final = ("998901112233", "998901234567")
NAMES: Final = {
    "998901112233": "MAGAZIN-24",
    "998933334455": "CHOYXONA",
    "998901234567": "Customer",
    "998977654321": "Stranger",
}
"""What the demo's people are called (README)."""
DEMO_SECRETS: Final = {"pin": "24680", "wrong_pin": "08642"}
"""The demo's, written here once more: `app.rehearsal`, which has them, brings the whole bank along."""
SECRET_PREFIX: Final = "SCENARIO_"  # noqa: S105 - the name of variables, not a secret
_LINES: Final = ("smpp", "gsup")
_OWN: Final = ("name", "kind", "allow", "secret")


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
    gateway: Annotated[
        str | None, typer.Option(help="The gateway's name there; else africastalking, or the wire's kind")
    ] = None,
    wire: Annotated[
        str | None, typer.Option(help="What is spoken: a gateway's kind, smpp or gsup; else as --config says")
    ] = None,
    option: Annotated[
        list[str] | None, typer.Option("--set", help="NAME=VALUE of the gateway's settings; may be repeated")
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="The service's settings (TOML): kind and options of --gateway")
    ] = None,
    session_s: Annotated[float, typer.Option(help="Seconds until the network ends a dialogue")] = 180.0,
    data: Annotated[Path, typer.Option(help="The demo's data folder")] = Path(".data"),
    plain: Annotated[
        bool, typer.Option("--plain", help="Lines instead of a screen; so without a terminal")
    ] = False,
) -> None:
    """Phones in the terminal, side by side: merchant and customer of the demo unless --as says others."""
    numbers = list(msisdn or DEMO_PHONES)
    table = _table(config, gateway, wire, option or [])
    with ExitStack() as held:
        if not (plain or not on_terminal()):
            _draw(numbers, url, table, data, session_s, held)
            return
        _read_lines(numbers, url, table, data, session_s, held)


def on_terminal() -> bool:
    """Whether there is a screen to draw on: keys come by stdin, Textual draws on stderr."""
    ends = (sys.stdin, sys.stdout, sys.stderr)
    return all(end.isatty() for end in ends) and os.environ.get("TERM", "") not in ("", "dumb")


def draw_on(url: str, numbers: Sequence[str] = DEMO_PHONES) -> None:
    """The handset on a demo that answers."""
    with ExitStack() as held:
        _draw(list(numbers), url, {"kind": "africastalking", "name": "africastalking"}, Path(), 180.0, held)


# --- what is spoken, and with whom ------------------------------------------------------------------------


def _table(
    config: Path | None, gateway: str | None, wire: str | None, options: Sequence[str]
) -> dict[str, Any]:
    """The gateway as its `[[gateways]]` table says it, and what the command line adds."""
    import tomllib

    table: dict[str, Any] = {}
    if config is not None:
        try:
            tables = tomllib.loads(config.read_text(encoding="utf-8")).get("gateways", [])
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            fail(f"{config}: {error.strerror if isinstance(error, OSError) else error}")
        named = {str(one.get("name")): one for one in tables}
        if gateway is None and len(named) == 1:
            gateway = next(iter(named))
        if gateway not in named:
            fail(f"{config}: name one of its gateways by --gateway: {', '.join(named) or 'it has none'}")
        table = dict(named[gateway])
    for one in options:
        name, equals, value = one.partition("=")
        if not equals:
            fail(f"--set {one}: write NAME=VALUE")
        table[name] = value
    table["kind"] = wire or table.get("kind") or "africastalking"
    table["name"] = gateway or table.get("name") or table["kind"]
    prefix = f"USSD_GATEWAYS__{table['name'].upper().replace('-', '_')}__"
    return table | {
        name.removeprefix(prefix).lower(): value
        for name, value in os.environ.items()
        if name.startswith(prefix)
    }


def _network(
    url: str | None, table: Mapping[str, Any], data: Path, session_s: float, held: ExitStack
) -> Network:
    from simulator.network import Network
    from simulator.script import Recorder
    from simulator.wires.wire import Frames, NoService

    frames = Frames()
    try:
        wire, service = _wire(url, table, data, frames, held)
    except NoService as error:
        fail(str(error))
    recorder = Recorder(secrets=_secrets())
    return Network(wire, frames, service, names=NAMES, recorder=recorder, session_s=session_s)


def _wire(
    url: str | None, table: Mapping[str, Any], data: Path, frames: Frames, held: ExitStack
) -> tuple[Wire, Service | None]:
    from app import running
    from simulator.wires.awaited import Awaited
    from simulator.wires.wire import NoService

    if table["kind"] in _LINES:
        return _line(table, frames), None
    if url is None:
        try:
            url = running.url(data)
        except running.NotRunning:
            url = None
    if url is not None:
        return _over_http(url, table, frames)

    from app.child import DemoProcess, NotStarted

    demo = DemoProcess(["--port", "0", "--data", str(data)])
    held.callback(demo.stop)

    async def start() -> tuple[Wire, Service | None]:
        try:
            return _over_http(await demo.url_soon(), table, frames)
        except NotStarted as error:
            raise NoService(str(error)) from None

    awaited = Awaited(start, "starting the demo")
    return awaited, awaited


def _over_http(url: str, table: Mapping[str, Any], frames: Frames) -> tuple[Wire, Service]:
    from simulator.phone import Server
    from simulator.standing import DemoPages
    from simulator.wires.dialects import dialect
    from simulator.wires.http import HttpWire

    server = Server.at(url)
    options = {name: value for name, value in table.items() if name not in _OWN}
    secret = table.get("secret")
    wire = HttpWire(
        server,
        dialect(table["kind"], options),
        table["name"],
        frames,
        headers={"X-API-Key": str(secret)} if secret else None,
        screen_octets=int(table.get("screen_octets", 160)),
    )
    return wire, DemoPages(server, frames)


def _line(table: Mapping[str, Any], frames: Frames) -> Wire:
    from simulator.wires.wire import NoService

    raise NoService(f"{table['kind']}: not yet {frames}")


def _secrets() -> dict[str, str]:
    """What a recording calls by name; as `ussd test` knows them."""
    own = {
        name.removeprefix(SECRET_PREFIX).lower(): value
        for name, value in os.environ.items()
        if name.startswith(SECRET_PREFIX)
    }
    return {**DEMO_SECRETS, **own}


# --- the two forms ----------------------------------------------------------------------------------------


def _draw(
    numbers: list[str],
    url: str | None,
    table: Mapping[str, Any],
    data: Path,
    session_s: float,
    held: ExitStack,
) -> None:
    from simulator.ui.app import HandsetApp
    from ussd_engine import WireError

    network = _network(url, table, data, session_s, held)
    try:
        app = HandsetApp(network, numbers)
    except WireError as error:
        fail(str(error))
    app.run()


def _read_lines(
    numbers: list[str],
    url: str | None,
    table: Mapping[str, Any],
    data: Path,
    session_s: float,
    held: ExitStack,
) -> None:
    import asyncio

    from simulator import plain
    from ussd_engine import WireError

    network = _network(url, table, data, session_s, held)
    try:
        for number in numbers:
            network.add(number)
    except WireError as error:
        fail(str(error))
    asyncio.run(plain.play(network, sys.stdin, print))
