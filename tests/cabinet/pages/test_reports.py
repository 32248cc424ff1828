"""Reports, files and receipts (A46-A50, S16), read back by other programs."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import xlrd  # type: ignore[import-untyped]
from python_calamine import CalamineWorkbook

from cabinet import exports
from cabinet.exports import Sheet, guarded
from cabinet.pages.invoice import qr
from cabinet.pages.languages import speech
from invoicing import Status
from invoicing.papers import PaymentPaper
from invoicing.registration import DEMO_PAN
from invoicing.values import TASHKENT
from tests.cabinet.pages.web import OPTIONS, Here, here_over
from tests.invoicing.world import CUSTOMER, FIFTY, OTHER_SHOP, SOUM, World, on_file


def at(here: Here, day: int, hour: int, minute: int, second: int) -> None:
    """Set the clock, by Tashkent."""
    here.world.clock.at = datetime(2026, 11, day, hour, minute, second, tzinfo=TASHKENT).astimezone(UTC)


def around_midnight(here: Here) -> None:
    """A46: paid on the 23rd a second before midnight, and on the 24th at midnight; and what is no success."""
    world = here.world
    world.bank.set_balance(world.bank.tokenise(DEMO_PAN, "3012"), 10_000_000 * SOUM)
    at(here, 23, 23, 59, 59)
    world.pay(world.issue(FIFTY // 5))
    at(here, 24, 0, 0, 0)
    world.pay(world.issue(FIFTY // 10))
    declined = world.issue(FIFTY * 3)
    world.service.decline(world.key(), CUSTOMER, declined.id)
    world.issue(FIFTY * 4)
    at(here, 24, 9, 0, 0)
    here.world.deliver()


async def test_a_day_ends_at_midnight_in_tashkent_and_only_successes_count(here: Here) -> None:  # A46
    around_midnight(here)
    browser = await here.owner()
    refunded = here.world.issue(FIFTY // 25)
    here.world.pay(refunded)
    shown = await browser.get(f"/invoices/{refunded.id}")
    await browser.post(
        f"/invoices/{refunded.id}/refund", shown.hidden | {"password": "correct horse battery"}
    )
    here.world.pay(here.world.issue(FIFTY // 50, shop=OTHER_SHOP))

    report = await browser.get("/reports?since=2026-11-24&until=2026-11-24")
    both = await browser.get("/reports?since=2026-11-23&until=2026-11-24")

    assert "Итого 5 000 сум" in report.text
    assert report.text.count("5000002") == 1
    assert "5000001" not in report.text
    assert "Итого 15 000 сум" in both.text


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("since=2026-11-24&until=2026-11-23", "Период неверный"),
        ("since=2025-11-23&until=2026-11-24", "Период неверный"),
        ("since=&until=2026-11-24", "Период не указан"),
        ("since=24.11.2026&until=2026-11-24", "Период не указан"),
    ],
)
async def test_a_period_that_is_none_is_told_of_and_nothing_is_asked(
    here: Here, query: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:  # A47
    browser = await here.owner()

    def never(*_args: Any, **_given: Any) -> None:
        raise AssertionError("the database was asked")

    monkeypatch.setattr("invoicing.reports.storage.paid_page", never)
    monkeypatch.setattr("invoicing.reports.storage.paid_by_day", never)
    report = await browser.get(f"/reports?{query}")

    assert report.status == 422
    assert told in report.text


async def test_an_empty_period_shows_a_total_of_nothing(here: Here) -> None:  # A47
    browser = await here.owner()

    report = await browser.get("/reports?since=2026-10-01&until=2026-10-02")

    assert "Итого 0 сум" in report.text
    assert "платежей нет" in report.text


async def test_the_pages_and_the_total_of_a_report_agree(here: Here) -> None:
    around_midnight(here)
    browser = await here.owner()
    for place in range(120):
        here.world.clock.advance(seconds=place % 3)
        here.world.pay(here.world.issue(1_000 * SOUM + place))
    report = await browser.get("/reports?period=7")

    seen = 0
    path = "/reports?period=7"
    while path:
        page = await browser.get(path)
        seen += page.octets.count(b'class="row" role="row"')
        path = next((link.removeprefix("/cabinet") for link in page.links if "after=" in link), "")

    assert seen == 122
    assert "Платежей 122" in report.text


async def test_a_receipt_says_everything_and_hides_the_phone(here: Here) -> None:  # A48
    browser = await here.owner()
    invoice = here.world.issue()
    here.world.pay(invoice)

    receipt = await browser.get(f"/invoices/{invoice.id}/receipt")

    for said in ("MAGAZIN-24", "1001", "5000001", "24.11.2026 07:20 (Ташкент)", "50 000 сум", "*1234"):
        assert said in receipt.text, said
    assert "Пятьдесят тысяч сум 00 тийин" in receipt.text
    assert "Оплачен" in receipt.text
    assert "99890***4567" in receipt.text
    assert "123 45 67" not in receipt.text
    assert CUSTOMER not in receipt.text


async def test_an_unpaid_invoice_has_no_receipt(here: Here) -> None:
    browser = await here.owner()
    invoice = here.world.issue()

    assert (await browser.get(f"/invoices/{invoice.id}/receipt")).status == 404


async def test_the_receipts_pdf_has_its_letters_in_it(here: Here) -> None:
    browser = await here.owner()
    invoice = here.world.issue()
    here.world.pay(invoice)

    pdf = await browser.get(f"/invoices/{invoice.id}/receipt.pdf")

    assert pdf.response.content_type == "application/pdf"
    assert pdf.octets.startswith(b"%PDF-")
    assert b"DejaVuSans" in pdf.octets
    assert b"/FontFile2" in pdf.octets


async def test_whoever_holds_a_receipt_can_check_it_and_nothing_else(here: Here) -> None:
    browser, stranger = await here.owner(), await here.browser()
    invoice = here.world.issue()
    here.world.pay(invoice)
    request_like = here.people.sign_in().who

    derived = _seal(here, f"{request_like.merchant_id}-{invoice.id}")
    real = await stranger.get(f"/check/{request_like.merchant_id}-{invoice.id}-{derived}")
    made_up = await stranger.get(f"/check/{request_like.merchant_id}-{invoice.id}-{'0' * 32}")

    assert "Чек подлинный" in real.text
    assert "50 000 сум" in real.text
    assert "4567" not in real.text
    assert made_up.status == 404
    assert (await browser.get(f"/invoices/{invoice.id}/receipt")).status == 200


async def test_a_receipts_qr_leads_to_tls_though_a_proxy_ends_it_before_us(tmp_path: Path) -> None:
    async with here_over(World(on_file(tmp_path)), options=replace(OPTIONS, secure=True)) as here:
        browser, new = await here.browser(), here.people.sign_up()
        invoice = here.world.issue()
        here.world.pay(invoice)
        named = f"{new.who.merchant_id}-{invoice.id}"
        asked = {"Cookie": f"__Host-session={new.token}"}
        path = f"/cabinet/check/{named}-{_seal(here, named)}"

        public = await browser.get(f"/invoices/{invoice.id}/receipt", Host="cabinet.example", **asked)
        demo = await browser.get(f"/invoices/{invoice.id}/receipt", Host="127.0.0.1:8880", **asked)

    assert qr(f"https://cabinet.example{path}").encode() in public.octets
    assert qr(f"http://127.0.0.1:8880{path}").encode() in demo.octets


def _seal(_here: Here, named: str) -> str:
    import hmac

    return hmac.digest(b"web-key-of-the-tests", f"receipt:{named}".encode(), "sha256").hex()[:32]


# --- files ------------------------------------------------------------------------------------------------


async def test_an_xls_is_true_biff8_with_the_rows_of_the_screen(here: Here) -> None:  # A49
    around_midnight(here)
    browser = await here.owner()

    file = await browser.get("/reports/payments.xls?since=2026-11-23&until=2026-11-24")
    book = xlrd.open_workbook(file_contents=file.octets, formatting_info=True)
    sheet = book.sheet_by_index(0)

    assert file.octets.startswith(bytes.fromhex("d0cf11e0a1b11ae1"))
    assert book.biff_version == 80
    assert (
        'filename="payments_MAGAZIN-24_2026-11-23_2026-11-24.xls"'
        in (file.response.headers["Content-Disposition"])
    )
    assert sheet.row_values(0) == [
        "Номер платежа", "Счет", "Оплачен (Ташкент)", "Покупатель", "Карта", "Сумма, сум",
    ]  # fmt: skip
    assert [sheet.cell_type(1, column) for column in range(6)] == [2, 2, 3, 1, 1, 2]
    assert sheet.row_values(1)[0::5] == [5_000_002.0, 5_000.0]
    assert sheet.row_values(2)[0::5] == [5_000_001.0, 10_000.0]
    assert xlrd.xldate_as_datetime(sheet.cell_value(2, 2), book.datemode) == datetime(  # noqa: DTZ001
        2026, 11, 23, 23, 59, 59
    )
    assert sheet.row_values(3) == ["Итого", 2.0, "", "", "", 15_000.0]
    assert sheet.nrows == 4


async def test_an_xlsx_has_numbers_dates_and_no_formula(here: Here) -> None:
    around_midnight(here)
    browser = await here.owner()

    file = await browser.get("/reports/payments.xlsx")
    rows = CalamineWorkbook.from_filelike(io.BytesIO(file.octets)).get_sheet_by_index(0).to_python()

    assert rows[2] == [
        *(5_000_001.0, 1001.0, datetime(2026, 11, 23, 23, 59, 59)),  # noqa: DTZ001
        *("99890***4567", "*1234", 10_000.0),
    ]
    assert rows[-1][0::5] == ["Итого", 15_000.0]
    with zipfile.ZipFile(io.BytesIO(file.octets)) as opened:
        assert b"<f>" not in opened.read("xl/worksheets/sheet1.xml")


async def test_a_csv_opens_in_a_russian_excel(here: Here) -> None:
    around_midnight(here)
    browser = await here.owner()

    file = await browser.get("/reports/payments.csv?phones=1")
    lines = file.octets.decode("utf-8-sig").splitlines()

    assert file.octets.startswith(b"\xef\xbb\xbf")
    assert lines[1] == "5000002;1002;24.11.2026 00:00:00;998901234567;*1234;5000,00"
    assert lines[-1] == "Итого;2;;;;15000,00"


@pytest.mark.parametrize("text", ["=cmd|'/c calc'!A0", "+1", "-1", "@x", "\tx", "\rx"])
def test_what_reads_as_a_formula_is_kept_as_text(text: str) -> None:  # S16
    assert guarded(text) == "'" + text
    assert guarded("MAGAZIN-24") == "MAGAZIN-24"


def many(count: int) -> Iterator[PaymentPaper]:
    newest = datetime(2026, 11, 24, 2, 20, tzinfo=UTC)
    for place in range(count):
        yield PaymentPaper(
            str(place),
            5_000_001 + place,
            1_001 + place,
            f"99890{place % 10**7:07d}",
            5_000_050,
            Status.PAID,
            newest - timedelta(seconds=place),
            "1234",
        )


def test_seventy_thousand_payments_go_over_sheets_and_none_is_lost() -> None:  # A50
    sheet = Sheet("MAGAZIN-24", speech("ru"), None, None)

    with exports.written("xls", sheet, many(70_000)) as file:
        octets = file.read()
    book = CalamineWorkbook.from_filelike(io.BytesIO(octets))
    pages = [book.get_sheet_by_name(name).to_python() for name in book.sheet_names]

    assert [len(page) for page in pages] == [65_536, 70_000 - 65_535 + 2]
    numbers = [row[0] for page in pages for row in page[1:] if isinstance(row[0], (int, float))]
    assert numbers == list(range(5_000_001, 5_070_001))
    assert pages[1][-1][0::5] == ["Итого", 70_000 * 50_000.5]
    assert all(page[0][0] == "Номер платежа" for page in pages)
