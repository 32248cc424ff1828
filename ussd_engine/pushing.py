"""What a push is given: texts from outside, judged as answers are."""

from __future__ import annotations

from collections.abc import Mapping

from ussd_engine.core.answers import Accepted
from ussd_engine.core.masked import judge
from ussd_engine.core.service import Service
from ussd_engine.text.template import Value


class NotPushable(ValueError):
    """No dialogue can begin like this; the message says why and what would do."""


def given_to(service: Service, state: str, texts: Mapping[str, str], msisdn: str) -> dict[str, Value]:
    """Read what a state with `push:` is given.

    Raises:
        NotPushable: no such state, a variable that is missing, unknown, or of another kind.
    """
    asked = service.pushes.get(state)
    if asked is None:
        known = ", ".join(service.pushes) or "none"
        raise NotPushable(f"'{state}' is no state that a push may begin at; known are: {known}")
    if unknown := sorted(set(texts) - set(asked)):
        raise NotPushable(
            f"'{state}' is given no '{unknown[0]}'; it is given: {', '.join(asked) or 'nothing'}"
        )
    found: dict[str, Value] = {}
    for name, kind in asked.items():
        if name not in texts:
            raise NotPushable(f"'{state}' has to be given '{name}' ({kind.kind})")
        verdict = judge(kind, texts[name], msisdn)
        if not isinstance(verdict, Accepted):
            raise NotPushable(f"'{name}' is no {kind.kind} that '{state}' takes")
        found[name] = verdict.value
    return found
