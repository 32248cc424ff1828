"""What tshark, which shares no code with us, reads in our octets."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from struct import pack
from typing import Any

from adapters.smpp import coding, ussd, wire
from adapters.smpp.profiles import PROFILES
from adapters.smpp.wire import Pdu

ENDS = ussd.Ends({"service_type": "USSD", "source_addr": "880", "destination_addr": "998901112233"})
RAW_IP = 101
"""pcap: packets begin with their IP header."""


def dissected(octets: bytes, folder: Path) -> list[dict[str, Any]]:
    """The fields of each unit, as tshark names them."""
    tshark = shutil.which("tshark")
    assert tshark, "apt-get install tshark"
    tcp = pack(">HHLLBBHHH", 40_000, 2775, 1, 1, 0x50, 0x18, 0xFFFF, 0, 0) + octets
    ip = pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 1, 0, 64, 6, 0, b"\x7f\0\0\1", b"\x7f\0\0\1") + tcp
    head = pack("<LHHLLLL", 0xA1B2C3D4, 2, 4, 0, 0, 0xFFFF, RAW_IP)
    capture = folder / "smpp.pcap"
    capture.write_bytes(head + pack("<LLLL", 0, 0, len(ip), len(ip)) + ip)
    command = [tshark, "-r", str(capture), "-d", "tcp.port==2775,smpp", "-T", "json", "--no-duplicate-keys"]
    told = subprocess.run(command, capture_output=True, check=True, timeout=60).stdout
    found = json.loads(told)[0]["_source"]["layers"]["smpp"]
    return found if isinstance(found, list) else [found]


def test_a_bind_is_read_alike(tmp_path: Path) -> None:
    fields: dict[str, wire.Field] = {"system_id": "ussd", "password": "sesame", "interface_version": 0x34}
    (read,) = dissected(wire.encode(Pdu(wire.BINDS["transceiver"], 7, 0, fields)), tmp_path)

    assert read["smpp.command_id"] == "0x00000009"
    assert read["smpp.sequence_number"] == "7"
    assert (read["smpp.system_id"], read["smpp.password"]) == ("ussd", "sesame")


def test_a_screen_is_read_alike_with_its_parameters(tmp_path: Path) -> None:
    named = PROFILES["its"].answer_to({wire.SESSION_INFO: b"\x05\x04"}, last=True)
    pdu = ussd.write("Сумма", op=17, ends=ENDS, named=named, options=ussd.UssdOptions())
    (read,) = dissected(wire.encode(pdu), tmp_path)

    assert read["smpp.command_id"] == "0x00000004"
    assert (read["smpp.source_addr"], read["smpp.destination_addr"]) == ("880", "998901112233")
    assert int(read["smpp.data_coding"], 0) == coding.UCS2
    assert read["smpp.message_text"] == "Сумма"
    told = json.dumps(read)
    assert '"smpp.ussd_service_op": "17"' in told
    assert '"smpp.its_session.number": "5"' in told
    assert '"smpp.its_session.sequence": "0x02"' in told
    assert '"smpp.its_session.ind": "0x01"' in told


def test_parts_of_a_message_and_what_we_answer_are_read_alike(tmp_path: Path) -> None:
    coded = coding.encode("0123456789" * 20)
    parts = coding.parts(coded, "udh", 0x2C)
    octets = b"".join(
        wire.encode(
            Pdu(wire.SUBMIT_SM, number, 0, {"esm_class": part.esm_class, "short_message": part.octets})
        )
        for number, part in enumerate(parts, 1)
    )
    first, second, answered = dissected(octets + wire.answer(Pdu(wire.DELIVER_SM, 9)), tmp_path)

    lengths = [one["smpp.sm_length"] for one in (first, second)]
    assert lengths == [str(len(part.octets)) for part in parts]
    assert answered["smpp.command_id"] == "0x80000005"
    assert answered["smpp.sequence_number"] == "9"
