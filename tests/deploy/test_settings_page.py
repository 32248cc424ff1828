"""docs/settings.md has every key of the settings, with its default, and no other."""

from __future__ import annotations

import dataclasses
import json
import re
import tomllib
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from app.configuring import load
from app.settings import BankLink, Settings
from invoicing.limits import Limits

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "settings.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `(\w+)` \| (.+?) \|", re.MULTILINE)
TABLES: dict[str, type] = {
    name: kind
    for name, field in Settings.model_fields.items()
    if isinstance(kind := field.annotation, type) and (issubclass(kind, BaseModel) or kind is Limits)
} | {"bank.link": BankLink}


def told(table: str) -> dict[str, str]:
    """The keys that the page has under a heading, and their defaults as it writes them."""
    _, _, rest = PAGE.partition(f"\n## [{table}]\n")
    return dict(ROW.findall(rest.partition("\n## ")[0]))


def written(default: object) -> str:
    """A default as the page writes it."""
    if default is None:
        return "none"
    if isinstance(default, timedelta):
        return f"`{default.total_seconds():.0f}`"
    return f"`{json.dumps(list(default) if isinstance(default, tuple) else default)}`"


def default(field: FieldInfo) -> str:
    if field.is_required():
        return "needed"
    return written(field.get_default(call_default_factory=True))


@pytest.mark.parametrize("table", TABLES)
def test_every_key_of_a_table_is_told_with_its_default(table: str) -> None:
    kind = TABLES[table]
    if issubclass(kind, BaseModel):
        assert told(table) == {name: default(field) for name, field in kind.model_fields.items()}
    else:
        assert told(table) == {field.name: written(field.default) for field in dataclasses.fields(Limits)}


def test_no_other_table_is_told() -> None:
    assert set(re.findall(r"^## \[([\w.]+)\]$", PAGE, re.MULTILINE)) == set(TABLES)
    assert set(Settings.model_fields) == {name for name in TABLES if "." not in name} | {"gateways"}


def test_what_is_shown_of_the_environment_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    link = {"host": "h", "port": 1, "terminals": ["1", "2"], "acquirer": "1", "acceptor": "1"}
    shown = dict(re.findall(r"`(USSD_\w+)='?(.+?)'?`", PAGE))
    for name, value in (shown | {"USSD_BANK__LINK": json.dumps(link)}).items():
        monkeypatch.setenv(name, value)
    settings = load()

    assert shown.keys() >= {"USSD_HTTP__PORT", "USSD_HTTP__TRUSTED_PROXIES", "USSD_BANK__LINK"}
    assert (settings.http.port, len(settings.http.trusted_proxies)) == (8881, 1)
    assert settings.bank.link is not None
    assert settings.bank.link.terminals == ("1", "2")


def test_what_is_shown_to_be_written_can_be_read() -> None:
    (headers,) = re.findall(r"`(headers = .+?)` \|", PAGE)

    assert tomllib.loads(headers)["headers"]["weather.example"]
