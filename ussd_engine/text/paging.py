"""Paging: cut a screen that does not fit into pages that do, without cutting what must stay whole."""

import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import Final

from ussd_engine.text.cost import USSD_OCTETS_MAX, fits

# The dearest character, a surrogate pair: the least that a page must hold beside its navigation lines.
_CHARACTER_OCTETS_MAX: Final = 4

_ZERO_WIDTH_JOINER: Final = "\u200d"


def paginate(
    head: str,
    lines: Sequence[str],
    *,
    octets_max: int = USSD_OCTETS_MAX,
    more: str,
    previous: str,
    foot: str = "",
) -> list[str]:
    r"""Split a screen into pages of at most `octets_max` octets each.

    A page ends before an option line if it reaches one, else between the lines of `head` (unless that leaves
    two thirds of the page empty), else between words, else inside the one token that is longer than a page.
    Digits with single spaces between them (`50 000`) are one token. White space at a cut is dropped, as are
    empty parts; nothing else is lost.

    Args:
        head: the text; may be long and hold `\n`.
        lines: option lines, kept whole unless one alone is longer than a page.
        octets_max: what one screen holds (GSM 7-bit packed, or UCS-2).
        more: line that leads on, on every page but the last ("98.Еще").
        previous: line that leads back, on every page but the first ("99.Назад").
        foot: line for the last page only; left out where it would not fit.

    Returns:
        One page where all fits. No page is blank unless the whole screen is.

    Raises:
        ValueError: `octets_max` leaves no room for text beside the two navigation lines.
    """
    parts = [part for part in (head, *lines) if part]
    whole = "\n".join(parts)
    for page in (_join(whole, foot), whole):
        if fits(page, octets_max):
            return [page]
    if _units_octets(_join(more, previous)) + _CHARACTER_OCTETS_MAX + 2 > octets_max:
        raise ValueError(f"{octets_max} octets leave no room for text beside '{more}' and '{previous}'")

    # Offsets in `whole` of the "\n" between parts: what follows each of them is an option line.
    options = [end - 1 for end in accumulate(len(part) + 1 for part in parts)][:-1]
    return _pages(whole, options, octets_max, more=more, previous=previous, foot=foot)


def _pages(
    whole: str, options: Sequence[int], octets_max: int, *, more: str, previous: str, foot: str
) -> list[str]:
    """Take page after page off the front of `whole`; `options` are the offsets of the "\n" before options."""
    end = len(whole.rstrip())
    start = _skip_space(whole, 0, end)
    pages: list[str] = []
    while True:
        back = previous if pages else ""
        last = _join(whole[start:end], back)
        if fits(last, octets_max):
            with_foot = _join(whole[start:end], foot, back)
            pages.append(with_foot if fits(with_foot, octets_max) else last)
            return pages
        navigation = _join(more, back)
        reach = _reach(whole, start, end, octets_max, navigation)
        cut = _cut(whole, start, reach, options)
        pages.append(_join(whole[start:cut].rstrip(), navigation))
        start = _skip_space(whole, cut, end)


def _reach(whole: str, start: int, end: int, octets_max: int, navigation: str) -> int:
    """Greatest offset such that the text from `start` to it still fits beside `navigation`."""
    # A character takes seven bits at least. Cost only grows with length, so the search may halve.
    furthest = min(end, start + 8 * octets_max // 7)
    candidates = range(start + 1, furthest + 1)
    first_too_long = bisect_left(
        candidates, True, key=lambda stop: not fits(f"{whole[start:stop]}\n{navigation}", octets_max)
    )
    return start + first_too_long


def _cut(whole: str, start: int, reach: int, options: Sequence[int]) -> int:
    """Choose where a page that may run from `start` to `reach` ends."""
    at_option = bisect_right(options, reach) - 1
    if at_option >= 0 and options[at_option] > start:
        return options[at_option]
    at_line = whole.rfind("\n", start, reach + 1)
    if at_line - start > (reach - start) // 3:
        return at_line
    for offset in range(reach, start, -1):
        if _between_words(whole, offset):
            return offset
    for offset in range(reach, start, -1):
        if not _joined(whole, offset):
            return offset
    return reach


def _between_words(whole: str, offset: int) -> bool:
    """Tell whether `offset` is white space that may end a page, and not the space inside a number."""
    if not whole[offset].isspace():
        return False
    return whole[offset] == "\n" or not (whole[offset - 1].isdigit() and whole[offset + 1].isdigit())


def _joined(whole: str, offset: int) -> bool:
    """Tell whether the character at `offset` belongs to the one before (mark, joiner, surrogate)."""
    before, after = whole[offset - 1], whole[offset]
    return (
        unicodedata.category(after).startswith("M")
        or _ZERO_WIDTH_JOINER in (before, after)
        or ("\ud800" <= before <= "\udbff" and "\udc00" <= after <= "\udfff")
    )


def _skip_space(whole: str, start: int, end: int) -> int:
    while start < end and whole[start].isspace():
        start += 1
    return start


def _join(*parts: str) -> str:
    return "\n".join([part for part in parts if part])


def _units_octets(text: str) -> int:
    return len(text.encode("utf-16-be", "surrogatepass"))
