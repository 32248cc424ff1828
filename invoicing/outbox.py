"""The relay: takes notices from the outbox to a sender, at least once, each recipient's in order.

A notice is a row of the transaction it tells about; nothing here can lose it. It leaves the queue by being
sent, by a permanent refusal, or by growing older than three days. A crash between sending and marking repeats
one message at most, under the same id: what a relay takes is its own for a while, so that two never send one.
A one-time code goes past the others, is opened only here, and is wiped when it has left the queue.
"""

from __future__ import annotations

import logging
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime, timedelta
from json import loads
from typing import Final

from sqlalchemy import Connection, Engine

from invoicing import notices, receipts
from invoicing.codes import unsealed
from invoicing.limits import Limits
from invoicing.ports import Clock, Notice, Sender, SendLater, SendNever
from invoicing.results import InboxMessage
from invoicing.sms import parts
from invoicing.storage import outbox as storage
from invoicing.storage.connect import StorageError, reading, write
from invoicing.storage.outbox import OutboxRow

log: Final = logging.getLogger(__name__)
_FAILURE_MAX: Final = 120
_PROVIDER_ID_MAX: Final = 120
_HOLD: Final = timedelta(seconds=4)
_HOLD_AGAIN_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Relayed:
    """What one run did."""

    sent: int = 0
    later: int = 0
    failed: int = 0

    def __add__(self, other: Relayed) -> Relayed:
        return Relayed(self.sent + other.sent, self.later + other.later, self.failed + other.failed)


class Relay:
    """Thread-safe. `pepper` is the service's: one-time codes are sealed with a key made from it."""

    def __init__(
        self, engine: Engine, *, clock: Clock, limits: Limits | None = None, pepper: bytes = b""
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._limits = limits or Limits()
        self._pepper = pepper

    def due(self, now: datetime, limit: int) -> tuple[Notice, ...]:
        """Each recipient's oldest unsent notice whose time has come, ready to send."""
        with reading(self._engine) as conn:
            rows = storage.due(conn, now, limit)
        return tuple(notice for row in rows if (notice := self._rendered(row)) is not None)

    def depth(self) -> int:
        """How many notices wait to be sent."""
        with reading(self._engine) as conn:
            return storage.depth(conn)

    def mark_sent(self, notice_id: int, provider_id: str, provider: str = "") -> None:
        """Take the notice out of the queue.

        Args:
            provider_id: the provider's id for it, or those of its parts, joined by commas.
            provider: whose; receipts are waited for where it is given.
        """
        now = self._clock.now()

        def work(conn: Connection) -> None:
            shown = provider_id[:_PROVIDER_ID_MAX]
            if _leave(conn, notice_id, state="sent", sent_at=now, provider_id=shown) and provider:
                receipts.sent(conn, now, provider, [id_ for id_ in provider_id.split(",") if id_], notice_id)

        write(self._engine, work)

    def mark_retry(self, notice_id: int) -> bool:
        """Put the notice off, longer each time; `False` where it is too old now and has failed."""
        now = self._clock.now()
        with reading(self._engine) as conn:
            row = storage.queued(conn, notice_id)
        if row is None:
            return True
        life = self._limits.code_life if row.urgent else self._limits.notice_life
        if now - row.created_at >= life:
            self.mark_failed(notice_id, "not delivered in time")
            return False
        next_at = now + self._pause(row.tries)
        write(self._engine, lambda conn: storage.mark(conn, notice_id, tries=row.tries + 1, next_at=next_at))
        return True

    def mark_failed(self, notice_id: int, why: str) -> None:
        """Take the notice out of the queue for good; those behind it go on."""
        log.error("notice %s failed: %s", notice_id, why)
        failure = why[:_FAILURE_MAX]
        write(self._engine, lambda conn: _leave(conn, notice_id, state="failed", failure=failure))

    def run_once(self, sender: Sender, limit: int = 100) -> Relayed:
        """Send what is due one by one, a notice per recipient; call again while anything was sent."""
        now = self._clock.now()
        if not self._any_due(now):
            return Relayed()
        until = now + self._limits.notice_claim
        rows = write(self._engine, lambda conn: storage.claim(conn, now, until, limit))
        done = Relayed()
        for place, row in enumerate(rows):
            if place and self._clock.now() - now > self._limits.notice_claim / 2:
                left = [
                    one.id for one in rows[place:]
                ]  # a slow provider: what is left may go to another relay
                write(self._engine, lambda conn: storage.release(conn, left, self._clock.now()))  # noqa: B023
                break
            done += self._send(sender, row)
        return done

    def run_side_by_side(self, sender: Sender, at_once: int, limit: int = 1000) -> Relayed:
        """Send what is due to different recipients at the same time, each one's notices in order.

        What is under way is held for a few seconds and held again while it lasts: after a crash of this
        process another relay waits no longer than that. A recipient's next notice goes as soon as the one
        before has left the queue, whoever else is slow.
        """
        if not self._any_due(self._clock.now()):
            return Relayed()
        done, taken, held_at = Relayed(), 0, self._clock.now()
        flying: dict[Future[Relayed], int] = {}
        with ThreadPoolExecutor(at_once, thread_name_prefix="relay") as threads:
            while True:
                # However busily others land meanwhile: a hold that runs out lets a notice be sent twice.
                if flying and self._clock.now() - held_at >= timedelta(seconds=_HOLD_AGAIN_S):
                    held_at = self._clock.now()
                    self._hold([id_ for one, id_ in flying.items() if not one.done()])
                free = min(at_once - len(flying), limit - taken)
                claimed = self._claim(free) if free > 0 else ()
                # A clock that jumped has ended holds of our own.
                rows = [row for row in claimed if row.id not in flying.values()]
                taken += len(rows)
                flying |= {threads.submit(self._send, sender, row): row.id for row in rows}
                if not flying:
                    return done
                landed, _ = wait(flying, _HOLD_AGAIN_S, FIRST_COMPLETED)
                for one in landed:
                    del flying[one]
                    done += one.result()

    def _claim(self, limit: int) -> tuple[OutboxRow, ...]:
        now = self._clock.now()
        if not self._any_due(now):
            return ()
        return write(self._engine, lambda conn: storage.claim(conn, now, now + _HOLD, limit))

    def _hold(self, ids: list[int]) -> None:
        until = self._clock.now() + _HOLD
        try:
            write(self._engine, lambda conn: storage.hold(conn, ids, until))
        except StorageError:  # what is under way goes on; at worst another relay repeats it
            log.exception("what is being sent could not be held")

    def _any_due(self, now: datetime) -> bool:
        """A look that takes no write lock."""
        with reading(self._engine) as conn:
            return bool(storage.due(conn, now, 1))

    def _send(self, sender: Sender, row: OutboxRow) -> Relayed:
        notice = self._rendered(row)
        if notice is None:
            return Relayed()
        try:
            provider_id = sender.send(notice)
        except SendLater:
            put_off = self.mark_retry(notice.id)
            return Relayed(later=int(put_off), failed=int(not put_off))
        except SendNever as error:
            self.mark_failed(notice.id, str(error))
            return Relayed(failed=1)
        self.mark_sent(notice.id, provider_id, getattr(sender, "provider", ""))
        return Relayed(sent=1)

    def _rendered(self, row: OutboxRow) -> Notice | None:
        try:
            params = loads(row.params)
            if "sealed_code" in params:
                params["code"] = unsealed(self._pepper, row.event_id, params["sealed_code"])
                params["minutes"] = str(self._limits.code_minutes)
            text = notices.render(row.template, row.lang, params)
        except (KeyError, ValueError):  # a row of another version of the texts must not stop the others
            self.mark_failed(row.id, f"no text for {row.template} in {row.lang}")
            return None
        return Notice(row.id, row.event_id, row.recipient, row.template, row.lang, text)

    def _pause(self, tries: int) -> timedelta:
        doubled: timedelta = self._limits.notice_retry * 2 ** min(tries, 20)
        return min(doubled, self._limits.notice_retry_max)


def _leave(conn: Connection, notice_id: int, **values: str | int | datetime) -> bool:
    """Out of the queue; with it goes a code, whose time is over. `False`: it had left before."""
    row = storage.queued(conn, notice_id)
    return row is not None and storage.mark(
        conn, notice_id, **values, **({"params": "{}"} if row.urgent else {})
    )


class InboxSender:
    """The demo's SMS provider: keeps each message where the handset can show it."""

    def __init__(self, engine: Engine, *, clock: Clock, sender_name: str = "CLICK") -> None:
        self._engine = engine
        self._clock = clock
        self._sender_name = sender_name

    def send(self, notice: Notice) -> str:
        now = self._clock.now()
        write(
            self._engine,
            lambda conn: storage.put_into_inbox(
                conn,
                notice_id=notice.id,
                at=now,
                msisdn=notice.recipient,
                sender=self._sender_name,
                text=notice.text,
                parts=parts(notice.text),
            ),
        )
        return f"inbox-{notice.id}"

    def inbox(self, msisdn: str) -> tuple[InboxMessage, ...]:
        """What a phone has received, newest last."""
        with reading(self._engine) as conn:
            rows = storage.inbox_of(conn, msisdn)
        return tuple(InboxMessage(row.at, row.sender, row.text, row.parts) for row in rows)
