"""What a request is to the dialogue that is stored: the same again, a beginning, or what goes on from it.

The rules are in docs/decisions/turns.md.
"""

from __future__ import annotations

from hashlib import blake2b

from ussd_engine.ports import Kind, Turn
from ussd_engine.record import Record, keyed_hash

REPEAT_S = 1.0
"""Where a wire has no request id, an equal answer is a repeat only this soon (`1`, `1` is a path)."""


class Fingerprints:
    """Keyed hashes of requests: their texts may hold a PIN, and nobody without the key can try one out."""

    def __init__(self, key: bytes) -> None:
        """Take the workers' common secret."""
        self._key = blake2b(key, digest_size=32, person=b"fingerprints").digest()

    def identity(self, turn: Turn) -> bytes:
        """Hash what makes a request this request."""
        if turn.accumulated is not None:
            return self._of(turn.dialogue, turn.accumulated)
        asked = f"{turn.kind.value}:{turn.request_id or turn.text}"
        return keyed_hash(self._key, f"{len(turn.dialogue)}:{turn.dialogue}{asked}")

    def _of(self, dialogue: str, accumulated: str) -> bytes:
        """Hash a request by all that was typed: proof of a repeat, and that a longer text goes on from it."""
        return keyed_hash(self._key, f"{len(dialogue)}:{dialogue}:{accumulated}")

    def answer(self, turn: Turn, record: Record) -> str | None:
        """Return what was typed now; None when the accumulated text does not go on from what was taken.

        Where nothing was taken and the text begins with a star, the first answer was empty: that request
        equalled the one that began the dialogue, and got its screen.
        """
        if turn.accumulated is None:
            return turn.text
        taken = turn.accumulated[: record.taken]
        if len(taken) < record.taken:
            return None
        if taken and self._of(turn.dialogue, taken) != record.fingerprint:
            return None
        rest = turn.accumulated[record.taken :]
        if rest.startswith("*"):
            return rest[1:]
        return rest if not taken else None

    def name(self, turn: Turn, record: Record) -> bytes:
        """Name a dialogue for the journal; without the key nobody can try phones out on it."""
        what = f"{turn.gateway} {turn.msisdn} {record.began!r} {record.dialogue.hex()}"
        return blake2b(what.encode(), digest_size=8, key=self._key).digest()


def repeats(turn: Turn, record: Record, identity: bytes, now: float) -> bool:
    """Tell whether a request of this dialogue is the one that was answered last."""
    if record.fingerprint != identity:
        return False
    has_identity = bool(turn.request_id) or turn.accumulated is not None
    if has_identity or (turn.kind is Kind.BEGIN and turn.dialogue):
        return True
    return abs(now - record.at) <= REPEAT_S  # the clock may have been set, or be another machine's


def may_begin(turn: Turn, record: Record | None, dialogue: bytes) -> bool:
    """Tell whether a request may begin a dialogue; `record`: what is stored of the subscriber's last one."""
    if turn.kind is Kind.BEGIN:
        return True
    if not turn.may_begin:
        return False
    if record is None:
        return True
    if dialogue in (record.dialogue, record.before):
        return False
    # An answer of another dialogue must not end the open one (domain.md S2); a dialled string may.
    return record.session.ended or (turn.accumulated or "").startswith("*")
