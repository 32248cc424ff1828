"""Who is measured: this project, two limits, and peers from their registries in throw-away environments."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PEERS = Path(__file__).resolve().parent / "peers"
INSTALL_MAX_S = 300
SERVE = ("--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning")


@dataclass(frozen=True)
class Contestant:
    """A server: its command and environment (`{port}` and `{redis}`, a URL, are filled in), where it answers,
    and how it is spoken to.

    `pinned`: it has one core for itself, and driver and Redis another; else all share all.
    """

    name: str
    command: tuple[str, ...]
    path: str = "/ussd"
    dialect: str = "form"
    environment: dict[str, str] = field(default_factory=dict)
    pinned: bool = True


OURS = Contestant("ours", (sys.executable, "-m", "app.benchmenu", "--port", "{port}"), "/gateways/bench")
LIMITS = tuple(
    Contestant(
        f"{mode}+uvloop",
        (sys.executable, "-m", "bench.limits", mode, "--port", "{port}"),
        dialect="constant",
    )
    for mode in ("redis", "cas")
)


def peers(folder: Path) -> Iterator[Contestant]:
    """Install each peer into `folder`; one that can't be had is left out, and why is printed."""
    for install in (_cardisk, _mobilex, _builders):
        try:
            yield from install(folder)
        except (OSError, subprocess.SubprocessError) as error:
            said = getattr(error, "stderr", None) or str(error)
            print(f"left out {install.__name__.strip('_')}: {said.strip().splitlines()[-1]}")


def _cardisk(folder: Path) -> Iterator[Contestant]:
    python = _environment(folder / "cardisk", "cardisk", "redis", "hiredis", "uvicorn", "uvloop", "httptools")
    command = (
        python,
        "-m",
        "uvicorn",
        "cardisk_app:asgi",
        "--app-dir",
        str(PEERS),
        "--port",
        "{port}",
        *SERVE,
    )
    name = f"cardisk {_version(python, 'cardisk')}"
    yield Contestant(f"{name}, in memory", command, "/", "xml")
    on_redis = {"CARDISK_USE_REDIS": "1", "CARDISK_REDIS_URL": "{redis}"}
    yield Contestant(f"{name}, on Redis", command, "/", "xml", on_redis)


def _mobilex(folder: Path) -> Iterator[Contestant]:
    python = _environment(folder / "mobilex", "mobilex", "aiohttp", "hiredis")
    command = (python, str(PEERS / "mobilex_app.py"), "{port}")
    yield Contestant(f"mobilex {_version(python, 'mobilex')}", command)


def _builders(folder: Path) -> Iterator[Contestant]:
    home = folder / "node"
    home.mkdir()
    packages = ("ussd-menu-builder", "ussd-builder", "express", "ioredis")
    npm = shutil.which("npm") or "npm"
    _run(npm, "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(home), *packages)
    node, modules = shutil.which("node") or "node", home / "node_modules"
    for package in packages[:2]:
        manifest = f"console.log(require('{modules / package}/package.json').version)"
        version = _run(node, "-e", manifest).strip()
        environment = {"NODE_PATH": str(modules), "NODE_ENV": "production", "PACKAGE": package}
        command = (node, str(PEERS / "builder_app.js"), "{port}")
        yield Contestant(f"{package} {version}", command, environment=environment)


def _environment(folder: Path, *packages: str) -> str:
    _run(sys.executable, "-m", "venv", "--without-pip", str(folder))
    python = str(folder / "bin" / "python")
    uv = Path(sys.executable).with_name("uv")
    _run(str(uv), "pip", "install", "--quiet", "--python", python, *packages)
    return python


def _version(python: str, package: str) -> str:
    return _run(python, "-c", f"from importlib.metadata import version; print(version('{package}'))").strip()


def _run(*command: str) -> str:
    done = subprocess.run(  # noqa: S603 - our own commands
        command, capture_output=True, text=True, check=True, timeout=INSTALL_MAX_S, env=dict(os.environ)
    )
    return done.stdout
