"""S7: looks for card numbers and given secrets in whatever a service has left behind."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

_CARD = re.compile(rb"(?<![0-9A-Za-z])(?:8600|9860)(?:[ -]?[0-9]{4}){3}(?![0-9A-Za-z])")


def card_numbers_in(folder: Path) -> list[str]:
    """Files under `folder` with a Luhn-valid number: logs, journals, databases, write-ahead logs."""
    return [path.name for path in _files(folder) if any(map(_is_card, _CARD.findall(path.read_bytes())))]


def secrets_in(folder: Path, secrets: Iterable[str]) -> list[tuple[str, str]]:
    """(file, secret) wherever a secret stands by itself, no part of a longer number or of a hash."""
    looked_for = [
        (text, re.compile(rb"(?<![0-9A-Za-z])%b(?![0-9A-Za-z])" % text.encode())) for text in secrets
    ]
    return [
        (path.name, text)
        for path in _files(folder)
        for text, pattern in looked_for
        if pattern.search(path.read_bytes())
    ]


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _is_card(found: bytes) -> bool:
    digits = [int(chr(octet)) for octet in found if chr(octet).isdigit()]
    doubled = [digit * (1 + place % 2) for place, digit in enumerate(reversed(digits))]
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0
