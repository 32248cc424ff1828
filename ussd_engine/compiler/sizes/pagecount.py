"""How many pages a screen needs at most, by the rules of `text.paging`: options first, then lines, words.

A page of real paging ends where it ends here or further on: it reaches every end of an option, a line or a
word that it can reach when all that stands before is as long as it can be.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate

from ussd_engine.compiler.sizes.costs import NOTHING, Cost, joined

Lines = Sequence[Sequence[Cost]]
"""Lines of a title or of an option, each as the stretches that are not split."""

_SPACE = Cost.of(" ")


def page_count(parts: Sequence[Lines], more: Cost, previous: Cost, octets: int) -> int:
    """Count the pages of a screen that does not fit in one.

    Args:
        parts: the title and the options; a page that reaches an option ends before it rather than inside.
        more: the line that leads on.
        previous: the line that leads back.
        octets: what one screen holds.
    """
    lines = [line for part in parts for line in part]
    options = list(accumulate(map(len, parts)))[:-1]
    pages, line, word = 0, 0, 0
    while True:
        back = previous if pages else NOTHING
        navigation = joined((more, back))
        rest = [list(lines[line])[word:], *lines[line + 1 :]]
        if _fits(_all(rest), back, octets):
            return pages + 1
        pages += 1
        if taken := sum(_fits(cost, navigation, octets) for cost in _ends(rest)):
            reached = (begin for begin in options if line < begin <= line + taken)
            line, word = max(reached, default=line + taken), 0
            if line == len(lines):
                return pages
            continue
        if taken := sum(_fits(cost, navigation, octets) for cost in _ends([[part] for part in rest[0]])):
            word += taken
        else:
            # One stretch is longer than a page. A value may hold spaces, so two pages take one page's room.
            room = max(1, octets // 2 - 1 - navigation.longest)
            pages += 2 * (rest[0][0].longest // room)
            word += 1
        if word == len(lines[line]):
            line, word = line + 1, 0
            if line == len(lines):
                return pages


def too_long(parts: Sequence[Lines], more: Cost, previous: Cost, octets: int) -> bool:
    """Tell whether one stretch that should stay whole may not fit on a page."""
    navigation = joined((more, previous))
    return any(not _fits(word, navigation, octets) for lines in parts for line in lines for word in line)


def _fits(text: Cost, navigation: Cost, octets: int) -> bool:
    return joined((text, navigation)).octets <= octets


def _ends(lines: Lines) -> Iterator[Cost]:
    """Yield the cost up to the end of each line, one after the other."""
    total = NOTHING
    for number, line in enumerate(lines):
        if number:
            total = total.then(_SPACE)  # a line feed costs as much
        for count, word in enumerate(line):
            total = (total.then(_SPACE) if count else total).then(word)
        yield total


def _all(lines: Lines) -> Cost:
    return list(_ends(lines))[-1]
