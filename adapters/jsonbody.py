"""Reading and writing JSON bodies: one object, its fields texts, whatever a peer may send."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from adapters.codec import JSON, Answer, Asked
from ussd_engine import WireError

_decode = msgspec.json.Decoder(dict[str, Any]).decode


def read_json(asked: Asked) -> dict[str, Any]:
    """The object in a request's body.

    Raises:
        WireError: another content type (415); no JSON, too deep, no object. Nothing of the body is repeated.
    """
    kind = asked.content_type.partition(";")[0].strip().lower()
    if kind != JSON and not (kind.startswith("application/") and kind.endswith("+json")):
        raise WireError(f"send {JSON}", status=415)
    try:
        return _decode(asked.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise WireError("the body is not a JSON object") from None
    except RecursionError:
        raise WireError("the JSON is nested too deep") from None


def text(fields: Mapping[str, Any], name: str, limit: int = 182, *, needed: bool = False) -> str:
    """A field as text: numbers and truth values as JSON writes them, absent and null as empty.

    Raises:
        WireError: a list or an object, longer than `limit`, or empty where it is `needed`.
    """
    value = fields.get(name)
    if value is None:
        found = ""
    elif isinstance(value, bool):
        found = "true" if value else "false"
    elif isinstance(value, str | int | float):
        found = str(value)
    else:
        raise WireError(f"{name} is not a text")
    if len(found) > limit:
        raise WireError(f"{name} is longer than {limit} characters")
    if needed and not found:
        raise WireError(f"missing: {name}")
    return found


def inner(fields: Mapping[str, Any], name: str) -> dict[str, Any]:
    """An object inside; absent as an empty one.

    Raises:
        WireError: something else than an object.
    """
    value = fields.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise WireError(f"{name} is not an object")
    return value


def json_answer(fields: Mapping[str, Any], *, status: int = 200) -> Answer:
    """An object as an answer."""
    return Answer(msgspec.json.encode(fields), JSON, status=status)
