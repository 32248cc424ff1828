"""Expected texts with placeholders: `№{invoice}` is anything on one line, and then the same again."""

from __future__ import annotations

import re
from collections.abc import Mapping

_TOKEN = re.compile(r"\{\{|\}\}|\{([a-z][a-z0-9_]*)\}")


def filled(text: str, known: Mapping[str, str]) -> str:
    """Put known values in; what is not known stays as it is written."""

    if "{" not in text and "}" not in text:
        return text

    def value(found: re.Match[str]) -> str:
        name = found.group(1)
        return found.group()[0] if name is None else known.get(name, found.group())

    return _TOKEN.sub(value, text)


def placeholders(text: str) -> frozenset[str]:
    """The names in a text."""
    return frozenset(name for name in _TOKEN.findall(text) if name)


def matched(expected: str, shown: str, known: Mapping[str, str], *, whole: bool) -> dict[str, str] | None:
    """Compare; return what the placeholders stand for, or None where the text is another.

    Args:
        whole: all of `shown` must match, else any part of it.
    """
    pattern, at = [], 0
    names: set[str] = set()
    for found in _TOKEN.finditer(expected):
        pattern.append(re.escape(expected[at : found.start()]))
        at = found.end()
        name = found.group(1)
        if name is None:
            pattern.append(re.escape(found.group()[0]))
        elif name in known:
            pattern.append(re.escape(known[name]))
        elif name in names:
            pattern.append(f"(?P={name})")
        else:
            names.add(name)
            # What stands last in a part of a screen has nothing behind it to end at: it is one word.
            is_word = not whole and at == len(expected)
            pattern.append(f"(?P<{name}>[^\\s.,;:]+)" if is_word else f"(?P<{name}>[^\n]+?)")
    compiled = re.compile("".join([*pattern, re.escape(expected[at:])]))
    hit = compiled.fullmatch(shown) if whole else compiled.search(shown)
    return None if hit is None else hit.groupdict()
