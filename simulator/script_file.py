"""A recording as a scenario file: what differs from one run to the next becomes a placeholder.

Numbers of invoices and payments (`№1001`, `No 501`) and the handsets' own numbers are the same text wherever
they stand; dates and times are whatever they will be. Everything else is compared to the letter when
`ussd test` plays the file: sums and lists that depend on what was there before are the author's to edit.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from simulator.script import Moment, Recorder, What, escaped
from ussd_engine.scenarios.write import dumped

_NUMBERED: Final = re.compile(r"((?:№|\bNo\.?|\bN) ?)(\d{1,18})(?!\d)")
_BARE: Final = re.compile(r"(?<![\w{.,*+-])(?<!\d )(\d{3,18})(?![\w}.,]|-\d| \d{3}(?!\d))")
"""A number on its own: no part of a sum, a date, a word or a decimal."""
_MOMENT: Final = re.compile(
    r"(?<![\d.])\d{2}\.\d{2}\.\d{4}(?: \d{2}:\d{2})?(?!\d)"
    r"|(?<![\d:])\d{2}:\d{2}(?![\d:])"
    r"|(?<![\d.])\d{2}\.\d{2}(?![\d.])"
)
"""`24.11.2026`, with a time of day or without; `07:20`; `24.11`."""
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
_SECRET: Final = re.compile(r"secret\d*")


class NothingRecorded(ValueError):
    """A scenario has at least one step."""


def scenario(recorder: Recorder, title: str) -> str:
    """Write what `recorder` kept as a scenario that `ussd test` plays.

    Raises:
        NothingRecorded: nothing was kept.
    """
    if not recorder.moments:
        raise NothingRecorded("nothing was recorded yet: dial something first")
    names = _names(recorder)
    texts = _Texts(recorder.moments, names)
    steps, last = [], ""
    for moment in recorder.moments:
        name = names[moment.phone]
        step: dict[str, Any] = {"phone": name} if name != last and len(names) > 1 else {}
        steps.append(step | texts.step(moment))
        last = name
    phones = {name: number for number, name in names.items()}
    written = dumped({"scenario": title.strip() or "Recorded", "phones": phones, "steps": steps})
    return _head(recorder.moments, full=recorder.full) + written


def _head(moments: Sequence[Moment], *, full: bool) -> str:
    head = "# Recorded on the handset. `ussd test FILE` plays it.\n"
    typed = [moment.secret for moment in moments if moment.secret is not None]
    dialled = [name for one in moments if one.what is What.DIAL for name in _SECRET.findall(one.text)]
    unknown = sorted({name for name in (*typed, *dialled) if _SECRET.fullmatch(name)})
    if unknown:
        variables = ", ".join(f"SCENARIO_{name.upper()}" for name in unknown)
        head += f"# What was typed in secret is not in it: set {variables} first.\n"
    if full:
        head += "# The recording was full: what came after this is missing.\n"
    return head


def _names(recorder: Recorder) -> dict[str, str]:
    """The handsets that take part, by number, under names that a scenario may use."""
    used = dict.fromkeys(moment.phone for moment in recorder.moments)
    names: dict[str, str] = {}
    for number, phone in enumerate(used, start=1):
        given = re.sub(r"[^a-z0-9_]+", "_", recorder.names.get(phone, "").lower()).strip("_")
        fits = _NAME.fullmatch(given) and given not in names.values()
        names[phone] = given if fits else f"phone_{number}"
    return names


class _Texts:
    """Writes texts with the same placeholder for the same number."""

    def __init__(self, moments: Sequence[Moment], names: Mapping[str, str]) -> None:
        self._phones = names
        self._numbers: dict[str, str] = {}
        self._dates = 0
        for text in _shown(moments):
            for found in _NUMBERED.finditer(text):
                self._numbers.setdefault(found[2], f"number{len(self._numbers) + 1}")

    def step(self, moment: Moment) -> dict[str, Any]:
        """What the moment did, and what followed."""
        match moment.what:
            case What.SMS:
                return {"sms": self._loose(moment.text)}
            case What.HANGS_UP | What.TIMES_OUT:
                return {moment.what.value: True}
            case What.DIAL:
                step: dict[str, Any] = {"dial": moment.text}
            case What.ANSWER:
                step = {"answer": moment.text if moment.secret is None else {"secret": moment.secret}}
        if moment.reply is not None:
            shown = "shows" if moment.reply.open else "ends"
            step[shown] = self._loose(escaped(moment.reply.text))
        return step

    def _loose(self, text: str) -> str:
        text = _MOMENT.sub(self._moment, text)
        text = _NUMBERED.sub(lambda found: f"{found[1]}{{{self._numbers[found[2]]}}}", text)
        return _BARE.sub(self._bare, text)

    def _moment(self, _found: re.Match[str]) -> str:
        self._dates += 1  # each its own: what fell into one minute once may not do so again
        return f"{{moment{self._dates}}}"

    def _bare(self, found: re.Match[str]) -> str:
        name = self._phones.get(found[1]) or self._numbers.get(found[1])
        return f"{{{name}}}" if name else found[0]


def _shown(moments: Sequence[Moment]) -> Iterator[str]:
    for moment in moments:
        if moment.reply is not None:
            yield escaped(moment.reply.text)
        elif moment.what is What.SMS:
            yield moment.text
