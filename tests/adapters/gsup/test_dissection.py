"""What tshark, which shares no code with us, reads in our octets: GSUP, MAP's component in it, the text.

Its dissection is recorded in `recorded.json`, so that a change of ours and one of tshark's are told apart:

    python -m tests.adapters.gsup.test_dissection        records it anew
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from struct import pack

from adapters.gsup import component, wire
from adapters.gsup.component import Invoke, Result
from adapters.gsup.wire import Message, Procedure, State

RECORDED = Path(__file__).with_name("recorded.json")
IMSI = "901700000000001"
FIELDS = (
    "gsup.msg_type", "e212.imsi", "gsup.session_id", "gsup.session_state", "gsm_old.invokeID",
    "gsm_old.localValue", "gsm_map.ss.ussd_DataCodingScheme", "gsm_map.ss.ussd_String", "gsm_map.ussd_string",
)  # fmt: skip
TEXTS = (
    "1", "*880#", "Kiosk [1]\n1.Bill", "1234567", "12345678", "@@@@@@@", "€^{}\\[~]|", "Ünlü ¿Ñ? Δ_ΦΓΛΩΠΨΣΘΞ",
    "x" * 126, "Сумма счёта", "Ўзбекча", "№1001 50 000 сум",
)  # fmt: skip
"""Whole octets and every rest of bits, the alphabet's ends and its extension, the most that fits, UCS-2."""


def written() -> Iterator[bytes]:
    """Screens, last screens, and what a phone types, as we write them."""
    for number, text in enumerate(TEXTS):
        coded = component.coded(text, 112)
        for procedure, state, said in (
            (Procedure.REQUEST, State.CONTINUE, Invoke(2, component.ASK, coded)),
            (Procedure.RESULT, State.END, Result(1, component.PROCESS, coded)),
            (Procedure.REQUEST, State.BEGIN, Invoke(1, component.PROCESS, coded)),
        ):
            octets = component.encode(said, "ber")
            yield wire.encode(Message(procedure, IMSI, 0x20000000 + number, state, octets))


def read() -> list[dict[str, str]]:
    """What we read in them."""
    found = []
    for octets in written():
        (one,) = wire.Frames().feed(octets)
        message = wire.decode(one.payload[1:])
        assert message is not None
        said = component.decode(message.component)
        assert isinstance(said, Invoke | Result)
        assert said.text is not None
        found.append(
            {
                "gsup.msg_type": str(int(message.procedure)),
                "e212.imsi": message.imsi,
                "gsup.session_id": f"0x{message.session:08x}",
                "gsup.session_state": str(int(message.state)),
                "gsm_old.invokeID": str(said.id),
                "gsm_old.localValue": str(said.operation),
                "gsm_map.ss.ussd_DataCodingScheme": f"{said.text.dcs:02x}",
                "gsm_map.ss.ussd_String": said.text.octets.hex(),
                "gsm_map.ussd_string": component.plain(said.text),
            }
        )
    return found


def dissected(folder: Path) -> list[dict[str, str]]:
    """What tshark reads in them, now."""
    tshark = shutil.which("tshark")
    assert tshark, "apt-get install tshark"
    capture = folder / "gsup.pcap"
    packets, sent = b"", 1
    for octets in written():
        packets += packet(octets, sent)
        sent += len(octets)
    capture.write_bytes(
        pack("<LHHLLLL", 0xA1B2C3D4, 2, 4, 0, 0, 0xFFFF, 101) + packets
    )  # begin with the IP head
    command = [tshark, "-r", str(capture), "-d", "tcp.port==4222,gsm_ipa", "-T", "json"]
    for name in FIELDS:
        command += ["-e", name]
    told = subprocess.run(command, capture_output=True, check=True, timeout=60).stdout
    found = [{name: one["_source"]["layers"][name][0] for name in FIELDS} for one in json.loads(told)]
    for one in found:  # it shows the CR that fills seven spare bits (TS 23.038 §6.1.2.3)
        one["gsm_map.ussd_string"] = one["gsm_map.ussd_string"].removesuffix("\r")
    return found


def packet(octets: bytes, sequence: int) -> bytes:
    tcp = pack(">HHLLBBHHH", 40_000, 4222, sequence, 1, 0x50, 0x18, 0xFFFF, 0, 0) + octets
    ip = pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 1, 0, 64, 6, 0, b"\x7f\0\0\1", b"\x7f\0\0\1") + tcp
    return pack("<LLLL", 0, 0, len(ip), len(ip)) + ip


def test_we_read_what_tshark_was_recorded_to_read() -> None:
    recorded = json.loads(RECORDED.read_text(encoding="utf-8"))

    assert [one["octets"] for one in recorded] == [octets.hex() for octets in written()]
    assert [one["read"] for one in recorded] == read()


def test_tshark_still_reads_it_so(tmp_path: Path) -> None:
    recorded = json.loads(RECORDED.read_text(encoding="utf-8"))

    assert dissected(tmp_path) == [one["read"] for one in recorded]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        pairs = zip(written(), dissected(Path(made)), strict=True)
        recording = [{"octets": octets.hex(), "read": told} for octets, told in pairs]
    RECORDED.write_text(json.dumps(recording, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
