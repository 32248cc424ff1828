"""How far a proof has come: kept in a file, and worth nothing once the source is another."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
_ABOUT: Final = ("invoicing", "tests/simulation", "tests/kills", "tests/peers")


class Progress:
    """`done` counts what has passed with this very source."""

    def __init__(self, name: str) -> None:
        self._path = ROOT / ".proof" / f"{name}.json"
        self._source = _source_digest()
        kept = json.loads(self._path.read_text(encoding="utf-8")) if self._path.exists() else {}
        self.done: int = kept["done"] if kept.get("source") == self._source else 0

    def add(self, count: int) -> None:
        self.done += count
        self._path.parent.mkdir(exist_ok=True)
        text = json.dumps({"source": self._source, "done": self.done})
        self._path.write_text(text, encoding="utf-8")


def _source_digest() -> str:
    """Of everything that a proof is about, to the letter."""
    digest = hashlib.sha256()
    for folder in _ABOUT:
        for path in sorted((ROOT / folder).rglob("*.py")):
            digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()
