"""What a handset speaks, and with whom: a service that runs, the demo on a folder, or a demo of its own."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import tempfile
import tomllib
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from app.handset import running
from app.handset.child import DemoProcess, NotStarted
from simulator.network import Network
from simulator.phone import Server
from simulator.script import Recorder
from simulator.standing import DemoPages, Lines, Service
from simulator.wires.awaited import Awaited
from simulator.wires.wire import Frames, NoService, Wire

if TYPE_CHECKING:
    from simulator.wires.gsup import GsupHlr
    from simulator.wires.smpp import SmppCentre

NAMES: Final = {
    "998901112233": "MAGAZIN-24",
    "998933334455": "CHOYXONA",
    "998901234567": "Customer",
    "998977654321": "Stranger",
}
"""What the demo's people are called (README)."""
_ROLES: Final = {
    "998901112233": "shop",
    "998933334455": "other_shop",
    "998901234567": "customer",
    "998977654321": "stranger",
}
"""What scenarios that are recorded call them."""
DEFAULT: Final = "africastalking"
"""The gateway that every demo has."""
HERE: Final = "here"
"""No wire: the menus in this process, with the demo's people."""
_LINES: Final = ("smpp", "gsup")
_OWN: Final = ("name", "kind", "allow", "secret")
_NEEDS_CODE: Final = ("airtel", "sads")
_NEEDS_URL: Final = ("junebug", "vumi")
_SERVICE_CODE: Final = "*880#"


class NotSo(Exception):
    """The command line can't be followed; the message says why."""


def gateway_table(
    config: Path | None, gateway: str | None, kind: str | None, options: Sequence[str]
) -> dict[str, Any]:
    """The gateway as its `[[gateways]]` table says it, and what the command line and the environment add.

    Raises:
        NotSo: no such file, table or option.
    """
    table: dict[str, Any] = {}
    if config is not None:
        named = _tables(config)
        if gateway is None and len(named) == 1:
            gateway = next(iter(named))
        if gateway not in named:
            raise NotSo(
                f"{config}: name one of its gateways by --gateway: {', '.join(named) or 'it has none'}"
            )
        table = dict(named[gateway])
    for one in options:
        name, equals, value = one.partition("=")
        if not equals:
            raise NotSo(f"--set {one}: write NAME=VALUE")
        table[name] = int(value) if value.isdigit() and name != "service_code" else value
    table["kind"] = kind or table.get("kind") or DEFAULT
    table["name"] = gateway or table.get("name") or table["kind"]
    prefix = f"USSD_GATEWAYS__{table['name'].upper().replace('-', '_')}__"
    told = {key.removeprefix(prefix).lower(): value for key, value in os.environ.items() if prefix in key}
    return table | told


def network(
    url: str | None,
    table: Mapping[str, Any],
    data: Path,
    session_s: float,
    held: ExitStack,
    *,
    configured: bool,
    secrets: Mapping[str, str],
) -> Network:
    """The network for a handset's phones.

    Args:
        url: where the service answers; None: the demo on `data`, started if it isn't there.
        configured: `table` is a service's own, which is started by somebody else.
        held: what is started is stopped at its end.
        secrets: what a recording calls by name.

    Raises:
        NoService: there is no wire like that.
    """
    frames = Frames()
    made: list[Network] = []
    wire, service = _Making(table, data, frames, made, held).wire(url, configured=configured)
    recorder = Recorder(names=_ROLES, secrets=secrets)
    made.append(Network(wire, frames, service, names=NAMES, recorder=recorder, session_s=session_s))
    return made[0]


def asked_for(asked: Mapping[str, Any], held: ExitStack) -> Network:
    """As `network`, by the names of its arguments, and with a phone for each of `numbers`.

    Raises:
        NoService, WireError: no wire, or no such phone.
    """
    made = network(
        asked["url"],
        asked["table"],
        Path(asked["data"]),
        asked["session_s"],
        held,
        configured=asked["configured"],
        secrets=asked["secrets"],
    )
    for number in asked["numbers"]:
        made.add(number)
    return made


class _Making:
    """Makes the wire; `made` will hold the network that what comes by itself goes to."""

    def __init__(
        self,
        table: Mapping[str, Any],
        data: Path,
        frames: Frames,
        made: list[Network],
        held: ExitStack,
    ) -> None:
        self._table = dict(table)
        self._kind = str(table["kind"])
        self._data = data
        self._frames = frames
        self._made = made
        self._held = held

    def wire(self, url: str | None, *, configured: bool) -> tuple[Wire, Service | None]:
        if self._kind == HERE:
            return self._in_this_process()
        is_line = self._kind in _LINES
        if url is None and self._kind == DEFAULT:
            try:
                url = running.url(self._data)
            except running.NotRunning:
                return self._awaited(["--data", str(self._data)], self._over_http)
        if url is None and not configured:
            return self._own_demo(is_line=is_line)
        pages = DemoPages(Server.at(url), self._frames) if url is not None else None
        if is_line:
            return self._line(), Lines(pages) if pages is not None and self._kind == "smpp" else pages
        if url is None:
            raise NoService("give --url: where the service answers")
        return self._over_http(url)

    def _in_this_process(self) -> tuple[Wire, Service | None]:
        octets = int(self._table.get("screen_octets", 160))
        menus = Path(self._table["menus"]) if "menus" in self._table else None

        async def start() -> tuple[Wire, Service | None]:
            # Only now: it brings the whole service along.
            from app.handset.here import open_here

            return await asyncio.to_thread(open_here, menus, self._frames, octets, self._held)

        awaited = Awaited(start, "compiling the menus", octets)
        return awaited, awaited

    def _own_demo(self, *, is_line: bool) -> tuple[Wire, Service | None]:
        """A demo that has this gateway too; its data are gone with it."""
        folder = Path(self._held.enter_context(tempfile.TemporaryDirectory(prefix="ussd-handset-")))
        self._table |= {"host": "127.0.0.1", "port": _spare_port()} if is_line else {}
        if self._kind == "smpp":
            from simulator.wires.smpp import BUSY

            self._table.setdefault("busy", [BUSY])
        if self._kind == "gsup":
            self._table |= {"ctrl_port": _spare_port(), "push": True}
        if self._kind in _NEEDS_CODE:
            self._table.setdefault("service_code", _SERVICE_CODE)
        if self._kind in _NEEDS_URL:
            self._table.setdefault("url", f"http://127.0.0.1:{_spare_port()}/messages/")
        config = folder / "ussd.toml"
        config.write_text(_toml(self._table), encoding="utf-8")
        options = ["--data", str(folder / "data"), "--config", str(config)]
        if not is_line:
            return self._awaited(options, self._over_http)
        line = self._line()

        def on_line(url: str) -> tuple[Wire, Service]:
            pages = DemoPages(Server.at(url), self._frames)
            return line, Lines(pages) if self._sends_sms else pages

        return self._awaited(options, on_line, line)

    @property
    def _sends_sms(self) -> bool:
        return self._kind == "smpp"

    def _awaited(
        self,
        options: list[str],
        made: Callable[[str], tuple[Wire, Service]],
        line: GsupHlr | SmppCentre | None = None,
    ) -> tuple[Wire, Service | None]:
        demo = DemoProcess(["--port", "0", *options])
        self._held.callback(demo.stop)

        async def start() -> tuple[Wire, Service | None]:
            if line is not None:
                await line.open()  # before the service looks for it
            try:
                return made(await demo.url_soon())
            except NotStarted as error:
                raise NoService(str(error)) from None

        octets = line.screen_octets if line is not None else int(self._table.get("screen_octets", 160))
        awaited = Awaited(start, "starting the demo", octets)
        return awaited, awaited

    def _over_http(self, url: str) -> tuple[Wire, Service]:
        from simulator.wires.dialects import dialect
        from simulator.wires.http import HttpWire

        server = Server.at(url)
        options = {name: value for name, value in self._table.items() if name not in _OWN}
        secret = self._table.get("secret")
        wire = HttpWire(
            server,
            dialect(self._kind, options),
            str(self._table["name"]),
            self._frames,
            headers={"X-API-Key": str(secret)} if secret else None,
            screen_octets=int(self._table.get("screen_octets", 160)),
        )
        return wire, DemoPages(server, self._frames)

    def _line(self) -> GsupHlr | SmppCentre:
        """A line to which the service connects; what it pushes and texts goes to the phones."""
        from simulator.wires.gsup import GsupHlr
        from simulator.wires.smpp import SmppCentre

        line: GsupHlr | SmppCentre
        if self._kind == "gsup":
            line = GsupHlr(self._table, self._frames)
        else:
            line = SmppCentre(
                self._table, self._frames, lambda number, message: self._made[0].texted(number, message)
            )
        line.waiting.pushed = lambda push: self._made[0].pushed(push)
        return line


def _tables(config: Path) -> dict[str, dict[str, Any]]:
    try:
        tables = tomllib.loads(config.read_text(encoding="utf-8")).get("gateways", [])
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise NotSo(f"{config}: {error.strerror if isinstance(error, OSError) else error}") from None
    return {str(one.get("name")): one for one in tables}


def _toml(table: Mapping[str, Any]) -> str:
    """A gateway's table; JSON's texts and numbers are TOML's too."""
    lines = [f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in table.items()]
    text = "\n".join(["[[gateways]]", *lines, ""])
    if table["kind"] in _LINES:
        text += f'[push]\ngateway = "{table["name"]}"\n'
    return text + (f'[sms]\nsender = "{table["name"]}"\n' if table["kind"] == "smpp" else "")


def _spare_port() -> int:
    """Free a moment ago."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
    return port
