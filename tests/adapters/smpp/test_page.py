"""docs/smpp.md names every setting, and no other."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

from adapters.smpp.gateway import Options
from adapters.smpp.profiles import PROFILES

PAGE = (Path(__file__).parents[3] / "docs" / "smpp.md").read_text(encoding="utf-8")


def test_the_page_names_every_setting_and_no_other() -> None:
    settings = [line.split("|")[2] for line in PAGE.splitlines() if line.count("|") == 4]
    named = {word for cell in settings for word in re.findall(r"`([a-z][a-z0-9_]+)`", cell)}
    values = {"transceiver", "transmitter", "receiver", "gsm", "latin1", "text", "destination", "submit_sm",
              "data_sm", "udh", "sar", "payload"}  # fmt: skip

    assert named - values == {field.name for field in fields(Options)} - {"in_flight_max"}


def test_the_page_lists_every_profile() -> None:
    assert re.findall(r"^\| `(\w+)` \| [a-z]", PAGE, re.MULTILINE) == list(PROFILES)
