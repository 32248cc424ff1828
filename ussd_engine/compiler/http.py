"""HTTP actions: a declaration made into a request, and into an action that menus are proved against."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from ussd_engine.actions import Action, Shape
from ussd_engine.compiler.schema import HttpActionSpec
from ussd_engine.compiler.source import Path
from ussd_engine.core.http import Answered, HttpAction, Taken

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_SIZES = {"flag": 1, "time": 4_102_444_800}


class HttpProblem(ValueError):
    """The URL can't be used; `mend` says what to do."""

    def __init__(self, what: str, mend: str) -> None:
        super().__init__(what)
        self.mend = mend


def http_action(name: str, spec: HttpActionSpec) -> HttpAction:
    """Read a declaration.

    Raises:
        HttpProblem: no URL of a fixed host, a query in it, or http beyond this machine.
    """
    mend = "Write https://host/path; what changes goes under `send:`."
    try:
        url = urlsplit(spec.http)
        host, port = url.hostname, url.port
    except ValueError:
        raise HttpProblem(f"'{spec.http}' is no URL.", mend) from None
    if url.scheme not in ("https", "http") or not host or url.username or url.query or url.fragment:
        raise HttpProblem(f"'{spec.http}' is no URL of one fixed host and path.", mend)
    if "{" in spec.http:
        raise HttpProblem("a URL can't hold variables.", mend)
    if url.scheme == "http" and host not in _LOOPBACK:
        raise HttpProblem(f"'{spec.http}' would go over the network in the open.", "Use https.")
    answers = tuple(
        Answered(
            result=result,
            status=answer.status,
            where={tuple(path.split(".")): value for path, value in answer.where.items()},
            takes={
                variable: Taken(
                    tuple(taken.from_.split(".")),
                    Shape(
                        # Nobody promises which words come: one that no table has is shown as it is.
                        "text" if taken.type == "word" else taken.type,
                        _SIZES.get(taken.type, taken.max),
                        optional=taken.optional,
                    ),
                )
                for variable, taken in answer.set.items()
            },
        )
        for result, answer in spec.returns.items()
    )
    shown = f"[{host}]" if ":" in host else host
    return HttpAction(
        name=name,
        url=spec.http,
        host=shown if port is None else f"{shown}:{port}",
        method=spec.method,
        send={parameter: Shape(kind, 160) for parameter, kind in spec.send.items()},
        answers=answers,
        timeout_s=spec.timeout,
        retries=spec.retry,
        results={answer.result: {k: taken.shape for k, taken in answer.takes.items()} for answer in answers},
    )


def without_max(spec: HttpActionSpec) -> Iterator[Path]:
    """Yield the places of values without a `max` that need one: texts would be cut to it, numbers refused."""
    for result, answer in spec.returns.items():
        for variable, taken in answer.set.items():
            if taken.type not in _SIZES and "max" not in taken.model_fields_set:
                yield "returns", result, "set", variable


def declared(action: HttpAction) -> Action:
    """Return the action as proofs see it; the engine performs it by its declaration."""

    async def perform(*_: Any, **__: Any) -> Any:
        raise TypeError(f"action '{action.name}' is performed by its declaration")

    return Action(action.name, perform, action.send, action.results, None, action.method != "GET", {})
