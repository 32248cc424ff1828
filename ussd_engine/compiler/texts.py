"""Texts in every language of the service, compiled to templates; what is missing is a problem."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ussd_engine.compiler.says import SAYS, VALUES
from ussd_engine.compiler.schema import MenuSpec, Texts
from ussd_engine.compiler.source import Path, Source
from ussd_engine.core.errors import Problem
from ussd_engine.core.service import Text
from ussd_engine.text.formats import FORMATS, FormatContext
from ussd_engine.text.template import Formatter, Template, TemplateError, Value

DEFAULT_LANGUAGE = "en"
SENTENCE_WORDS = 3
"""Equal texts of fewer words are names and words that two languages share."""
SAME = "all"
"""In place of a language: the text is the same in every one, `{all: CLICK}`."""
DEFAULT_ZONE = "UTC"
COMPARED_MAX = 300
"""Names that a misspelt one is compared with, each."""


def nearest(word: str, known: list[str]) -> str:
    """Say which known name was probably meant, or list them all."""
    close = difflib.get_close_matches(word, _alike(word, known), n=1)
    if close:
        return f"Did you mean '{close[0]}'?"
    return f"Known are: {', '.join(sorted(known)[:20])}." if known else "There are none."


def _alike(word: str, known: list[str]) -> list[str]:
    """Of many names keep those that begin or end as `word` does: comparing with thousands takes its time."""
    if len(known) <= COMPARED_MAX:
        return known
    return [name for name in known if name[:3] == word[:3] or name[-3:] == word[-3:]]


class TextCompiler:
    """Turns authors' texts into `Text`, for one service."""

    def __init__(self, source: Source, service: MenuSpec, problems: list[Problem]) -> None:
        self.problems = problems
        self.service_code = service.service_code or ""
        self.languages = tuple(service.languages or (DEFAULT_LANGUAGE,))
        self.words: dict[str, dict[str, dict[str, str]]] = {}
        zone = service.zone or DEFAULT_ZONE
        try:
            context = FormatContext(ZoneInfo(zone))
        except (ZoneInfoNotFoundError, ValueError, OSError):
            problems.append(
                source.problem(
                    ("zone",),
                    "unknown-zone",
                    f"no time zone is named '{zone}'.",
                    "Use an IANA name: Asia/Tashkent.",
                )
            )
            context = FormatContext(ZoneInfo("UTC"))
        self._plain = {name: _bound(write, context) for name, write in FORMATS.items()}
        self._formatters: dict[str, Mapping[str, Formatter]] = {}

    def add_words(self, source: Source, spec: MenuSpec) -> None:
        """Make each `words:` table of a file a format of its name."""
        for table, entries in spec.words.items():
            if table in self._plain or table in self.words:
                what = f"a format is named '{table}' already."
                self.problems.append(
                    source.problem(
                        ("words", table), "duplicate-name", what, "Give the table another name.", on_key=True
                    )
                )
                continue
            self.words[table] = {}
            for value, texts in entries.items():
                at: Path = ("words", table, value)
                text = self.text(source, at, texts)
                if not text.is_static:
                    what = "a word can't hold variables."
                    self.say(source, at, "template", what, "Put them into the texts that use the word.")
                self.words[table][value] = {
                    language: template.static or "" for language, template in text.by_language.items()
                }
        self._formatters.clear()

    def formatters(self, language: str) -> Mapping[str, Formatter]:
        """Return every format, bound to a language."""
        if language not in self._formatters:
            bound = dict(self._plain)
            for table, entries in self.words.items():
                bound[table] = _looked_up(
                    {value: texts.get(language, value) for value, texts in entries.items()}
                )
            self._formatters[language] = bound
        return self._formatters[language]

    def text(self, source: Source, path: Path, texts: Texts) -> Text:
        """Compile one text; on a problem the text is left empty in that language."""
        if isinstance(texts, str):
            if not texts.strip() and path not in source.holes:
                self.say(source, path, "empty-text", "the text is empty.", "Write it, or take it away.")
            # A text without letters, such as "{number}", is the same in every language.
            if len(self.languages) > 1 and any(c.isalpha() for c in _outside_slots(texts)):
                self.problems.append(
                    source.problem(
                        path,
                        "missing-language",
                        f"the text is in one language, the service has {', '.join(self.languages)}.",
                        f"Write {{{self.languages[0]}: …, {self.languages[1]}: …}}, or {{all: …}} if it is "
                        "the same.",
                    )
                )
            by_language = dict.fromkeys(self.languages, texts)
        elif set(texts) == {SAME}:
            by_language = dict.fromkeys(self.languages, texts[SAME])
            path = (*path, SAME)
            texts = texts[SAME]
        else:
            self._languages_match(source, path, texts)
            self._languages_differ(source, path, texts)
            by_language = {language: texts.get(language, "") for language in self.languages}
        return Text(
            {
                language: self._template(
                    source, path if isinstance(texts, str) else (*path, language), text, language
                )
                for language, text in by_language.items()
            }
        )

    def say(self, source: Source, path: Path, rule: str, what: str, mend: str) -> None:
        self.problems.append(source.problem(path, rule, what, mend))

    def _languages_match(self, source: Source, path: Path, texts: Mapping[str, str]) -> None:
        missing = [language for language in self.languages if not texts.get(language, "").strip()]
        if missing:
            self.problems.append(
                source.problem(
                    path,
                    "missing-language",
                    f"the text has no {' and no '.join(missing)}.",
                    f"Add {', '.join(f'`{language}: …`' for language in missing)}.",
                )
            )
        for language in texts:
            if language not in self.languages:
                what = f"'{language}' is not a language of this service."
                mend = f"{nearest(language, list(self.languages))} Languages stand under `languages:`."
                if not texts[language]:
                    mend = "In {…} a text with a comma or a brace needs quotes."
                self.problems.append(
                    source.problem((*path, language), "unknown-language", what, mend, on_key=True)
                )

    def _languages_differ(self, source: Source, path: Path, texts: Mapping[str, str]) -> None:
        """Warn of a sentence that stands in two languages: one was probably not translated."""
        seen: dict[str, str] = {}
        for language, text in texts.items():
            words = _own_words(text)
            if len(words) < SENTENCE_WORDS:
                continue
            sentence = " ".join(words)
            if sentence in seen:
                what = f"the text in '{language}' is the same as in '{seen[sentence]}'."
                mend = "Translate it, or write {all: …} if it is the same in every language."
                self.problems.append(source.problem((*path, language), "same-text", what, mend, warning=True))
            seen.setdefault(sentence, language)

    def _template(self, source: Source, path: Path, text: str, language: str) -> Template:
        if "\\n" in text:
            what = "'\\n' begins a new line only inside double quotes."
            self.say(source, path, "backslash", what, f'Write "{_short(text)}".')
        try:
            return self._compiled(text, language)
        except TemplateError as error:
            self.problems.append(
                source.problem(path, "template", f"{error} in '{_short(text)}'.", error.mend)
            )
            return Template("")

    def _compiled(self, text: str, language: str) -> Template:
        return Template(text.replace("{service_code}", self.service_code), self.formatters(language))

    def says(self, source: Source, spec: MenuSpec) -> dict[str, Text]:
        """Compile the engine's own texts: the service's where it has them, else the built-in ones."""
        for code in spec.says:
            if code not in SAYS:
                what = f"the engine never says '{code}'."
                self.problems.append(
                    source.problem(
                        ("says", code), "unknown-says", what, nearest(code, list(SAYS)), on_key=True
                    )
                )
        for language in self.languages:
            lacking = sorted(code for code in SAYS if language not in SAYS[code] and code not in spec.says)
            if lacking:
                what = f"the engine does not speak '{language}': {len(lacking)} texts are missing."
                mend = f"Add them under `says:`: {', '.join(lacking)}."
                self.say(source, ("languages",), "missing-language", what, mend)
        found = {}
        for code, built_in in SAYS.items():
            if code in spec.says:
                found[code] = self.text(source, ("says", code), spec.says[code])
                known = VALUES.get(code.split(".")[0], ())
                for name in sorted(found[code].names.difference(known)):
                    what = f"'{code}' is never told '{name}'."
                    self.say(source, ("says", code), "unknown-variable", what, nearest(name, [*known]))
                continue
            found[code] = Text(
                {
                    language: self._compiled(built_in.get(language, built_in["en"]), language)
                    for language in self.languages
                }
            )
        return found


def _bound(write: Callable[[str | int, FormatContext], str], context: FormatContext) -> Formatter:
    def formatter(value: Value) -> str:
        if value is None or value == "":
            return ""
        try:
            return write(value, context)
        except ValueError:
            # A value of the wrong kind is the action's fault; the subscriber still gets a screen.
            return str(value)

    return formatter


def _looked_up(table: Mapping[str, str]) -> Formatter:
    return lambda value: "" if value is None else table.get(str(value), str(value))


def _own_words(text: str) -> list[str]:
    """Return the words that a translator translates: no variables, figures, codes or names in capitals."""
    return [word for word in re.findall(r"[^\W\d_]+", _outside_slots(text)) if not word.isupper()]


def _outside_slots(text: str) -> str:
    depth, kept = 0, []
    for character in text:
        depth += (character == "{") - (character == "}")
        if depth == 0 and character != "}":
            kept.append(character)
    return "".join(kept)


def _short(text: str) -> str:
    line = text.replace("\n", "\\n")
    return line if len(line) <= 40 else f"{line[:37]}..."
