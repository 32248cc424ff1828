"""`ussd push`: begin a dialogue on a phone that has not dialled."""

from __future__ import annotations

import json
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from app.cli.fail import fail
from app.handset import running

SHOWN = frozenset({"accepted", "shown", "answered"})
"""Outcomes with exit code 0; with any other one the subscriber has not read it, as far as can be told."""
WAIT_S = 120.0
REPLY_MAX = 4096


def add_to(main: typer.Typer) -> None:
    """Name the command."""
    main.command("push")(push)


def push(
    msisdn: Annotated[str, typer.Argument(help="The phone, e.g. 998901234567")],
    state: Annotated[str, typer.Argument(help="A state with `push:`, with its menu or of --menu")],
    menu: Annotated[str, typer.Option(help="The menu of a state that is named without one")] = "customer",
    given: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="What it is given")
    ] = None,
    gateway: Annotated[str, typer.Option(help="The gateway's name; else [push] gateway")] = "",
    config: Annotated[Path | None, typer.Option(help="Settings of the service (TOML)")] = None,
    url: Annotated[str | None, typer.Option(help="Where the service answers")] = None,
    data: Annotated[Path, typer.Option(help="The demo's data folder")] = Path(".data"),
) -> None:
    """Show a screen on a phone that has not dialled, and say what became of it.

    With --config, or a security key in the environment, the service is `ussd serve`; else the demo on --data.
    """
    body = json.dumps(
        {
            "msisdn": msisdn,
            "state": state if "." in state else f"{menu}.{state}",
            "given": dict(_pair(one) for one in given or ()),
            "gateway": gateway,
        }
    ).encode()
    base, key = _service(config, url, data)
    outcome = _asked(base, key, body)
    typer.echo(outcome)
    raise typer.Exit(0 if outcome in SHOWN else 1)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        fail(f"--set {text}: write it as name=value")
    return name, value


def _service(config: Path | None, url: str | None, data: Path) -> tuple[str, bytes]:
    """Where it answers, and its security key."""
    from app.configuring import SettingsError, load

    try:
        settings = load(config)
    except SettingsError as error:
        fail(str(error))
    if settings.security.key is not None:
        http = settings.http
        host = f"[{http.host}]" if ":" in http.host else http.host
        return url or f"http://{host}:{http.port}", settings.security.key.get_secret_value().encode()
    if not running.is_demos(data):
        fail(f"no demo keeps its data in {data}, and there is no [security] key: give --config or --data")
    try:
        return url or running.url(data), running.security_key(data).encode()
    except running.NotRunning as error:
        fail(str(error))


def _asked(base: str, key: bytes, body: bytes) -> str:
    address = urlsplit(base)
    if address.scheme != "http" or not address.hostname:
        fail(f"{base} is no address; write it as http://127.0.0.1:8880")
    from app.lines.control import PATH, signed

    connection = HTTPConnection(address.hostname, address.port or 80, timeout=WAIT_S)
    try:
        connection.request("POST", PATH, body, signed(key, body))
        answer = connection.getresponse()
        said = answer.read(REPLY_MAX).decode("utf-8", "replace").strip()
    except (OSError, HTTPException) as error:
        fail(f"nothing answers at {base}: {error}")
    finally:
        connection.close()
    if answer.status != 200:
        fail(said if answer.status == 400 else f"the service refused: {answer.status} {said}")
    return str(json.loads(said)["outcome"])
