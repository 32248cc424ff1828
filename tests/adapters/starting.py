"""What settings come to at a start, without a process for each: `ussd demo` takes these two steps first."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.configuring import SettingsError, load
from app.planning import DEMO_TABLES, CannotStart, prepare


def refusal(settings: str, folder: Path) -> str:
    """Why `ussd demo` would not start with a settings file of this text."""
    file = folder / "ussd.toml"
    file.write_text(settings, encoding="utf-8")
    with pytest.raises((SettingsError, CannotStart)) as refused:
        prepare(load(file, defaults=DEMO_TABLES), folder, "key of the tests", demo=True)
    return str(refused.value)
