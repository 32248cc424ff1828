"""A page of memory that all workers share: the one with the lines writes, whoever is asked reads."""

from __future__ import annotations

import json
import mmap
import struct
from typing import Any, Final
from zlib import crc32

_HEAD: Final = struct.Struct(">II")
READS_MAX: Final = 5
"""Once more, where a read met a write."""
OCTETS: Final = 64 * 1024


class Board:
    """Made before the workers are; each of them has it then."""

    def __init__(self, octets: int = OCTETS) -> None:
        self._page = mmap.mmap(-1, octets)

    def write(self, told: object) -> bool:
        """Put this in the place of what was there; False where it is too long, and nothing is done."""
        body = json.dumps(told, separators=(",", ":")).encode()
        if _HEAD.size + len(body) > len(self._page):
            return False
        self._page[_HEAD.size : _HEAD.size + len(body)] = body
        self._page[: _HEAD.size] = _HEAD.pack(len(body), crc32(body))
        return True

    def read(self) -> Any:
        """What was written last; None before the first time."""
        for _ in range(READS_MAX):
            length, check = _HEAD.unpack(self._page[: _HEAD.size])
            body = self._page[_HEAD.size : _HEAD.size + length]
            if length and crc32(body) == check:
                return json.loads(body)
        return None
