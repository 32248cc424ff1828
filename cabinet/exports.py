"""A merchant's successful payments as a file: CSV, XLSX, XLS, row by row, however many there are (A49, A50).

Every format has the same columns and ends with the total; what could be read as a formula is kept as text
(domain.md S16).
"""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import IO, Any, Final

from cabinet.pages.languages import Speech, hidden_phone
from invoicing.papers import PaymentPaper
from invoicing.values import TASHKENT, TIYIN_PER_SOUM

XLS_ROWS_MAX: Final = 65_536
"""Rows of one sheet of BIFF8, its heading too; the rest goes to the next sheet."""
XLSX_ROWS_MAX: Final = 1_048_576
_WIDTHS: Final = (16, 12, 20, 20, 12, 18)
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
_CHUNK: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Sheet:
    """What an export is of.

    Attributes:
        since, until: days of the period; both missing: everything.
        whole_phones: phones unhidden, as the merchant chose.
    """

    merchant: str
    speech: Speech
    since: date | None
    until: date | None
    whole_phones: bool = False

    @property
    def headings(self) -> tuple[str, ...]:
        speech = self.speech
        return (
            speech("Payment number"),
            speech("Invoice"),
            f"{speech('Paid')} ({speech('Tashkent')})",
            speech("Customer"),
            speech("Card"),
            f"{speech('Sum')}, {speech.currency}",
        )

    def phone(self, paper: PaymentPaper) -> str:
        return paper.customer_msisdn if self.whole_phones else hidden_phone(paper.customer_msisdn)

    def filename(self, suffix: str) -> str:
        """ASCII, with merchant and period in it."""
        shop = "".join(c if c.isascii() and c.isalnum() else "-" for c in self.merchant).strip("-") or "click"
        period = "all" if self.since is None or self.until is None else f"{self.since}_{self.until}"
        return f"payments_{shop}_{period}.{suffix}"


def guarded(text: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    return "'" + text if text.startswith(_FORMULA) else text


def local(at: datetime) -> datetime:
    """Tashkent's time without a zone, as spreadsheets keep it."""
    return at.astimezone(TASHKENT).replace(tzinfo=None, microsecond=0)


def as_csv(sheet: Sheet, papers: Iterable[PaymentPaper], into: IO[bytes]) -> int:
    """UTF-8 with a mark, `;` between fields and a comma in sums, as a Russian Excel opens it; how many."""
    text = io.TextIOWrapper(into, encoding="utf-8-sig", newline="", write_through=True)
    writer = csv.writer(text, delimiter=";", lineterminator="\r\n")
    writer.writerow([guarded(heading) for heading in sheet.headings])
    count, total = 0, 0
    for paper in papers:
        count, total = count + 1, total + paper.amount_tiyin
        writer.writerow(
            (
                paper.number,
                paper.invoice_number or "",
                f"{local(paper.paid_at):%d.%m.%Y %H:%M:%S}",
                guarded(sheet.phone(paper)),
                guarded(f"*{paper.card_last4}"),
                _comma(paper.amount_tiyin),
            )
        )
    writer.writerow((guarded(sheet.speech("Total")), count, "", "", "", _comma(total)))
    text.flush()
    text.detach()
    return count


def _comma(amount_tiyin: int) -> str:
    whole, tiyin = divmod(amount_tiyin, TIYIN_PER_SOUM)
    return f"{whole},{tiyin:02d}"


def as_xlsx(sheet: Sheet, papers: Iterable[PaymentPaper], into: IO[bytes]) -> int:
    """One row in memory at a time; sums are numbers, moments are dates; how many rows."""
    options = {"constant_memory": True, "default_date_format": "dd.mm.yyyy hh:mm:ss"}
    import xlsxwriter  # as `exports_xls`: a start need not wait for it

    book = xlsxwriter.Workbook(into, options)
    bold = book.add_format({"bold": True})
    money = book.add_format({"num_format": "#,##0.00"})
    total_money = book.add_format({"num_format": "#,##0.00", "bold": True})
    count, total, row, page = 0, 0, 0, None
    for paper in papers:
        if page is None or row >= XLSX_ROWS_MAX - 1:
            page, row = _xlsx_page(book, sheet, bold), 1
        count, total = count + 1, total + paper.amount_tiyin
        page.write_number(row, 0, paper.number)
        if paper.invoice_number is not None:
            page.write_number(row, 1, paper.invoice_number)
        page.write_datetime(row, 2, local(paper.paid_at))
        page.write_string(row, 3, sheet.phone(paper))
        page.write_string(row, 4, f"*{paper.card_last4}")
        page.write_number(row, 5, paper.amount_tiyin / TIYIN_PER_SOUM, money)
        row += 1
    if page is None:
        page, row = _xlsx_page(book, sheet, bold), 1
    page.write_string(row, 0, sheet.speech("Total"), bold)
    page.write_number(row, 1, count, bold)
    page.write_number(row, 5, total / TIYIN_PER_SOUM, total_money)
    book.close()
    return count


def _xlsx_page(book: Any, sheet: Sheet, bold: Any) -> Any:
    page = book.add_worksheet()
    page.freeze_panes(1, 0)
    for column, width in enumerate(_WIDTHS):
        page.set_column(column, column, width)
    for column, heading in enumerate(sheet.headings):
        page.write_string(0, column, heading, bold)
    return page


def as_xls(sheet: Sheet, papers: Iterable[PaymentPaper], into: IO[bytes]) -> int:
    """BIFF8, as Excel has read it since 1997; over 65 536 rows it goes on on further sheets."""
    from cabinet.exports_xls import StreamedBook

    book = StreamedBook(sheet.headings, _WIDTHS)
    count, total = 0, 0
    for paper in papers:
        count, total = count + 1, total + paper.amount_tiyin
        if book.row >= XLS_ROWS_MAX:
            book.next_sheet()
        book.add(
            paper.number,
            paper.invoice_number,
            local(paper.paid_at),
            sheet.phone(paper),
            f"*{paper.card_last4}",
            paper.amount_tiyin / TIYIN_PER_SOUM,
        )
    if book.row >= XLS_ROWS_MAX:
        book.next_sheet()
    book.add_total(sheet.speech("Total"), count, total / TIYIN_PER_SOUM)
    book.save(into)
    return count


Writer = Callable[[Sheet, Iterable[PaymentPaper], IO[bytes]], int]
FORMATS: Final[Mapping[str, tuple[Writer, str]]] = {
    "xls": (as_xls, "application/vnd.ms-excel"),
    "xlsx": (as_xlsx, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    "csv": (as_csv, "text/csv; charset=utf-8"),
}


def written(suffix: str, sheet: Sheet, papers: Iterable[PaymentPaper]) -> IO[bytes]:
    """The whole file, on the disk, from its beginning; it is gone once it is closed."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 - who asked closes it
    try:
        FORMATS[suffix][0](sheet, papers, file)
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return file


def chunks(file: IO[bytes]) -> Iterator[bytes]:
    while piece := file.read(_CHUNK):
        yield piece
