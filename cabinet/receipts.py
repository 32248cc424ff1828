"""A receipt of a paid invoice (A48): what it says, and as a PDF with its own letters embedded."""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import segno

from cabinet.pages.languages import Speech, hidden_phone
from cabinet.pages.statuses import STATUSES
from cabinet.receipts_words import in_words
from invoicing import Status
from invoicing.papers import InvoicePaper

if TYPE_CHECKING:
    from fpdf import FPDF

FONTS: Final = Path(__file__).resolve().parent / "fonts"
_FONT: Final = "DejaVu"
_MARGIN_MM: Final = 14
_QR_MM: Final = 34
_A5_MM: Final = (148, 210)
HELP: Final = "www.click.uz, +998 71 231 08 80"


@dataclass(frozen=True, slots=True)
class Receipt:
    """`phone` has its middle hidden; `address` is where the receipt can be checked; `words` is the sum."""

    merchant: str
    invoice_number: int
    payment_number: int
    paid_at: datetime
    amount_tiyin: int
    words: str
    card: str
    phone: str
    status: Status
    address: str

    @classmethod
    def of(cls, paper: InvoicePaper, address: str, language: str) -> Receipt:
        """The receipt of a paid invoice.

        Raises:
            ValueError: it is not paid.
        """
        if paper.payment_number is None or paper.paid_at is None:
            raise ValueError("an invoice that is not paid has no receipt")
        return cls(
            merchant=paper.merchant_name,
            invoice_number=paper.number,
            payment_number=paper.payment_number,
            paid_at=paper.paid_at,
            amount_tiyin=paper.amount_tiyin,
            words=in_words(paper.amount_tiyin, language),
            card=f"*{paper.card_last4}",
            phone=hidden_phone(paper.customer_msisdn),
            status=paper.status,
            address=address,
        )


def pdf(receipt: Receipt, speech: Speech) -> bytes:
    """The receipt on a sheet of A5."""
    from fpdf import FPDF  # a quarter of a second, which a start need not wait for

    sheet = FPDF(format=_A5_MM)
    sheet.set_margin(_MARGIN_MM)
    sheet.set_auto_page_break(auto=False)
    sheet.add_font(_FONT, "", FONTS / "DejaVuSans.ttf")
    sheet.add_font(_FONT, "B", FONTS / "DejaVuSans-Bold.ttf")
    sheet.set_title(f"CLICK {receipt.payment_number}")
    sheet.add_page()
    _head(sheet, receipt, speech)
    for name, value in _lines(receipt, speech):
        _line(sheet, name, value)
    _foot(sheet, receipt, speech)
    return bytes(sheet.output())


def _lines(receipt: Receipt, speech: Speech) -> tuple[tuple[str, str], ...]:
    return (
        (speech("Merchant"), receipt.merchant),
        (speech("Invoice number"), str(receipt.invoice_number)),
        (speech("Payment number"), str(receipt.payment_number)),
        (speech("Paid"), f"{speech.moment(receipt.paid_at)} ({speech('Tashkent')})"),
        (speech("Card"), receipt.card),
        (speech("Customer"), receipt.phone),
        (speech("Status"), speech(STATUSES[receipt.status].text)),
    )


def _head(sheet: FPDF, receipt: Receipt, speech: Speech) -> None:
    sheet.set_font(_FONT, "B", 20)
    sheet.set_text_color(0, 92, 200)
    sheet.cell(0, 10, "CLICK", new_x="LMARGIN", new_y="NEXT")
    sheet.set_text_color(30)
    sheet.set_font(_FONT, "", 11)
    sheet.cell(0, 7, speech("Payment receipt"), new_x="LMARGIN", new_y="NEXT")
    sheet.ln(4)
    sheet.set_font(_FONT, "B", 22)
    sheet.cell(0, 11, speech.money(receipt.amount_tiyin), new_x="LMARGIN", new_y="NEXT")
    sheet.set_font(_FONT, "", 9)
    sheet.multi_cell(0, 5, receipt.words, new_x="LMARGIN", new_y="NEXT")
    sheet.ln(5)


def _line(sheet: FPDF, name: str, value: str) -> None:
    sheet.set_draw_color(210)
    sheet.line(sheet.l_margin, sheet.y, sheet.w - sheet.r_margin, sheet.y)
    sheet.set_font(_FONT, "", 9)
    sheet.set_text_color(90)
    sheet.cell(46, 9, name)
    sheet.set_text_color(20)
    sheet.set_font(_FONT, "B", 9)
    sheet.cell(0, 9, value, align="R", new_x="LMARGIN", new_y="NEXT")


def _foot(sheet: FPDF, receipt: Receipt, speech: Speech) -> None:
    sheet.ln(6)
    top = sheet.y
    picture = io.BytesIO()
    segno.make(receipt.address, error="m").save(picture, kind="png", scale=6, border=4)
    sheet.image(picture, x=sheet.l_margin - 2, y=top, w=_QR_MM)
    sheet.set_xy(sheet.l_margin + _QR_MM + 2, top + 6)
    sheet.set_font(_FONT, "", 8)
    sheet.set_text_color(90)
    told = speech("Scan to check that this receipt is real") + "\n" + HELP
    sheet.multi_cell(0, 5, told, align="L")
