"""The form of Eyeline's SADS (MiniApps), both ways, without I/O.

All of it is second-hand: no official page was found, so whatever may differ is a setting. The gateway GETs a
page with `subscriber` (or `wnumber`) and others; `bad_command` is an input that fitted no link. The
application returns `<page version="2.0">` with a title, a text in `<div>`, an input and where it leads. A
page without links ends the session. Nothing names a session (unless the setting `session` does) or tells that
one was left.
"""

from __future__ import annotations

from dataclasses import dataclass

from adapters.codec import Answer, Asked, Codec, Heard, dialled, query
from adapters.codec import Options as CommonOptions
from adapters.form import required
from adapters.xmlbody import attribute, written, xml_answer
from ussd_engine import Kind, Reply


@dataclass(frozen=True, kw_only=True)
class Options(CommonOptions):
    """As all kinds, and what may differ.

    Attributes:
        service_code: what is dialled here, `*880#`; a request says it nowhere.
        subscriber: the field of the number.
        session: the field of a session's id; empty: there is none.
        answer: the field under which an input comes back; a request without it begins a dialogue.
        page: the pageId of the next request; empty: the same page.
        title: of every page.
    """

    service_code: str
    subscriber: str = "subscriber"
    session: str = ""
    answer: str = "answer"
    page: str = ""
    title: str = ""


class Sads(Codec[Options]):
    """One gateway of this form."""

    def __init__(self, gateway: str, options: Options) -> None:
        super().__init__(gateway, options)
        self.routes = (("GET", ""),)
        names = (options.subscriber, options.session, options.answer, "bad_command")
        self._fields = dict.fromkeys((name for name in names if name), 182)
        self._code = dialled(options.service_code)

    def decode(self, asked: Asked) -> Heard:
        """Read a request; see `Codec.decode`."""
        options, fields = self.options, query(asked, self._fields)
        required(fields, options.subscriber, *([options.session] if options.session else []))
        dialogue = fields[options.session] if options.session else ""
        phone = (fields[options.subscriber], options.subscriber)
        typed = fields.get("bad_command") or fields.get(options.answer)
        if typed is None:
            return Heard(self.turn(Kind.BEGIN, dialogue=dialogue, phone=phone, text=self._code))
        return Heard(self.turn(Kind.ANSWER, dialogue=dialogue, phone=phone, text=typed))

    def encode(self, reply: Reply, heard: Heard) -> Answer:  # noqa: ARG002
        """A page; one that waits has an input and the link it leads to."""
        options = self.options
        lines = "<br/>".join(written(line) for line in reply.text.split("\n"))
        page = f'<page version="2.0"><title>{written(options.title)}</title><div>{lines}</div>'
        if not reply.open:
            return xml_answer(f"{page}</page>")
        name, target = attribute(options.answer), attribute(options.page)
        return xml_answer(
            f'{page}<div><input navigationId="next" name={name} title=""/></div>'
            f'<navigation id="next"><link accesskey="1" pageId={target}>OK</link></navigation></page>'
        )
