"""docs/operating.md names what is there: files, commands, alerts, columns."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from app.watching import cdr
from tests.served import run_ussd

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")


def test_every_file_that_is_named_exists() -> None:
    named = set(re.findall(r"`((?:deploy|docs|bench)/[\w./-]+)`", PAGE))

    assert len(named) >= 6
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


def test_every_alert_that_is_named_exists() -> None:
    groups = yaml.safe_load((ROOT / "deploy/prometheus/alerts.yml").read_text(encoding="utf-8"))["groups"]
    alerts = {rule["alert"] for group in groups for rule in group["rules"]}
    named = {
        name for name in re.findall(r"`([A-Z][a-z]+[A-Z]\w+)`", PAGE) if not name.startswith("CHANGELOG")
    }

    assert named
    assert named <= alerts


def test_every_option_that_is_named_is_one_of_the_commands() -> None:
    for command in ("cdr export", "audit verify", "db upgrade", "serve"):
        told = run_ussd(*command.split(), "--help").stdout
        for line in re.findall(rf"ussd {command}([^`\n#]*)", PAGE):
            assert set(re.findall(r"--[a-z]+", line)) <= set(re.findall(r"--[a-z]+", told)), line


def test_every_column_of_a_record_is_explained() -> None:
    explained = set(
        re.findall(r"`([a-z_]+)`", PAGE[PAGE.index("| column |") : PAGE.index("With several engines")])
    )

    assert set(cdr.COLUMNS) <= explained


def test_the_table_of_sizes_is_what_the_arithmetic_gives() -> None:
    """The figures per dialogue, times the dialogues; so that a new measurement changes both."""
    mixes = [float(ms) for ms in re.findall(r"^    CPU of .* ([\d.]+) ms = ", PAGE, re.MULTILINE)]
    for row, mix in zip(("engines", "PostgreSQL", "Redis"), mixes, strict=True):
        cells = re.search(rf"^\| cores for {row} \| (.*) \|$", PAGE, re.MULTILINE)
        assert cells
        for subscribers, cell in zip((1_000, 10_000, 1_000_000), cells[1].split(" | "), strict=True):
            cores = 2 * subscribers / 3600 * mix / 1000 / 0.6
            assert abs(float(cell) - cores) <= max(0.06 * cores, 0.005), (row, subscribers, cores)
