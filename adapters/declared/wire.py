"""A form read and written as its description says, without I/O."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

from pydantic import BeforeValidator

from adapters.codec import PLAIN, Answer, Asked, Codec, Heard, deeper, dialled, query
from adapters.codec import Options as CommonOptions
from adapters.declared.description import Conditions, Description, Template, read, request_fields
from adapters.form import read_form, required
from adapters.jsonbody import json_answer, read_json, text
from adapters.xmlbody import within_quotes, written
from ussd_engine import Kind, Reply, Turn, WireError
from ussd_engine.text.gsm import is_gsm7

Form = Annotated[Description, BeforeValidator(read)]
_WORD = re.compile(r"\{([^{}]*)\}")
_DIALLED = re.compile(r"^([0-9*]*)#(?=\*)")
"""What was dialled, where answers have been joined since: its hash ends it, an answer keeps its own (S14)."""


@dataclass(frozen=True, kw_only=True)
class Options(CommonOptions):
    """Beside what all kinds share, `form`: a description, its file, or the name of one that came along."""

    form: Form


class Declared(Codec[Options]):
    """One described form."""

    def __init__(self, gateway: str, options: Options) -> None:
        super().__init__(gateway, options)
        self._form = options.form
        self._limits = request_fields(options.form)
        self.routes = ((options.form.method, ""),)

    def decode(self, asked: Asked) -> Heard:
        """Read a request; see `Codec.decode`."""
        form, fields = self._form, self._fields(asked)
        required(fields, form.msisdn, *([form.session] if form.session else []))
        code = fields.get(form.code, "") if form.code else ""
        if not (code or form.service_code) and form.code and form.text_is != "latest":
            raise WireError(f"missing: {form.code}")
        code = dialled(code or form.service_code or "")
        for kind, conditions in ((Kind.ABORT, form.abort), (Kind.TIMEOUT, form.timeout)):
            if conditions is not None and _fit(conditions, fields):
                return Heard(self._turn(kind, fields, code=code), fields)
        if form.text_is == "latest":
            return Heard(self._latest(fields, code), fields)
        return Heard(self._accumulated(fields, code), fields)

    def encode(self, reply: Reply, heard: Heard) -> Answer:
        """The answer, by the template of a screen, of the last one, or of none."""
        shape, turn = self._form.reply, heard.turn
        is_gone = turn is not None and turn.kind in (Kind.ABORT, Kind.TIMEOUT)
        template = shape.gone if is_gone else shape.open if reply.open else shape.end
        headers = shape.headers.open if reply.open else shape.headers.end
        if shape.headers.wide and not is_gsm7(reply.text):
            headers = {**headers, **shape.headers.wide}
        words = {f"request.{name}": value for name, value in heard.echo.items()}
        words["text"] = reply.text
        if turn is not None:
            words |= {"session": turn.dialogue, "msisdn": turn.msisdn, "code": turn.service_code}
        if isinstance(template, Mapping):
            answer = json_answer(_filled(template, words, is_xml=False))
            return Answer(answer.body, answer.content_type, headers)
        is_xml = "xml" in shape.type
        return Answer(str(_filled(template, words, is_xml=is_xml)).encode(), shape.type or PLAIN, headers)

    def _fields(self, asked: Asked) -> dict[str, str]:
        if self._form.fields == "query":
            return query(asked, self._limits)
        if self._form.fields == "form":
            return read_form(asked.body, asked.content_type, self._limits)
        given = read_json(asked)
        return {name: text(given, name, limit) for name, limit in self._limits.items()}

    def _turn(self, kind: Kind, fields: Mapping[str, str], **more: Any) -> Turn:
        form = self._form
        return self.turn(
            kind,
            dialogue=fields[form.session] if form.session else "",
            phone=(fields[form.msisdn], form.msisdn),
            request_id=fields.get(form.request_id, "") if form.request_id else "",
            **more,
        )

    def _latest(self, fields: Mapping[str, str], code: str) -> Turn:
        """`begin` says whether a dialogue begins; without it nothing typed does, or a dialled string."""
        typed, own = fields.get(self._form.text, ""), code.removesuffix("#")
        is_dialled = typed.startswith(own) if own != "*" else typed.startswith("*")
        begins = _fit(self._form.begin, fields) if self._form.begin else is_dialled or not typed
        if not begins:
            return self._turn(Kind.ANSWER, fields, text=typed, code=code)
        # Where nothing else says what was dialled, it is what was typed, star or no star.
        begun = dialled(typed) if is_dialled or own == "*" else code
        return self._turn(Kind.BEGIN, fields, text=begun, code=code)

    def _accumulated(self, fields: Mapping[str, str], code: str) -> Turn:
        """As Africa's Talking's: what is known of it is passed on whole, the session splits it (S14)."""
        typed = fields.get(self._form.text, "")
        if self._form.text_is == "accumulated with code":
            whole, own = f"*{typed.removeprefix('*')}", code.removesuffix("#")
            # A code that is shown with its hash keeps it while more is dialled behind it on some links.
            rest = whole.removeprefix(own)
            if rest == whole or rest[:1] not in ("", "#", "*"):
                raise WireError(f"{self._form.text} does not begin with the service code")
            typed = rest.removeprefix("#").removeprefix("*")
            if rest[:1] != "#":
                typed = _DIALLED.sub(r"\1", typed.removesuffix("#"))
        begins = _fit(self._form.begin, fields) if self._form.begin else not typed
        return self._turn(
            Kind.BEGIN if begins else Kind.ANSWER,
            fields,
            text=deeper(code, typed) if len(typed) < 182 - len(code) else code,
            code=code,
            accumulated=typed,
            may_begin=bool(typed) and (self._form.deep_in_text or typed[0] == "*"),
        )


def _fit(conditions: Conditions, fields: Mapping[str, str]) -> bool:
    return all(_is(fields.get(name, ""), wanted) for name, wanted in conditions.items())


def _is(value: str, wanted: str | tuple[str, ...]) -> bool:
    choices = (wanted,) if isinstance(wanted, str) else wanted
    return any(
        value.startswith(choice[:-1]) if choice.endswith("…") else value == choice for choice in choices
    )


def _filled(template: Template | Any, words: Mapping[str, str], *, is_xml: bool) -> Any:
    if isinstance(template, str):
        return _WORD.sub(partial(_in_xml, words) if is_xml else (lambda m: words.get(m[1], "")), template)
    if isinstance(template, Mapping):
        return {name: _filled(value, words, is_xml=is_xml) for name, value in template.items()}
    if isinstance(template, list | tuple):
        return [_filled(value, words, is_xml=is_xml) for value in template]
    return template


def _in_xml(words: Mapping[str, str], place: re.Match[str]) -> str:
    """A word as it has to stand at its place: in a tag, where it is part of an attribute, or between two."""
    before, word = place.string[: place.start()], words.get(place[1], "")
    return within_quotes(word) if before.rfind("<") > before.rfind(">") else written(word)
