"""Any form that the standard library writes or reads is read the same here."""

from __future__ import annotations

from urllib.parse import parse_qsl, unquote_plus, urlencode

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from adapters.form import FORM, msisdn, read_form
from ussd_engine import WireError

KNOWN = {"text": 10_000, "phoneNumber": 10_000}
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
ESCAPES = st.text("%+*#&=2BAa0 x", max_size=24)


@given(text=ANY_TEXT | ESCAPES, phone=ANY_TEXT | ESCAPES)
def test_what_was_written_into_a_form_is_read_out_of_it(text: str, phone: str) -> None:
    body = urlencode({"other": text, "text": text, "phoneNumber": phone}).encode()

    assert read_form(body, FORM, KNOWN) == {"text": text, "phoneNumber": phone}


@given(raw=st.text("%+*#=2BAa3501 x", max_size=24))
def test_a_sloppily_escaped_value_reads_as_the_standard_library_reads_it(raw: str) -> None:
    body = f"text={raw}".encode()
    assume("\ufffd" not in unquote_plus(raw))  # what is no UTF-8 is refused here

    assert read_form(body, FORM, KNOWN) == dict(parse_qsl(body.decode(), keep_blank_values=True))


@pytest.mark.parametrize("written", ["998901234567", "+998901234567", " 998901234567", "00998901234567"])
def test_a_number_is_the_same_with_a_plus_with_the_blank_of_an_unescaped_one_and_with_00(
    written: str,
) -> None:
    assert msisdn(written, "MSISDN") == "998901234567"


@pytest.mark.parametrize("written", ["0901234567", "000998901234567"])
def test_a_number_without_its_countrys_code_is_refused_and_is_not_a_stranger(written: str) -> None:
    with pytest.raises(WireError, match="MSISDN begins with 0: a number has its country's code in front"):
        msisdn(written, "MSISDN")
