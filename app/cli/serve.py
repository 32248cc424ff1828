"""`ussd demo` and `ussd serve`."""

from __future__ import annotations

import logging
import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from app.cli import handset
from app.cli.fail import fail

if TYPE_CHECKING:
    from app.planning import Plan
    from app.serving.heir import Heir
    from app.serving.process import Running
    from app.serving.supervisor import Supervisor
    from app.settings import Settings

log = logging.getLogger(__name__)

DEMO_PHONE = "998901112233"
_LOG = "ussd.log"
_METRICS = "PROMETHEUS_MULTIPROC_DIR"

Config = Annotated[
    Path | None, typer.Option(help="Settings file (TOML); else ussd.toml of this folder, if there is one")
]


def add_to(main: typer.Typer) -> None:
    """Name the commands."""
    main.command("demo")(demo)
    main.command("serve")(serve)


def demo(
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="0 takes any; else 8880")] = None,
    data: Annotated[Path, typer.Option(help="Folder that holds everything the demo writes")] = Path(".data"),
    fresh: Annotated[bool, typer.Option("--fresh", help="Empty the data folder first")] = False,
    headless: Annotated[bool, typer.Option("--headless", help="No handset, even on a terminal")] = False,
    plain: Annotated[bool, typer.Option("--plain", help="A handset of lines, even on a screen")] = False,
    config: Config = None,
    menus: Annotated[Path | None, typer.Option(help="Menus instead of the configured ones")] = None,
    until_eof: Annotated[bool, typer.Option("--until-eof", hidden=True)] = False,
) -> None:
    """Run the demo: sessions in memory, SQLite, a sandbox bank and an SMS inbox, on this machine only."""
    if not (headless or plain) and handset.on_terminal():
        _demo_and_handset(port, data, fresh, config, menus)
        return
    from app import planning
    from app.handset import running
    from app.serving import process
    from app.watching import logs

    settings = _settings(config, planning.DEMO_TABLES, port, menus)
    interactive = sys.stdin.isatty() and not headless
    try:
        with running.hold(data, fresh=fresh), _log_stream(data, interactive or until_eof) as stream:
            logs.configure(settings.log.level, stream)
            plan = planning.prepare(settings, data, running.security_key(data), demo=True)
            (listener,) = process.listen(settings.http.host, settings.http.port)

            def ready(server: Running) -> None:
                running.announce(data, server.url)
                _say_ready(server.url)
                if interactive:
                    threading.Thread(target=_handset, args=(server,), daemon=True).start()
                elif until_eof:
                    threading.Thread(target=_outlive_nobody, args=(server,), daemon=True).start()

            process.run(plan, listener, ready)
    except running.FolderTaken as error:
        fail(str(error))
    except process.PortTaken as error:
        fail(f"{error}; give another port with --port, or 0 for any")
    except planning.CannotStart as error:
        fail(str(error))


def serve(
    config: Config = None,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes that share the port")] = 1,
    data: Annotated[Path, typer.Option(help="Folder of the SQLite database, where that is used")] = Path(
        "data"
    ),
    reload: Annotated[bool, typer.Option("--reload", help="Take changed menu files at once")] = False,
    trial: Annotated[bool, typer.Option("--trial", hidden=True)] = False,
) -> None:
    """Run the service. SIGTERM ends it, SIGHUP reads the menus again, SIGUSR2 is a rolling restart."""
    from app.serving.heir import Heir

    heir = Heir.found()
    with _shared_metrics(workers > 1, heir):
        if trial:
            _plan(config, workers, data, reload=reload)
        else:
            _supervisor(config, workers, data, reload=reload, heir=heir).run()


def _supervisor(
    config: Path | None, workers: int, data: Path, *, reload: bool, heir: Heir | None
) -> Supervisor:
    from app.serving import process
    from app.serving.supervisor import Supervisor, worker_of
    from app.watching import logs

    try:
        plan, terminals = _plan(config, workers, data, reload=reload)
    except Exception as error:
        if heir is None:
            raise
        # Its trial has just gone well, so what is wrong may pass: the workers that there are go on.
        logs.configure("info", sys.stderr)
        told = isinstance(error, typer.Exit)
        log.error("the new program can't be used; the old workers go on", exc_info=not told)
        return Supervisor(None, heir.listeners, (), _say_ready, heir)
    if heir is not None:
        return Supervisor(worker_of(plan), heir.listeners, terminals, lambda _url: None, heir)
    try:
        listeners = process.listen(plan.settings.http.host, plan.settings.http.port, workers)
    except process.PortTaken as error:
        fail(f"{error}; set another [http] port, or USSD_HTTP__PORT")
    return Supervisor(worker_of(plan), listeners, terminals, _say_ready)


def _plan(config: Path | None, workers: int, data: Path, *, reload: bool) -> tuple[Plan, Sequence[str]]:
    """All that can be checked before the port is opened, and the bank's terminals for workers."""
    from app import bank, planning
    from app.handset import running
    from app.watching import logs

    settings = _settings(config, {"menus": {"reload": True}} if reload else {}, None)
    logs.configure(settings.log.level, sys.stderr)
    key = settings.security.key
    if key is None:
        fail("[security] key is not set: put a long random text there, or into USSD_SECURITY__KEY")
    if workers > 1 and settings.redis.url is None:
        fail("more than one worker needs a [redis] url, where they share the dialogues; or run --workers 1")
    terminals = bank.terminals(settings.bank)
    if terminals and workers > len(terminals):
        fail(f"{workers} workers need {workers + 1} [bank.link] terminals, there are {len(terminals) + 1}")
    if settings.database.url is None and running.is_demos(data):
        fail(f"{data} is a demo's folder, with people anybody can pay as; give another --data")
    _warn_of_stand_ins(settings)
    try:
        return planning.prepare(settings, data, key.get_secret_value(), demo=False), terminals
    except planning.CannotStart as error:
        fail(str(error))


def _warn_of_stand_ins(settings: Settings) -> None:
    """What stands in for a bank and a centre serves a trial well; a service must not run on it unawares."""
    if settings.bank.processor == "sandbox":
        log.warning("[bank] processor is the sandbox: its cards are made up, and no bank's money moves")
    if settings.sms.sender == "inbox":
        log.warning("[sms] sender is the inbox: no SMS reaches a phone")


def _settings(
    config: Path | None, tables: Mapping[str, object], port: int | None, menus: Path | None = None
) -> Settings:
    from app.cli import config as config_of
    from app.configuring import SettingsError, load

    try:
        settings = load(config or config_of.in_this_folder(), defaults=tables)
    except SettingsError as error:
        fail(str(error))
    config_of.use_actions(settings)
    if port is not None:
        settings = settings.model_copy(update={"http": settings.http.model_copy(update={"port": port})})
    if menus is not None:
        settings = settings.model_copy(update={"menus": settings.menus.model_copy(update={"path": menus})})
    exposed = [gateway.name for gateway in settings.gateways.values() if gateway.open]
    if exposed and not settings.http.loopback:
        fail(
            f"gateway '{exposed[0]}' asks nothing of its callers, and {settings.http.host} is not only this"
            " machine: give it a secret or an allow list, or listen on 127.0.0.1"
        )
    return settings


def _say_ready(url: str) -> None:
    print(f"ready {url}", flush=True)


def _demo_and_handset(
    port: int | None, data: Path, fresh: bool, config: Path | None, menus: Path | None
) -> None:
    """The demo in a process of its own, so that its work never holds up the screen, and the handset on it."""
    from app.handset.child import DemoProcess, NotStarted

    options = ["--data", str(data), *(["--fresh"] if fresh else [])]
    options += ["--port", str(port)] if port is not None else []
    options += ["--config", str(config)] if config is not None else []
    options += ["--menus", str(menus)] if menus is not None else []
    demo = DemoProcess(options)
    try:
        url = demo.url()
        _say_ready(url)
        handset.draw_on(url)
    except NotStarted as error:
        fail(str(error))
    finally:
        demo.stop()


def _outlive_nobody(server: Running) -> None:
    """Leave when whoever started this has: its end of stdin closes, even when it is killed."""
    while sys.stdin.buffer.read(4096):
        pass
    server.stop()


def _handset(server: Running) -> None:
    from simulator import plain
    from simulator.phone import Server

    try:
        plain.run(Server.at(server.url), DEMO_PHONE, sys.stdin, print)
    finally:
        server.stop()


@contextmanager
def _log_stream(data: Path, interactive: bool) -> Iterator[TextIO]:
    """stderr, or a file where log lines would run through the handset's screens."""
    if not interactive:
        yield sys.stderr
        return
    with (data / _LOG).open("a", encoding="utf-8") as stream:
        yield stream


@contextmanager
def _shared_metrics(several: bool, heir: Heir | None) -> Iterator[None]:
    """Workers add their figures up in files; prometheus-client reads where when it is imported."""
    if not several:
        yield
        return
    if heir is None:
        os.environ[_METRICS] = tempfile.mkdtemp(prefix="ussd-metrics-")
    folder = os.environ[_METRICS]
    try:
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)
