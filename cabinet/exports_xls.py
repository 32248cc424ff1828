"""BIFF8 in constant memory: xlwt writes the records, rows lie on the disk until the file is put together.

xlwt flushes rows to a temporary file, and then reads it whole, joins all sheets and the OLE container around
them in memory. Here a sheet's stream is a list of pieces, of which the rows are one that is copied through.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import IO, Any, Final

import xlwt  # type: ignore[import-untyped]

_FLUSH_EVERY: Final = 500
_CHUNK: Final = 64 * 1024
_DATE: Final = "dd.mm.yyyy hh:mm:ss"
_MONEY: Final = "#,##0.00"
_WIDTH_UNIT: Final = 256
"""A column's width is counted in 256ths of a digit."""


class _Pieces:
    """Octets that are partly on the disk, and join as `bytes` do."""

    def __init__(self, parts: Sequence[bytes | IO[bytes]]) -> None:
        self.parts = parts

    def __len__(self) -> int:
        return sum(len(part) if isinstance(part, bytes) else _size(part) for part in self.parts)

    def __add__(self, other: bytes | _Pieces) -> _Pieces:
        return _Pieces([*self.parts, *(other.parts if isinstance(other, _Pieces) else [other])])

    def __radd__(self, other: bytes) -> _Pieces:
        return _Pieces([other, *self.parts])

    def __iter__(self) -> Iterator[bytes]:
        for part in self.parts:
            if isinstance(part, bytes):
                yield part
                continue
            part.seek(0)
            while chunk := part.read(_CHUNK):
                yield chunk


def _size(file: IO[bytes]) -> int:
    return file.seek(0, 2)


class _Marker:
    """Stands where a sheet's rows will be, and is looked for in what xlwt makes around it."""

    def __init__(self) -> None:
        self.octets = secrets.token_bytes(32)

    def flush(self) -> None:
        """There is nothing to write out."""

    def seek(self, *_place: int) -> int:
        return 0

    def read(self) -> bytes:
        return self.octets


class _Out:
    """A file that takes pieces as well as octets."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def write(self, octets: bytes | _Pieces) -> None:
        for part in octets if isinstance(octets, _Pieces) else [octets]:
            self._file.write(part)


class StreamedBook:
    """A workbook of payments; `row` is the next row of the sheet that is written."""

    def __init__(self, headings: Sequence[str], widths: Sequence[int]) -> None:
        self._headings = headings
        self._widths = widths
        self._book = xlwt.Workbook(encoding="utf-8")
        self._bold = xlwt.easyxf("font: bold on")
        self._date = xlwt.easyxf(num_format_str=_DATE)
        self._money = xlwt.easyxf(num_format_str=_MONEY)
        self._total = xlwt.easyxf("font: bold on", num_format_str=_MONEY)
        self._sheets = 0
        self._sheet: Any = None
        self.row = 0
        self.next_sheet()

    def next_sheet(self) -> None:
        """Go on on a new sheet, under the same headings."""
        if self._sheets:
            self._sheet.flush_row_data()
        self._sheets += 1
        self._sheet = self._book.add_sheet(f"CLICK {self._sheets}")
        self._sheet.set_panes_frozen(True)
        self._sheet.set_horz_split_pos(1)
        for column, width in enumerate(self._widths):
            self._sheet.col(column).width = width * _WIDTH_UNIT
        for column, heading in enumerate(self._headings):
            self._sheet.write(0, column, heading, self._bold)
        self.row = 1

    def add(
        self, number: int, invoice: int | None, paid_at: datetime, phone: str, card: str, soums: float
    ) -> None:
        row = self._sheet.row(self.row)
        row.set_cell_number(0, number)
        if invoice is not None:
            row.set_cell_number(1, invoice)
        row.set_cell_date(2, paid_at, self._date)
        row.set_cell_text(3, phone)
        row.set_cell_text(4, card)
        row.set_cell_number(5, soums, self._money)
        self._next()

    def add_total(self, word: str, count: int, soums: float) -> None:
        row = self._sheet.row(self.row)
        row.set_cell_text(0, word, self._bold)
        row.set_cell_number(1, count, self._bold)
        row.set_cell_number(5, soums, self._total)
        self._next()

    def _next(self) -> None:
        self.row += 1
        if self.row % _FLUSH_EVERY == 0:
            self._sheet.flush_row_data()
            # xlwt remembers each row it flushed, to refuse writing it again; we only go on.
            self._sheet._Worksheet__flushed_rows.clear()  # noqa: SLF001

    def save(self, into: IO[bytes]) -> None:
        """Put the file together; rows are copied from the disk."""
        for index in range(self._sheets):
            sheet = self._book.get_sheet(index)
            sheet.get_biff_data = _in_pieces(sheet)
        self._book.save(_Out(into))


def _in_pieces(sheet: Any) -> Any:
    made = sheet.get_biff_data

    def pieces() -> _Pieces:
        sheet.flush_row_data()
        rows, marker = sheet.row_tempfile, _Marker()
        sheet.row_tempfile = marker
        try:
            before, _, after = made().partition(marker.octets)
        finally:
            sheet.row_tempfile = rows
        return _Pieces([before, rows, after])

    return pieces
