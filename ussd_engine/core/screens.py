"""What a state looks like on a phone: one screen, never larger than the gateway carries.

A screen gives way in a fixed order: the line that offers `back` goes first, then a heading (a short title
without variables) makes room for the line that says what was wrong, then that line goes, then the heading;
only then is the screen split. Sums and other values are never what is cut.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ussd_engine.core.events import Row
from ussd_engine.core.service import End, Listing, Option, Question, Screen, Service, Text
from ussd_engine.core.session import Session
from ussd_engine.text.cost import fits
from ussd_engine.text.paging import paginate
from ussd_engine.text.template import Value

TITLE_MAX = 30
"""Characters of a heading that may give way to options or rows; a longer text is the message itself."""
ROWS_MAX = 9
"""Rows a list page asks its action for: each is chosen by one digit."""


@dataclass(frozen=True, slots=True)
class Pages:
    """A state's text on a phone; one page unless it cannot be helped."""

    texts: tuple[str, ...]

    def __getitem__(self, page: int) -> str:
        return self.texts[min(page, len(self.texts) - 1)]

    def __len__(self) -> int:
        return len(self.texts)


@dataclass(frozen=True, slots=True)
class ListPage:
    """One page of a list: its text, the ids of the rows on it, and whether more rows follow them."""

    text: str
    ids: tuple[str, ...]
    more: bool


def _joined(*parts: str) -> str:
    return "\n".join([part for part in parts if part])


def visible(options: Sequence[Option], variables: Mapping[str, Value]) -> list[Option]:
    """Return the options that show; one that is hidden leaves the others' keys as they are."""
    return [option for option in options if option.when is None or variables.get(option.when)]


def pages(
    service: Service, session: Session, state: Screen | Question | End, *, note: str = "", octets: int
) -> Pages:
    """Lay out a screen, a question or an end.

    Args:
        note: the line that says why the last answer was not taken.
        octets: what one screen holds.
    """
    language, variables, keys = session.language, session.variables, service.keys
    title = state.text.render(language, variables)
    lines: list[str] = []
    foot = ""
    if isinstance(state, Screen):
        lines = [f"{o.key}.{o.text.render(language, variables)}" for o in visible(state.options, variables)]
        if session.history and keys.back not in state.by_key:
            foot = f"{keys.back}.{service.labels[language].back}"
    elif isinstance(state, Question) and session.history:
        foot = f"{keys.home}.{service.labels[language].back}"

    body = "\n".join(lines)
    heading = bool(lines) and is_heading(state.text, title)
    for said, head, last in giving_way(note, title, foot, replaced=heading, dropped=heading):
        text = _joined(said, head, body, last)
        if fits(text, octets):
            return Pages((text,))

    more, previous = _turning(service, state.more_key, language)
    split = paginate(title, lines, octets_max=octets, more=more, previous=previous, foot=foot)
    if note:
        split = [_joined(note, page) if fits(_joined(note, page), octets) else page for page in split]
    return Pages(tuple(split))


def is_heading(text: Text | None, title: str) -> bool:
    """Tell whether a title is only a heading, which may make room: short, and without variables."""
    return text is not None and text.is_static and len(title) <= TITLE_MAX


def _turning(service: Service, more_key: str | None, language: str) -> tuple[str, str]:
    labels, keys = service.labels[language], service.keys
    return f"{more_key or keys.more}.{labels.more}", f"{keys.previous}.{labels.previous}"


def has_fixed_text(state: Screen | Question | End) -> bool:
    """Tell whether title and options read the same for every subscriber of a language."""
    if not state.text.is_static:
        return False
    return not isinstance(state, Screen) or all(option.text.is_static for option in state.options)


def is_plain(state: Screen | Question | End) -> bool:
    """Tell whether the whole screen is the same for every subscriber of a language: no option hides."""
    if isinstance(state, Screen) and any(option.when is not None for option in state.options):
        return False
    return has_fixed_text(state)


def list_page(
    service: Service,
    session: Session,
    state: Listing,
    rows: Sequence[Row],
    *,
    more: bool,
    note: str = "",
    octets: int,
) -> ListPage:
    """Put as many rows on the screen as fit, numbered where one can be chosen.

    `more`: the action has rows after these. Each row is rendered once.
    """
    language, keys = session.language, service.keys
    numbered = state.variable is not None
    texts = []
    for number, row in enumerate(rows[: state.rows_max or ROWS_MAX], 1):
        text = state.row.render(language, {**session.variables, **row.values})
        texts.append(f"{number}.{text}" if numbered else text)
    title = state.text.render(language, session.variables) if state.text else ""
    next_line, previous_line = _turning(service, state.more_key, language)
    back = (
        f"{keys.back}.{service.labels[language].back}" if session.history and not state.ends_on_last else ""
    )
    earlier = previous_line if len(session.cursors) > 1 else ""
    heading = is_heading(state.text, title)
    for count in range(len(texts), 0, -1) if texts else (0,):
        goes_on = count > 0 and (more or count < len(rows))
        turning = next_line if goes_on else ""
        before = "" if state.ends_on_last and not goes_on else earlier  # a closed screen takes no answers
        body = "\n".join(texts[:count])
        # While rows can still be taken off, only the courtesies give way; a title stays with several rows.
        for said, head, last in giving_way(note, title, back, replaced=heading, dropped=count <= 1):
            text = _joined(said, head, body, turning, before, last)
            if fits(text, octets):
                return ListPage(text, tuple(row.id for row in rows[:count]), goes_on)
    if not texts:
        return ListPage(earlier, (), False)
    goes_on = more or len(rows) > 1
    navigation = [next_line] if goes_on else []
    cut = paginate(texts[0], navigation, octets_max=octets, more="".join(navigation), previous="")[0]
    return ListPage(cut, (rows[0].id,), goes_on)


def giving_way(
    note: str, title: str, foot: str, *, replaced: bool, dropped: bool
) -> Iterator[tuple[str, str, str]]:
    """Yield note, title and foot in the order in which they give way.

    `replaced`: the note may take the title's place. `dropped`: the title may go without a note as well.
    """
    for said in (note, "") if note else ("",):
        for head in (title, "") if (replaced if said else dropped) else (title,):
            for last in (foot, "") if foot else ("",):
                yield said, head, last
