"""An action declared in YAML that asks a JSON service: what it sends, and what each answer means.

Pure: the request is a value, and the answer is read against declared kinds and sizes, so that proofs of
screens hold whatever the service says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ussd_engine.actions import Shape
from ussd_engine.core.events import ActionDone
from ussd_engine.text.template import Value

BODY_MAX = 64 * 1024
"""Octets of an answer that are read; a longer one is a failure."""


@dataclass(frozen=True, slots=True)
class Taken:
    """One variable taken from the answer: the path of keys to it, and what it may be."""

    path: tuple[str, ...]
    shape: Shape


@dataclass(frozen=True, slots=True)
class Answered:
    """A result: the status and fields by which an answer is known as this one, and the variables it sets."""

    result: str
    status: int
    where: Mapping[tuple[str, ...], str]
    takes: Mapping[str, Taken]


@dataclass(frozen=True, slots=True)
class HttpAction:
    """A request to one URL.

    Attributes:
        url: without query; it names a fixed host and path.
        send: names and kinds of what is sent, as query (GET) or a JSON object (POST).
        timeout_s: for one try.
        retries: tries after the first, only for GET.
    """

    name: str
    url: str
    host: str
    method: str
    send: Mapping[str, Shape]
    answers: tuple[Answered, ...]
    timeout_s: float = 3.0
    retries: int = 0
    results: Mapping[str, Mapping[str, Shape]] = field(default_factory=dict)

    def read(self, status: int, body: Any, at: float) -> ActionDone:
        """Turn an answer into a result; one that fits none, or breaks its declaration, is `failed`."""
        for answered in self.answers:
            if answered.status != status:
                continue
            if any(word(_found(body, path)) != wanted for path, wanted in answered.where.items()):
                continue
            values = {
                name: _taken(_found(body, taken.path), taken.shape) for name, taken in answered.takes.items()
            }
            if any(isinstance(value, _Broken) for value in values.values()):
                break
            return ActionDone(
                at, answered.result, {k: v for k, v in values.items() if not isinstance(v, _Broken)}
            )
        return ActionDone(at, "failed")


class _Broken:
    """Stands for a value that is not what was declared."""


def _found(body: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        if isinstance(body, Mapping):
            body = body.get(key)
        elif isinstance(body, list) and key.isdigit() and int(key) < len(body):
            body = body[int(key)]
        else:
            return None
    return body


def word(value: Any) -> str:
    """A value as JSON writes it, texts without their quotes: `true`, `null`, `21`."""
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _taken(value: Any, shape: Shape) -> Value | _Broken:
    if value is None:
        return None if shape.optional else _Broken()
    if shape.kind == "flag":
        return value if isinstance(value, bool) else _Broken()
    if shape.kind in ("integer", "money", "time"):
        whole = isinstance(value, int) and not isinstance(value, bool)
        return value if whole and 0 <= value <= shape.max else _Broken()
    if isinstance(value, bool | Mapping | list):
        return _Broken()
    # JSON may name half a character (`\ud83d`), which is no text that could be stored.
    text = str(value).encode(errors="ignore").decode()
    return text if len(text) <= shape.max else text[: shape.max - 1] + "."
