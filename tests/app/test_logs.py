"""What may stand in a log line."""

import io
import json
import logging

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from app.watching import logs

PAN = "8600490744313347"


@pytest.fixture
def lines() -> io.StringIO:
    stream = io.StringIO()
    logs.configure("info", stream)
    return stream


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("998901234567", "99890***4567"),
        ("call +998901234567 now", "call +99890***4567 now"),
        ("+998 90 123 45 67", "99890***4567"),
        ("*880**0*901234567*50000#", "*880**0*90***4567*50000#"),
        (f"*880*0*{PAN}*1228#", "*880*0*[card]*1228#"),
        (PAN, "[card]"),
        ("8600 4907 4431 3347", "[card]"),
        ("8600-4907-4431-3347", "[card]"),
        ("invoice 1001 of 50 000", "invoice 1001 of 50 000"),
        ("2026-11-24 07:20:00", "2026-11-24 07:20:00"),
    ],
)
def test_phones_are_masked_and_card_numbers_gone(text: str, shown: str) -> None:
    assert logs.masked(text) == shown


def test_a_masked_value_may_lie_at_any_depth() -> None:
    event = {"a": [("998901234567", {"b": PAN})], "n": 50000, "card": int(PAN)}

    assert logs.masked(event) == {"a": [["99890***4567", {"b": "[card]"}]], "n": 50000, "card": "[card]"}


@given(st.from_regex(r"[0-9]{12,19}", fullmatch=True), st.text(alphabet="ab *#", max_size=3))
def test_no_long_number_stays_readable(digits: str, around: str) -> None:
    assert digits not in logs.masked(f"{around}{digits}{around}")


def test_structlog_and_the_standard_library_write_the_same_json(lines: io.StringIO) -> None:
    structlog.get_logger("app").info("turn", msisdn="998901234567")
    logging.getLogger("lib").warning("called %s", "998901234567", extra={"gateway": "at"})

    ours, theirs = map(json.loads, lines.getvalue().splitlines())
    assert (ours["event"], ours["msisdn"], ours["level"]) == ("turn", "99890***4567", "info")
    assert (theirs["event"], theirs["gateway"]) == ("called 99890***4567", "at")


def test_a_traceback_is_masked_too(lines: io.StringIO) -> None:
    try:
        raise ValueError(f"card {PAN} of 998901234567")
    except ValueError:
        logging.getLogger("lib").exception("failed")

    assert PAN not in lines.getvalue()
    assert "998901234567" not in lines.getvalue()
    assert "ValueError" in json.loads(lines.getvalue())["exception"]


def test_the_machines_own_logger_stays_quiet(lines: io.StringIO) -> None:
    logs.configure("debug", lines)

    assert logging.getLogger("transitions").level == logging.WARNING
