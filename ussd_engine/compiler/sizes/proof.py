"""The size proof: what each screen costs at worst in every language, and whether a network can carry it.

Nothing is sampled: every variable stands for all the values its question, action or word table lets it have.
The order in which a screen gives way is taken from `core.screens`, so that what is proved is what is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from ussd_engine.actions import Action
from ussd_engine.compiler.sizes.costs import NOTHING, Cost, any_of, joined
from ussd_engine.compiler.sizes.domains import Domains, domains, readable
from ussd_engine.compiler.sizes.forced import Finder, Forced, Words, end_field, named
from ussd_engine.compiler.sizes.frame import Frame
from ussd_engine.compiler.sizes.meter import Meter, lines
from ussd_engine.compiler.sizes.pagecount import page_count, too_long
from ussd_engine.compiler.sizes.refusals import refusals
from ussd_engine.compiler.source import Places
from ussd_engine.core.errors import Problem
from ussd_engine.core.screens import ROWS_MAX, is_heading
from ussd_engine.core.service import OFF, AnyState, End, Listing, Question, Screen, Service, Shown, Text
from ussd_engine.text.cost import USSD_OCTETS_MAX, first_ucs2, fits
from ussd_engine.text.template import Formatter, Slot

OCTETS_MIN = 80
"""The least a screen can hold and still turn pages in any language."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """One state's worst case in one language, for screens of a given number of octets.

    Attributes:
        octets: of the whole screen, its line back included; of a list, with one row and both turning lines.
        with_note: the same under the longest line that says what was wrong, where there can be one.
        encoding: the alphabet of the worst case without a note.
        forced_by: what makes it UCS-2.
        gives_way: what may have to be left out so that it fits: the line back, the note, the title.
        pages: at most; 1 unless it must be split.
        rows: how many rows a list's page shows at least (if there are so many).
        cut: what would be cut in two although it must not be.
    """

    state: str
    language: str
    octets: int
    with_note: int | None = None
    encoding: Literal["gsm7", "ucs2"] = "gsm7"
    forced_by: Forced | None = None
    gives_way: tuple[str, ...] = ()
    pages: int = 1
    rows: int | None = None
    cut: str | None = None


class SizeProof:
    """Proves the sizes of one compiled service. `words` are its word tables."""

    def __init__(
        self,
        service: Service,
        actions: Mapping[str, Action],
        words: Words,
        formatters: Mapping[str, Mapping[str, Formatter]],
        places: Places,
        octets: int = USSD_OCTETS_MAX,
    ) -> None:
        """Take a service apart.

        Args:
            formatters: every format by language and name.
            octets: what one screen holds.

        Raises:
            ValueError: `octets` is less than any menu could live with.
        """
        if octets < OCTETS_MIN:
            raise ValueError(f"a screen of {octets} octets is too small; the least is {OCTETS_MIN}")
        self._service = service
        self._actions = actions
        self.words = words
        self._places = places
        self._octets = octets
        self._variables = domains(service.states, actions, service.pushes)
        self._meters = {
            language: Meter(
                {
                    name: {value: texts.get(language, value) for value, texts in table.items()}
                    for name, table in words.items()
                },
                formatters[language],
            )
            for language in service.languages
        }
        self._finder = Finder(service, self._meters, words, places)
        self._notes: dict[tuple[object, str], Cost] = {}

    # --- the table and the problems -----------------------------------------------------------------------

    def table(self) -> list[Size]:
        """Measure every screen in every language, and the engine's own last words."""
        found = [
            self.size(state, language)
            for state in self._service.states.values()
            if state.name != OFF and isinstance(state, Shown)
            for language in self._service.languages
        ]
        for language in self._service.languages:
            text = self._service.say("over", language)
            cost, place = Cost.of(text), first_ucs2(text)
            forced = None if place is None else Forced(f"{named(text[place])} of `says: over`")
            found.append(
                Size(
                    state="!over",
                    language=language,
                    octets=cost.octets,
                    encoding=cost.encoding,
                    forced_by=forced,
                )
            )
        return found

    def problems(self) -> list[Problem]:
        """Tell which screens must be split (warnings), and what would be cut in two."""
        found: list[Problem] = []
        for state in self._service.states.values():
            if state.name not in self._places or not isinstance(state, Shown):
                continue
            for language in self._service.languages:
                if not self._plainly_fits(state, language):
                    found += self.explained(state, self.size(state, language))
        return found

    def explained(self, state: AnyState, size: Size) -> Iterator[Problem]:
        """Put what is wrong with a screen in an author's words."""
        if state.name not in self._places:
            return
        source, path = self._places[state.name]
        below = end_field(source, path) if isinstance(state, End) else (_FIELDS[type(state)],)
        at = (*path, *below, size.language)
        short = state.name.split(".", 1)[-1]
        why = f" It is UCS-2 because of {size.forced_by}." if size.forced_by else ""
        if size.cut:
            what = (
                f"in '{size.language}' {size.cut} of state '{short}' can exceed {self._octets} octets.{why}"
            )
            yield source.problem(at, "size-cut", what, "Shorten it, or lower a variable's maximum.")
        elif size.pages > 1:
            needs = f"{size.octets} octets, more than {self._octets}: up to {size.pages} pages"
            what = f"in '{size.language}' state '{short}' can take {needs}.{why}"
            yield source.problem(at, "size-paged", what, "Shorten the text or the options.", warning=True)

    def _plainly_fits(self, state: AnyState, language: str) -> bool:
        """Tell at once that a screen without variables fits: a reload checks thousands of them."""
        if not isinstance(state, Screen | Question | End):
            return False
        parts = [state.text.by_language[language].static]
        for option in state.options if isinstance(state, Screen) else ():
            text = option.text.by_language[language].static
            parts.append(None if text is None else f"{option.key}.{text}")
        texts = [part for part in parts if part is not None]
        return len(texts) == len(parts) and fits("\n".join(texts), self._octets)

    # --- one screen ---------------------------------------------------------------------------------------

    def size(self, state: AnyState, language: str) -> Size:
        """Measure one state in one language."""
        match state:
            case Listing():
                return self._listing(state, language)
            case Screen() | Question() | End():
                return self._screen(state, language)
            case _:
                raise TypeError(f"state '{state.name}' shows nothing")

    def _cost(self, text: Text, language: str, variables: Domains | None = None) -> Cost:
        return self._meters[language].text(text.by_language[language], variables or self._variables)

    def _foot(self, state: Screen | Question | Listing, language: str) -> Cost:
        """The line back: where some screen can come before this one."""
        keys, label = self._service.keys, self._service.labels[language].back
        if not any(trigger.startswith("back>") for trigger in state.triggers):
            return NOTHING
        match state:
            case Question():
                return Cost.of(f"{keys.home}.{label}")
            case Screen():
                return NOTHING if keys.back in state.by_key else Cost.of(f"{keys.back}.{label}")
            case Listing():
                return NOTHING if state.ends_on_last else Cost.of(f"{keys.back}.{label}")

    def _note(self, state: AnyState, language: str) -> Cost:
        """The line that says why an answer was not taken: its longest wording."""
        kind = state.type if isinstance(state, Question) else None
        key = (kind, language)
        if key not in self._notes:
            self._notes[key] = any_of(
                Cost.of(self._service.say(refused.code, language, refused.values))
                for refused in refusals(kind)
            )
        return self._notes[key]

    def _turning(self, state: Shown, language: str) -> tuple[Cost, Cost]:
        keys, labels = self._service.keys, self._service.labels[language]
        more = f"{state.more_key or keys.more}.{labels.more}"
        return Cost.of(more), Cost.of(f"{keys.previous}.{labels.previous}")

    def _screen(self, state: Screen | Question | End, language: str) -> Size:
        title = self._cost(state.text, language)
        options: list[Cost] = []
        for option in state.options if isinstance(state, Screen) else ():
            line = Cost.of(f"{option.key}.").then(self._cost(option.text, language))
            options.append(line if option.when is None else line.or_nothing())
        ends = isinstance(state, End)
        frame = Frame(
            note=NOTHING if ends else self._note(state, language),
            title=title,
            body=joined(options),
            foot=NOTHING if isinstance(state, End) else self._foot(state, language),
        )
        droppable = bool(options) and is_heading(state.text, state.text.by_language[language].static or "")
        gives_way, whole = frame.fitting(self._octets, replaced=droppable, dropped=droppable)
        if droppable and frame.body.may_be_empty and title.octets > self._octets:
            whole = False  # with every option hidden, the title must stay
        pages, cut = 1, None
        if not whole:
            meter, (more, previous) = self._meters[language], self._turning(state, language)
            stretches = self._parts(state, language, lambda slot: meter.slot(slot, self._variables))
            pages = page_count(stretches, more, previous, self._octets)
            pieces = self._parts(state, language, lambda slot: meter.piece(slot, self._variables))
            cut = "a word" if too_long(pieces, more, previous, self._octets) else None
        return self._sized(state, language, frame, gives_way=gives_way, pages=pages, cut=cut)

    def _parts(
        self, state: Screen | Question | End, language: str, measure: Callable[[Slot], Cost]
    ) -> list[list[list[Cost]]]:
        options = state.options if isinstance(state, Screen) else ()
        return [
            lines(state.text.by_language[language], measure),
            *(lines(one.text.by_language[language], measure, before=f"{one.key}.") for one in options),
        ]

    def _listing(self, state: Listing, language: str) -> Size:
        more, previous = self._turning(state, language)
        row = self._cost(state.row, language, readable(state, self._variables, self._actions))
        if state.variable is not None:
            row = Cost.of("9.").then(row)
        title = NOTHING if state.text is None else self._cost(state.text, language)
        heading = state.text is not None and is_heading(
            state.text, state.text.by_language[language].static or ""
        )
        frame = Frame(
            self._note(state, language), title, row, self._foot(state, language), joined((more, previous))
        )
        gives_way, _ = frame.fitting(self._octets, replaced=heading, dropped=True)
        cut = "a row" if joined((row, more)).octets > self._octets else None
        rows = 1
        while (
            rows < (state.rows_max or ROWS_MAX)
            and joined((title, *[row] * (rows + 1), more, previous)).octets <= self._octets
        ):
            rows += 1
        return self._sized(state, language, frame, gives_way=gives_way, rows=rows, cut=cut)

    def _sized(
        self,
        state: Shown,
        language: str,
        frame: Frame,
        *,
        gives_way: tuple[str, ...],
        pages: int = 1,
        rows: int | None = None,
        cut: str | None = None,
    ) -> Size:
        whole = frame.whole()
        noted = None if frame.note is NOTHING else joined((frame.note, whole)).octets
        return Size(
            state=state.name,
            language=language,
            octets=whole.octets,
            with_note=noted,
            encoding=whole.encoding,
            forced_by=self._finder.find(state, language, readable(state, self._variables, self._actions))
            if whole.is_ucs2
            else None,
            gives_way=gives_way,
            pages=pages,
            rows=rows,
            cut=cut,
        )


_FIELDS: Mapping[type, str] = {Screen: "text", Question: "ask", Listing: "row"}
