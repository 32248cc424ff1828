"""The mandatory fields of each unit, from smpplib's classes: what follows what, and how long it may be.

Source: SMPP 3.4 §4 (layouts), §5.1.2 (commands).
"""

from __future__ import annotations

from collections.abc import Mapping
from struct import Struct
from typing import Any, Final, NamedTuple

from smpplib import command
from smpplib.command_codes import commands
from smpplib.consts import INT_PACK_FORMATS, OPTIONAL_PARAMS

IDS: Final[Mapping[str, int]] = commands
"""`command_id` by smpplib's name."""


class Numbers(NamedTuple):
    """Integers that follow each other."""

    names: tuple[str, ...]
    packed: Struct


class Text(NamedTuple):
    """A C-octet string; `octets_max` counts its NUL."""

    name: str
    octets_max: int


class Message(NamedTuple):
    """`sm_length` and `short_message`."""


Step = Numbers | Text | Message


def _layout(described: Any) -> tuple[Step, ...]:
    """The mandatory fields of one of smpplib's classes, integers taken together."""
    steps: list[Step] = []
    names: list[str] = []

    def flush() -> None:
        if names:
            formats = "".join(INT_PACK_FORMATS[described.params[name].size] for name in names)
            steps.append(Numbers(tuple(names), Struct(f">{formats}")))
            names.clear()

    for name in described.params_order:
        if name in OPTIONAL_PARAMS or name == "sm_length":
            continue
        param = described.params[name]
        if param.type is int:
            names.append(name)
            continue
        flush()
        steps.append(Message() if name == "short_message" else Text(name, param.max))
    flush()
    return tuple(steps)


LAYOUTS: Final[Mapping[int, tuple[Step, ...]]] = {
    IDS[name]: _layout(described)
    for name, described in {
        "bind_receiver": command.BindReceiver,
        "bind_receiver_resp": command.BindReceiverResp,
        "bind_transmitter": command.BindTransmitter,
        "bind_transmitter_resp": command.BindTransmitterResp,
        "bind_transceiver": command.BindTransceiver,
        "bind_transceiver_resp": command.BindTransceiverResp,
        "submit_sm": command.SubmitSM,
        "submit_sm_resp": command.SubmitSMResp,
        "deliver_sm": command.DeliverSM,
        "deliver_sm_resp": command.DeliverSMResp,
        "data_sm": command.DataSM,
        "data_sm_resp": command.DataSMResp,
        "alert_notification": command.AlertNotification,
    }.items()
} | {IDS[name]: () for name in ("enquire_link", "enquire_link_resp", "unbind", "unbind_resp", "generic_nack")}
