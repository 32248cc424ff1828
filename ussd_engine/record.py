"""The stored form of a dialogue: its session with the last reply, for repeats and late requests.

A record outlives its dialogue for the store's TTL: a repeat of the last answer still gets the last screen
(domain.md A21), and a late answer is told that the session is over (F18).
"""

from __future__ import annotations

import hashlib

import msgspec

from ussd_engine.core.session import Session


class Record(msgspec.Struct, array_like=True, kw_only=True):
    """What the session store holds under `{gateway:msisdn}`.

    Attributes:
        menu: version of the menus the dialogue began with, 4 octets.
        dialogue: hash of the gateway's dialogue id, 8 octets; empty where the gateway has none.
        before: the same of the dialogue that this one replaced: its late answers are refused.
        fingerprint: keyed hash of the last request, 8 octets (its text may hold a PIN).
        taken: characters of the accumulated text that have been used, where the gateway sends that; they are
            what `fingerprint` was made of.
        reply: the last screen.
        at: when it was answered, Unix seconds.
        began: when the dialogue began, Unix seconds.
        turns: requests answered.
        session: where the dialogue stands.
    """

    menu: bytes
    dialogue: bytes
    before: bytes
    fingerprint: bytes
    taken: int
    reply: str
    at: float
    began: float
    turns: int
    session: Session


encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Record).decode


def decode(octets: bytes) -> Record | None:
    """Read a stored record; None for one that another release wrote in another form."""
    try:
        return _decode(octets)
    except msgspec.MsgspecError:
        return None


def keyed_hash(key: bytes, text: str) -> bytes:
    """Hash a text to 8 octets under a key, so that a stored hash of a PIN can't be tried out."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8, key=key).digest()
