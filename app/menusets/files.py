"""Menu files: where they are, and their texts under the names that problems are reported with."""

from __future__ import annotations

from pathlib import Path

import app

SUFFIX = ".yaml"


class NoMenus(Exception):
    """There is nothing to compile; the message says where it was looked for."""


def folder(configured: Path | None) -> Path:
    """The menus' folder: as configured, else the one inside the package, else the one beside it (a clone)."""
    if configured is not None:
        return configured
    package = Path(app.__file__).parent
    inside, beside = package / "menus", package.parent / "menus"
    return inside if inside.is_dir() else _from_here(beside)


def read(path: Path) -> dict[str, str]:
    """The YAML files of a folder (its subfolders hold scenarios), or one file.

    Raises:
        NoMenus: no such folder or file, none in it, or not readable as UTF-8.
    """
    files = sorted(path.glob(f"*{SUFFIX}")) if path.is_dir() else [path]
    texts = {}
    for file in files:
        try:
            texts[str(file)] = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise NoMenus(unread(file, error)) from None
    if not texts:
        raise NoMenus(f"{path}: no {SUFFIX} file there")
    return texts


def unread(path: Path, error: OSError | UnicodeDecodeError) -> str:
    """Why a file can't be read, and what to do where that is known."""
    why = error.strerror if isinstance(error, OSError) else "not valid UTF-8; save it as UTF-8"
    return f"{path}: {why}"


def _from_here(path: Path) -> Path:
    """Short, as an author would write it, where that is possible."""
    try:
        return path.relative_to(Path.cwd())
    except ValueError:
        return path
