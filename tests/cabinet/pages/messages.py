"""The texts of the pages, gathered from templates and code; run as a module it brings catalogues up to date.

`python -m tests.cabinet.pages.messages` writes the Uzbek catalogue in Cyrillic anew from the Latin one and
prints what is missing or no longer used.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.pofile import read_po, write_po

from cabinet.alphabet import cyrillic
from cabinet.pages.languages import catalogue

CABINET = Path(__file__).resolve().parents[3] / "cabinet"
CODE_WORDS = {"N_": None, "spoken": None, "told": None, "speech": None, "_": None, "plural": (1, 2)}
DATED = tuple(
    f'"{name}'.encode()
    for name in (
        "POT-Creation",
        "PO-Revision",
        "Generated-By",
        "Report-Msgid",
        "Project-Id",
        "Last-T",
        "Language-T",
    )
)
KEPT = r"(%\(\w+\)s|iPhone|Merchant|\.xls|Standard Webhooks|\[journal\] keep_days)"
Id = str | tuple[str, str]


def gathered() -> set[Id]:
    """Every text that a page may show."""
    found: set[Id] = set()
    for path in sorted(CABINET.rglob("*.html")):
        found |= set(_extracted("jinja2.ext:babel_extract", path.read_bytes(), {"silent": "false"}))
    for path in sorted(CABINET.rglob("*.py")):
        found |= set(_extracted("python", path.read_bytes(), {}))
    return found


def _extracted(method: str, octets: bytes, options: dict[str, str]) -> Iterator[Id]:
    for _line, message, _comments, _context in extract(
        method, io.BytesIO(octets), CODE_WORDS, options=options
    ):
        yield (message[0], message[1]) if isinstance(message, tuple) else message


def read(language: str) -> Catalog:
    with catalogue(language).open("rb") as file:
        return read_po(file, locale=language.replace("-", "_"))


def in_cyrillic(latin: Catalog) -> Catalog:
    """The Latin catalogue letter for letter."""
    made = Catalog(locale="uz_Cyrl", header_comment="", fuzzy=False)
    for message in latin:
        if message.id:
            made.add(message.id, string=_turned(message))
    return made


def _turned(message: Message) -> str | tuple[str, ...]:
    if isinstance(message.string, (list, tuple)):
        return tuple(letters(one) for one in message.string)
    return letters(str(message.string))


def letters(latin: str) -> str:
    """Latin to Cyrillic; `%(names)s` stay, and what is written in one case for machines."""
    folded = latin.translate(dict.fromkeys(map(ord, "\u02bb\u02bc\u2018\u2019"), "'"))
    pieces = re.split(KEPT, folded)
    return "".join(piece if re.fullmatch(KEPT, piece) else cyrillic(piece) for piece in pieces)


def written(made: Catalog) -> bytes:
    out = io.BytesIO()
    write_po(out, made, width=110, sort_output=True, omit_header=False, no_location=True)
    return b"".join(
        line for line in out.getvalue().splitlines(keepends=True)
        if not line.startswith(DATED)
    )  # fmt: skip


def main() -> None:
    wanted = gathered()
    for language in ("ru", "uz"):
        have = {message.id for message in read(language) if message.id and message.string}
        for missing in sorted(map(str, wanted - have)):
            print(f"{language} lacks: {missing}")
        for unused in sorted(map(str, have - wanted)):
            print(f"{language} no longer needs: {unused}")
    catalogue("uz-Cyrl").write_bytes(written(in_cyrillic(read("uz"))))


if __name__ == "__main__":
    main()
