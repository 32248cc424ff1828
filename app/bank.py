"""The card processor of the settings: the sandbox over our own database, or a bank's switch on a line.

A switch knows each line by its terminal (ISO 8583 field 41), and two lines never share one: each worker has
its own, and commands that need the bank while the service runs have the last.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine

from app import plugins
from app.settings import Bank, Settings
from invoicing import Clock, LateAnswers
from invoicing.ports import CardProcessor

TIYIN = 100
COMMANDS = -1
"""The line of commands: the last terminal."""


class NoLine(Exception):
    """The bank can't be reached as it is configured; the message says what to mend."""


def check(bank: Bank) -> None:
    """See that the processor exists and has what it needs, before anything is opened.

    Raises:
        plugins.UnknownPlugin, NoLine
    """
    if hasattr(plugins.processor(bank.processor), "options_type") and bank.link is None:
        raise NoLine(f'[bank] processor = "{bank.processor}" needs [bank.link]: host, port, terminals, ...')


def terminals(bank: Bank) -> Sequence[str]:
    """The lines that workers may have, by terminal; none where the processor needs none."""
    return () if bank.link is None else bank.link.terminals[:COMMANDS]


@contextmanager
def opened(
    settings: Settings, engine: Engine, key: bytes, late: LateAnswers, clock: Clock, line: int
) -> Iterator[CardProcessor]:
    """Make the processor; a line is up from now to the end.

    Raises:
        NoLine: a switch without `[bank.link]`, or fewer terminals than lines.
    """
    bank = settings.bank
    check(bank)
    kind = plugins.processor(bank.processor)
    if not hasattr(kind, "options_type"):
        gift = {"opening_tiyin": bank.sandbox_balance * TIYIN} if bank.sandbox_balance else {}
        made: CardProcessor = kind(engine, key=key, **gift)
        yield made
        return
    host = _host(kind, bank, late, clock, line)
    host.start()
    try:
        yield host
    finally:
        host.stop()


def _host(kind: Any, bank: Bank, late: LateAnswers, clock: Clock, line: int) -> Any:
    from invoicing.processors.iso8583.link import LinkOptions
    from invoicing.processors.iso8583.processor import HostOptions, StrayAnswer

    link = bank.link
    assert link is not None  # `check` came first
    if line >= len(link.terminals):
        raise NoLine(f"worker {line} has no terminal: [bank.link] terminals needs {line + 2}")

    def stray(answer: StrayAnswer) -> None:
        late.take(answer.rrn, answer.kind.value, answer.outcome)

    tls = ssl.create_default_context() if link.tls else None
    try:
        options = HostOptions(
            link=LinkOptions(link.host, link.port, tls=tls),
            terminal=link.terminals[line],
            acquirer=link.acquirer,
            acceptor=link.acceptor,
            answer_s=link.answer_s,
        )
    except ValueError as error:
        raise NoLine(f"[bank.link] {error}") from None
    return kind(options, clock=clock, on_stray=stray)
