"""The demo's data folder: whose it is, whether a demo runs on it, and where that one answers."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

RUNNING = "running"
KEY = "key"
_LOCK = "lock"


class NotRunning(Exception):
    """No demo answers on this folder."""


class FolderTaken(Exception):
    """The folder can't be used; the message says why."""


def url(folder: Path) -> str:
    """Where the demo on `folder` answers.

    Raises:
        NotRunning: none has left its address there.
    """
    try:
        left = json.loads((folder / RUNNING).read_text(encoding="utf-8"))
        os.kill(left["pid"], 0)
        return str(left["url"])
    except (OSError, ValueError, KeyError, TypeError):
        # A demo that was killed leaves its address behind; its process is gone.
        raise NotRunning(f"no demo runs on {folder}: start one with `make run`, or give --url") from None


@contextmanager
def hold(folder: Path, *, fresh: bool) -> Iterator[None]:
    """Own `folder` until the end of the block; the system lets go of it if this process is killed.

    Args:
        fresh: empty it first. Only a folder that a demo has made is emptied.

    Raises:
        FolderTaken: another demo runs on it, it can't be written, or it is not a demo's.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        ours = (folder / _LOCK).exists() or not any(folder.iterdir())
        if fresh and not ours:
            raise FolderTaken(f"{folder} was not made by a demo; --fresh would delete what is in it")
        lock = (folder / _LOCK).open("a", encoding="utf-8")
    except OSError as error:
        raise FolderTaken(f"{folder} can't be used: {error.strerror}") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise FolderTaken(f"another demo runs on {folder}; end it, or give another --data") from None
        if fresh:
            _empty(folder)
        try:
            yield
        finally:
            (folder / RUNNING).unlink(missing_ok=True)


def announce(folder: Path, address: str) -> None:
    """Leave the address for `ussd dial`; whole or not at all."""
    part = folder / f"{RUNNING}.part"
    part.write_text(json.dumps({"url": address, "pid": os.getpid()}), encoding="utf-8")
    part.replace(folder / RUNNING)


def security_key(folder: Path) -> str:
    """The demo's own key, made once and kept: PINs stay right after a restart."""
    path = folder / KEY
    try:
        return path.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        made = secrets.token_hex(32)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = folder / f"{KEY}.part"
        part.touch(mode=0o600)
        part.write_text(made, encoding="utf-8")
        part.replace(path)
        return made


def is_demos(folder: Path) -> bool:
    """Whether a demo keeps its data there."""
    return (folder / KEY).exists()


def _empty(folder: Path) -> None:
    for entry in folder.iterdir():
        if entry.name == _LOCK:
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
