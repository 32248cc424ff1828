"""A dialogue that the service begins by itself never asks for a secret: such a screen teaches phishing.

Who is asked for a PIN must have dialled. The way `home` is closed to such a dialogue (`core.answering`), so
the ways that the author wrote are all there are.
"""

from __future__ import annotations

from collections.abc import Iterator

from ussd_engine.compiler.graph import reach
from ussd_engine.compiler.proofs.subject import Subject, short
from ussd_engine.core.errors import Problem
from ussd_engine.core.service import Question


def pushes_ask_no_secret(subject: Subject) -> Iterator[Problem]:
    """No way leads from a push to a question whose answer is secret."""
    for name in subject.draft.pushes:
        found = reach(subject.after, [name])
        asks = sorted(
            one for one in found if isinstance(state := subject.states[one], Question) and state.type.secret
        )
        if asks:
            what = f"a push to '{short(name)}' can come to '{asks[0]}', which asks for a secret."
            mend = "End it with what to dial instead; nobody should learn to type a PIN unasked."
            yield subject.at(name, "push-secret", what, mend, "push")
