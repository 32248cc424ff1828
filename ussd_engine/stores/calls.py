"""Reads and compare-and-sets on their way to Redis, and what they are on the wire.

One dialogue is one plain string: eight random octets of version, then the record.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from hiredis import pack_command

from ussd_engine.core.errors import StoreError

# Compare-and-set for each key in turn: 1 written, 0 lost, or the text of the error that this one key met.
# EVAL, not EVALSHA: nothing to load again after a restart.
_COMPARE_AND_SET: Final = b"""
local outcomes = {}
for i, key in ipairs(KEYS) do
  local held = redis.pcall('GETRANGE', key, 0, 7)
  if type(held) == 'table' then
    outcomes[i] = held.err
  elseif held ~= ARGV[3 * i - 2] then
    outcomes[i] = 0
  else
    local done = redis.pcall('SET', key, ARGV[3 * i - 1], 'PX', ARGV[3 * i])
    outcomes[i] = done.err or 1
  end
end
return outcomes
"""


@dataclass(slots=True, eq=False)
class Load:
    """A read. `give_up_at`: when it has taken too long, by the loop's clock."""

    key: str
    answer: asyncio.Future[Any]
    give_up_at: float

    def fail(self, message: str, *, retryable: bool) -> None:
        """Tell the caller, unless it has gone."""
        if not self.answer.done():
            self.answer.set_exception(StoreError(message, retryable=retryable))


@dataclass(slots=True, eq=False)
class Save(Load):
    """A compare-and-set: what to expect, what to write, and for how many milliseconds."""

    arguments: tuple[bytes, bytes, int]


def pack_loads(calls: Sequence[Load]) -> bytes:
    """One MGET; its reply has an item for each call."""
    return pack("MGET", *[call.key for call in calls])


def pack_saves(calls: Sequence[Load]) -> bytes:
    """One EVAL; its reply has an item for each call."""
    keys = [call.key for call in calls]
    arguments = [argument for call in calls if isinstance(call, Save) for argument in call.arguments]
    return pack("EVAL", _COMPARE_AND_SET, len(keys), *keys, *arguments)


def pack(*command: str | bytes | int) -> bytes:
    """One command as RESP; in C, where redis-py's asynchronous connection packs each argument in Python."""
    packed: bytes = pack_command(command)  # type: ignore[arg-type]  # its stub knows only tuples of one
    return packed
