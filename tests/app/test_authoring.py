"""`ussd sizes`, `ussd graph` and `ussd schema` as an author calls them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from string import Formatter
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from app.cli import main
from app.menusets.noticesizes import notice_sizes
from invoicing import sms
from invoicing.notices import TEXTS, Template, render
from tests.served import USSD

MENUS = str(Path(__file__).parents[2] / "menus")


def run(*arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(main, list(arguments))
    assert result.exit_code == code, result.output
    return result.output


def test_sizes_tell_octets_pages_and_the_character_behind_them() -> None:
    lines = run("sizes", MENUS).splitlines()
    home = next(line for line in lines if line.startswith("merchant.home") and " ru " in line)

    assert lines[0].split()[:3] == ["screen", "language", "octets"]
    assert home.split()[2] == "140"
    assert "'Т' (U+0422) at" in home


def test_no_shipped_screen_needs_a_second_page_and_no_row_is_cut() -> None:
    sizes = json.loads(run("sizes", MENUS, "--json"))

    assert {(size["pages"], size["cut"]) for size in sizes} == {(1, None)}


def test_sizes_of_a_smaller_network_name_what_would_be_cut_and_fail() -> None:
    output = run("sizes", MENUS, "--octets", "100", code=1)

    assert "cut!" in output
    assert "[size-cut]" in output


def test_sizes_of_an_impossible_network_are_refused() -> None:
    assert "the least is 80" in run("sizes", MENUS, "--octets", "20", code=2)


def test_every_notice_is_measured_as_one_sms_or_more_and_never_less_than_it_takes() -> None:
    params = {
        "number": "9999999999",
        "payment": "9999999999",
        "sum": "999 999 999,99",
        "name": "Щ" * 14,
        "phone": "998901234567",
        "reason": "",
    }
    measured = {(each.template, each.language): each.size for each in notice_sizes()}

    assert measured.keys() == {
        (template, language) for template, texts in TEXTS.items() for language in texts
    }
    for (template, language), size in measured.items():
        named = {field for _, field, _, _ in Formatter().parse(TEXTS[Template(template)][language]) if field}
        shown = {name: params.get(name, "1234") for name in named}
        assert sms.parts(render(template, language, shown)) <= size.parts


def test_sizes_without_a_path_list_the_sms_too() -> None:
    assert "paid_merchant" in run("sizes")


def test_a_graph_is_written_in_each_form() -> None:
    ElementTree.fromstring(run("graph", MENUS, "--menu", "merchant"))
    assert run("graph", MENUS, "--format", "mermaid").startswith("stateDiagram-v2\n")
    assert run("graph", MENUS, "--format", "dot").startswith("digraph menus {\n")


def test_a_graph_of_an_unknown_menu_or_language_is_refused() -> None:
    assert "the service has no 'nowhere'" in run("graph", MENUS, "--menu", "nowhere", code=2)
    assert "the service has no 'xx'" in run("graph", MENUS, "--language", "xx", code=2)


def test_the_schema_is_printed() -> None:
    assert json.loads(run("schema"))["title"] == "USSD menu"


@pytest.mark.parametrize(
    "arguments", [("schema",), ("--help",), ("check", MENUS, "--write-baseline", "{folder}")]
)
def test_what_cannot_be_written_is_one_line(arguments: tuple[str, ...], tmp_path: Path) -> None:
    given = [argument.replace("{folder}", str(tmp_path)) for argument in arguments]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([USSD, *given], stdout=full, stderr=subprocess.PIPE, text=True, check=False)

    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert done.stderr.startswith("ussd: ")
