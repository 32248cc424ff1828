"""Forms that are described (`adapters/declared/forms/` and an operator's own), read the other way round."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final
from xml.sax.saxutils import unescape

from adapters.declared.description import Conditions, Description, DescriptionError, read, request_fields
from simulator.wires.dialects.dialect import Dialect, Request, Response, form, get, posted
from simulator.wires.wire import Call, Leaving, NoService, Options
from ussd_engine import Reply, WireError

_WORD: Final = re.compile(r"\{([^{}]*)\}")
_OTHER: Final = {"true": "false", "1": "0", "Initiation": "Response"}
"""What is sent where a condition must not hold; a field whose opposite isn't known is left out."""


class Described(Dialect):
    """One described form."""

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        try:
            self._form: Description = read(options.get("form"))
        except DescriptionError as error:
            raise NoService(f"the form can't be used: {error}") from None
        self._known = request_fields(self._form)

    def begin(self, call: Call) -> Request:
        """By the form's `begin`, if it has one."""
        return self._request(call, self._typed(call, call.code), self._form.begin)

    def answer(self, call: Call, text: str) -> Request:
        """Without it."""
        return self._request(call, self._typed(call, text), None)

    def leave(self, call: Call, why: Leaving) -> Request | None:
        """By its `abort` or `timeout`."""
        timeout = self._form.timeout if why is Leaving.TIMEOUT else None
        how = timeout or self._form.abort
        return None if how is None else self._request(call, "", how)

    def read(self, _call: Call, response: Response) -> Reply:
        """Whichever template fits."""
        shape = self._form.reply
        for template, headers, is_open in (
            (shape.open, shape.headers.open, True),
            (shape.end, shape.headers.end, False),
        ):
            if any(response.headers.get(name.lower()) != value for name, value in headers.items()):
                continue
            text = self._found(template, response)
            if text is not None:
                return Reply(text, open=is_open)
        raise WireError("the answer fits neither reply.open nor reply.end of the form")

    def _typed(self, call: Call, text: str) -> str:
        how = self._form.text_is
        deep = [call.deep] if call.deep else []
        if how == "latest":
            is_bare = not call.answers and self._form.begin is None and self._form.code and not deep
            return "" if is_bare else text
        inputs = "*".join([*deep, *call.answers])
        if how == "accumulated":
            return inputs
        own = call.base.removesuffix("#")
        return f"{own}*{inputs}" if inputs else f"{own}#"

    def _request(self, call: Call, typed: str, holds: Conditions | None) -> Request:
        described = self._form
        fields: dict[str, Any] = {described.msisdn: call.number, described.text: typed}
        if described.session:
            fields[described.session] = call.name
        if described.code:
            fields[described.code] = call.base
        if described.request_id:
            fields[described.request_id] = call.kept["count"] = call.kept.get("count", 0) + 1
        for conditions in (described.begin, described.abort, described.timeout):
            if conditions is not None and conditions is not holds:
                fields |= {
                    name: _OTHER[value] for name, value in _first(conditions).items() if value in _OTHER
                }
        fields |= _first(holds or {})
        if described.fields == "json":
            return posted({name: _natural(value) for name, value in fields.items()})
        return form(fields) if described.fields == "form" else get(fields)

    def _found(self, template: Any, response: Response) -> str | None:
        if not isinstance(template, Mapping):
            is_xml = "xml" in self._form.reply.type
            text = _match(template, response.text)
            return text if text is None or not is_xml else unescape(text, {"&quot;": '"'})
        try:
            return _inside(template, json.loads(response.text))
        except ValueError:
            return None


def _first(conditions: Conditions) -> dict[str, str]:
    """The first value that fits each condition."""
    return {
        name: (wanted if isinstance(wanted, str) else wanted[0]).removesuffix("…")
        for name, wanted in conditions.items()
    }


def _natural(value: Any) -> Any:
    """Truth values as JSON has them; digits stay texts, since they may be numbers of phones."""
    return {"true": True, "false": False}.get(value, value) if isinstance(value, str) else value


def _match(template: str, value: str) -> str | None:
    """What stands for `{text}`; None where the rest differs."""
    parts = _WORD.split(template)
    pattern = "".join(
        (r"(?P<text>.*)" if part == "text" else ".*?") if index % 2 else re.escape(part)
        for index, part in enumerate(parts)
    )
    found = re.fullmatch(pattern, value, re.DOTALL)
    return None if found is None else found.groupdict().get("text", "")


def _inside(template: Any, value: Any) -> str | None:
    """The same within an object: every constant must be there."""
    if isinstance(template, str):
        return _match(template, value) if isinstance(value, str) else None
    if not isinstance(template, Mapping):
        return "" if template == value else None
    if not isinstance(value, Mapping):
        return None
    found = [_inside(inner, value.get(name)) for name, inner in template.items()]
    return None if any(one is None for one in found) else "".join(one or "" for one in found)
