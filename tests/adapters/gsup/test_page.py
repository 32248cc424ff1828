"""docs/gsup.md names every setting, and no other."""

from __future__ import annotations

import re
import tomllib
from dataclasses import fields
from pathlib import Path

from adapters.gsup.gateway import Options

PAGE = (Path(__file__).parents[3] / "docs" / "gsup.md").read_text(encoding="utf-8")


def test_the_page_names_every_setting_and_no_other() -> None:
    settings = [line.split("|")[2] for line in PAGE.splitlines() if line.count("|") == 4]
    named = {word for cell in settings for word in re.findall(r"`([a-z][a-z0-9_]+)`", cell)}

    assert named - {"ber", "raw"} == {field.name for field in fields(Options)}


def test_the_settings_of_the_page_make_a_gateway() -> None:
    (written,) = re.findall(r"^```toml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    (gateway,) = tomllib.loads(written)["gateways"]

    assert (
        Options(**{key: value for key, value in gateway.items() if key not in ("name", "kind")}).port == 4222
    )
