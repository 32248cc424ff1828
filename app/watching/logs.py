"""Structured logs: one JSON object a line on stderr, phones masked, card numbers gone.

Answers, dialled strings, PINs and codes are never handed to a logger; the masks here are the second line of
defence, and cover what libraries write and what tracebacks quote.
"""

from __future__ import annotations

import logging
import logging.config
import re
from collections.abc import Mapping
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

CARD = "[card]"
NUMBER = "[number]"
_DIGITS = re.compile(
    r"(?<![0-9])(?:"
    r"[0-9]{4}([ -])[0-9]{4}\1[0-9]{4}\1[0-9]{1,7}"  # a card number in groups
    r"|\+?998[ -][0-9]{2}[ -]?[0-9]{3}[ -]?[0-9]{2}[ -]?[0-9]{2}"  # a phone as people write it
    r"|[0-9]{9,}"
    r")(?![0-9])"
)
_PAN_MIN, _PAN_MAX = 13, 19
_MSISDN_MAX = 15


def configure(level: str, stream: TextIO) -> None:
    """Send everything, the standard library's loggers included, to `stream`."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        mask,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.JSONRenderer(ensure_ascii=False, default=str),
        ],
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # At DEBUG a trigger of the machine costs ten times as much, and SQL text would carry values.
    logging.getLogger("transitions").setLevel(logging.WARNING)
    logging.getLogger("sqlalchemy").setLevel(logging.WARNING)
    for library in ("asyncio", "alembic"):
        logging.getLogger(library).setLevel(logging.WARNING)


def mask(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Mask every text in `event`, at any depth, but the time stamp."""
    return {key: value if key == "timestamp" else masked(value) for key, value in event.items()}


def masked(value: Any) -> Any:
    """`value` with phones as `99890***4567` and card numbers as `[card]`, at any depth."""
    if isinstance(value, str):
        return _DIGITS.sub(_hidden, value)
    if isinstance(value, Mapping):
        return {key: masked(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [masked(inner) for inner in value]
    if isinstance(value, int) and value >= 10**12 and _is_pan(str(value)):
        return CARD
    return value


def _hidden(found: re.Match[str]) -> str:
    text = found.group()
    digits = re.sub(r"[^0-9]", "", text, flags=re.ASCII)
    if _is_pan(digits):
        return CARD
    if len(digits) > _MSISDN_MAX:
        return NUMBER
    return f"{digits[: len(digits) - 7]}***{digits[-4:]}"


def _is_pan(digits: str) -> bool:
    """13 to 19 digits with a right check digit (ISO/IEC 7812-1 annex B, Luhn)."""
    if not _PAN_MIN <= len(digits) <= _PAN_MAX:
        return False
    total = 0
    for place, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (1 + place % 2)
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 == 0
