"""Spoilt units by the thousand: `python -m tests.adapters.smpp.fuzz 1000000 [SEED]`."""

from __future__ import annotations

import random
import sys

from adapters.smpp import receipts, ussd, wire
from adapters.smpp.wire import Pdu
from ussd_engine import WireError

BEGIN: dict[str, wire.Field] = {"source_addr": "998901112233", "short_message": b"*880#"}
RECEIPT: dict[str, wire.Field] = {
    "source_addr": "998901112233",
    "esm_class": 4,
    "short_message": b"id:1f sub:001 dlvrd:001 done date:2611240508 stat:DELIVRD err:000",
}
WHOLE = [
    wire.encode(Pdu(wire.DELIVER_SM, 1, 0, BEGIN, {wire.SERVICE_OP: b"\1", wire.SESSION_INFO: b"\1\0"})),
    wire.encode(Pdu(wire.DELIVER_SM, 1, 0, RECEIPT, {wire.MESSAGE_STATE: b"\2", wire.RECEIPTED_ID: b"1f\0"})),
    wire.encode(
        Pdu(wire.DATA_SM, 1, 0, {"source_addr": "880", "data_coding": 8}, {wire.PAYLOAD: bytes(200)})
    ),
    wire.encode(Pdu(wire.BINDS["transceiver"], 1, 0, {"system_id": "ussd", "password": "sesame"})),
    wire.encode(Pdu(wire.SUBMIT_SM | wire.RESPONSE, 1, 0, {"message_id": "1f"})),
]
OPTIONS = [ussd.UssdOptions(profile=name) for name in ("its", "its15", "umr", "plus", "none")]


def fuzz(count: int, seed: int) -> int:
    """Read `count` units, each spoilt in some octets and perhaps cut; whatever is no WireError comes through.

    Returns:
        How many were refused.
    """
    drawn, refused = random.Random(seed), 0
    for _ in range(count):
        try:
            _read(_spoilt(drawn), drawn.choice(OPTIONS))
        except WireError:
            refused += 1
    return refused


def _spoilt(drawn: random.Random) -> bytes:
    octets = bytearray(drawn.choice(WHOLE))
    for _ in range(drawn.randrange(1, 6)):
        octets[drawn.randrange(len(octets))] = drawn.randrange(256)
    if drawn.random() < 0.3:
        octets = octets[: drawn.randrange(len(octets) + 1)]
    if drawn.random() < 0.9:
        octets[:4] = len(octets).to_bytes(4, "big")
    return bytes(octets)


def _read(octets: bytes, options: ussd.UssdOptions) -> None:
    """All that is done with a unit before it is a turn or a report."""
    pdu = wire.decode(octets)
    if pdu.command not in (wire.DELIVER_SM, wire.DATA_SM):
        return
    if receipts.is_receipt(pdu):
        receipt = receipts.read(pdu)
        if receipt is not None:
            receipts.Submitted().match(receipt)
    elif ussd.is_ussd(pdu):
        heard = ussd.read(pdu, options)
        options.family.answer_to(heard.tlvs, last=True)


if __name__ == "__main__":
    count = int(sys.argv[1])
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(1 << 32)
    print(f"{count} spoilt units, seed {seed}: {fuzz(count, seed)} refused, nothing else raised")
