"""docs/adapters.md: whoever types what the page says has an adapter that passes the whole suite, twice."""

from __future__ import annotations

import importlib
import inspect
import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

import adapters
from adapters.declared.description import Description
from app import configuring, plugins
from tests.adapters import test_attacks, test_conformance
from tests.adapters.fuzz import Target, fuzz, golden_requests, reader
from tests.adapters.payloads import Payloads

PAGE = (Path(__file__).parents[2] / "docs/adapters.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w+) ([^\n]+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
FORM = "tests/adapters/payloads/steppe/steppe.yaml"


@pytest.fixture
def typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The page's files in a folder, which is where we are."""
    for _, attribute, text in BLOCK.findall(PAGE):
        if attribute.startswith("file="):
            file = tmp_path / attribute.removeprefix("file=")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def installed(typed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page's package, found by its entry point."""
    (typed / "adapters/steppe/__init__.py").touch()
    monkeypatch.setattr(adapters, "__path__", [*adapters.__path__, str(typed / "adapters")])
    said = next(text for _, attribute, text in BLOCK.findall(PAGE) if attribute == "entry-points")
    named = tomllib.loads(said)["project"]["entry-points"][plugins.ADAPTERS]
    for name, target in named.items():
        point = EntryPoint(name, target, plugins.ADAPTERS)
        monkeypatch.setitem(plugins._group(plugins.ADAPTERS), name, point)
    importlib.invalidate_caches()


def suite(form: Payloads) -> Iterator[tuple[str, Any]]:
    """Every test that is played for each form, if its wire has the case."""
    for module in (test_conformance, test_attacks):
        for name, test in vars(module).items():
            plays_forms = name.startswith("test_") and list(inspect.signature(test).parameters) == ["form"]
            if plays_forms and test.__module__ == module.__name__:
                needs = vars(test).get("needs")
                if needs is None or form.has(needs):
                    yield name, test


async def passes(form: Payloads) -> int:
    played = 0
    for _, test in suite(form):
        outcome = test(form)
        if inspect.isawaitable(outcome):
            await outcome
        played += 1
    return played


async def test_the_described_form_passes_the_whole_suite(typed: Path) -> None:
    form = Payloads(typed / FORM)
    form.kind, form.options = "declared", {"form": "steppe.yaml"}

    assert await passes(form) >= 18


async def test_the_form_in_python_passes_the_whole_suite(installed: None, typed: Path) -> None:
    assert await passes(Payloads(typed / FORM)) >= 18


def test_the_form_in_python_survives_anything(installed: None, typed: Path) -> None:
    form = Payloads(typed / FORM)
    read, refused = fuzz(Target(form.name, reader(form), tuple(golden_requests(form))), 2_000, seed=1)
    assert read > 40
    assert refused > 40


def test_the_settings_of_the_page_are_settings(typed: Path) -> None:
    gateway = configuring.load(Path("ussd.toml")).gateways["steppe"]

    assert isinstance(gateway.options.form, Description)
    assert gateway.options.form.session == "dialog"
    assert gateway.options.rate == "500/second"
    assert not gateway.open


def test_the_same_table_may_stand_in_the_settings(typed: Path) -> None:
    table = """
[[gateways]]
name = "steppe"
kind = "declared"
[gateways.form]
fields = "json"
session = "dialog"
msisdn = "subscriber"
text = "said"
begin = {step = "start"}
reply = {open = {show = "{text}", wait = true}, end = {show = "{text}", wait = false}}
"""
    Path("inline.toml").write_text(table, encoding="utf-8")

    assert configuring.load(Path("inline.toml")).gateways["steppe"].options.form.begin == {"step": "start"}


def test_a_mistake_in_a_description_stops_the_start_and_is_named_with_its_mend(typed: Path) -> None:
    Path("steppe.yaml").write_text(Path("steppe.yaml").read_text().replace("msisdn:", "msisdm:"))

    with pytest.raises(configuring.SettingsError) as caught:
        configuring.load(Path("ussd.toml"))
    assert "msisdm: there is no such key. Did you mean 'msisdn'?" in str(caught.value)
    assert "ussd.toml" in str(caught.value)


def test_every_installed_kind_is_in_the_list() -> None:
    listed = set(re.findall(r"`(\w+)`", PAGE.partition("## Is it there already?")[2].partition("## Desc")[0]))
    over_http = {
        name
        for name in plugins._group(plugins.ADAPTERS)
        if plugins.adapter(name).__module__.split(".")[1] not in ("smpp", "gsup")
    }

    assert over_http <= listed
