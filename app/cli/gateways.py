"""`ussd gateways`: what is configured, and how it is."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import typer

from app.cli.config import HERE
from app.cli.fail import fail

if TYPE_CHECKING:
    from app.lines.gateways import Told
    from app.settings import Settings

ANSWER_S: Final = 5.0
NOT_RUNNING: Final = 1
_HEAD: Final = ("gateway", "kind", "where", "secured by", "state")


def add_to(main: typer.Typer) -> None:
    """Name the command."""
    main.command("gateways")(gateways)


def gateways(
    config: Annotated[
        Path | None, typer.Option(help="Settings file (TOML); else ussd.toml if there is one, else the demo")
    ] = None,
    data: Annotated[Path, typer.Option(help="Folder of the demo")] = Path(".data"),
    url: Annotated[str | None, typer.Option(help="Where the service answers")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object")] = False,
) -> None:
    """List the gateways: kind, place, what secures them, and the state of their lines; 1 if nothing runs."""
    from app.lines import gateways as told_of

    settings = _settings(config)
    address, key = _place(settings, data)
    address = url or address
    found = _ask(address, told_of.PATH, told_of.signed(key.encode()) if key else {})
    listed = list(told_of.configured(settings, "not running")) if found is None else found
    if as_json:
        whole = {"running": found is not None, "url": address, "gateways": [asdict(one) for one in listed]}
        typer.echo(json.dumps(whole, ensure_ascii=False))
    else:
        for line in _table(listed):
            typer.echo(line)
    if found is None:
        typer.echo(f"ussd: the service is not running: nothing answers at {address}", err=True)
        raise typer.Exit(NOT_RUNNING)


def _settings(config: Path | None) -> Settings:
    from app import planning
    from app.cli import config as config_of
    from app.configuring import SettingsError, load

    file = config or (HERE if HERE.is_file() else None)
    try:
        settings = load(file, defaults={} if file else planning.DEMO_TABLES)
    except SettingsError as error:
        fail(str(error))
    config_of.use_actions(settings)
    return settings


def _place(settings: Settings, data: Path) -> tuple[str, str]:
    """Where the service answers, and its security key: as set, or the demo's own."""
    from app.handset import running

    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.http.host, settings.http.host)  # noqa: S104
    address = f"http://[{host}]" if ":" in host else f"http://{host}"
    address = f"{address}:{settings.http.port}"
    if settings.security.key is not None:
        return address, settings.security.key.get_secret_value()
    key = running.security_key(data) if running.is_demos(data) else ""
    try:
        return running.url(data), key
    except running.NotRunning:
        return address, key


def _ask(address: str, path: str, headers: Mapping[str, str]) -> list[Told] | None:
    """What the service says; None where nothing answers."""
    from app.lines.gateways import Told

    try:
        request = Request(address.rstrip("/") + path, headers=dict(headers))  # noqa: S310
        with urlopen(request, timeout=ANSWER_S) as response:  # noqa: S310
            told = json.load(response)
        return [Told(**{**one, "secured": tuple(one["secured"])}) for one in told]
    except HTTPError as error:
        with error:
            if error.code == 401:
                fail(f"{address} runs with another [security] key: give its --config, or a demo's --data")
            fail(f"{address} answers {error.code}: is that a ussd service of this release?")
    except (URLError, OSError):
        return None
    except (ValueError, TypeError, KeyError):
        fail(f"{address} doesn't answer like a ussd service")


def _table(listed: Sequence[Told]) -> Iterator[str]:
    if not listed:
        yield "no gateway is configured"
        return
    rows = [_HEAD, *map(_row, listed)]
    widths = [max(map(len, column)) for column in list(zip(*rows, strict=True))[:-1]]
    for row in rows:
        padded = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        yield "  ".join((*padded, row[-1]))


def _row(one: Told) -> tuple[str, ...]:
    return one.name, one.kind, one.where, ", ".join(one.secured) or "nothing", _how(one)


def _how(one: Told) -> str:
    said = [one.state]
    if one.since:
        said[0] += time.strftime(" since %Y-%m-%d %H:%M:%S", time.localtime(one.since))
    if one.window:
        said.append(f"window {one.unanswered}/{one.window}")
    elif one.unanswered:
        said.append(f"{one.unanswered} unanswered")
    if one.waiting:
        said.append(f"{one.waiting} waiting")
    if one.turns or one.refused:
        said.append(f"{one.turns} turns, {one.refused} refused")
    if one.losses:
        said.append(f"lost {one.losses} times")
    if one.error:
        said.append(f"last error: {one.error}")
    return "; ".join(said)
