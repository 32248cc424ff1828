"""What was dialled behind the service code: a published shortcut, or answers typed ahead."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ussd_engine.core.answering import accept, hear
from ussd_engine.core.answers import Accepted, Refused, Verdict
from ussd_engine.core.masked import Masked, judge
from ussd_engine.core.screens import has_fixed_text
from ussd_engine.core.service import Question, Screen, Service, Shortcut
from ussd_engine.core.walk import Walk


def use_dialled(walk: Walk, state: Screen | Question) -> bool:
    """Use a field that was dialled or kept for this question; False when the screen must be shown."""
    session = walk.session
    if isinstance(state, Question) and state.variable in session.prefill:
        session.answers += 1
        return accept(walk, state, session.prefill.pop(state.variable))
    pending = session.pending
    if not pending:
        return False
    if session.answers == 0 and not session.history:
        shortcut = _find(walk.service, state.menu, pending, session.msisdn)
        if shortcut is not None:
            session.pending = None
            _follow(walk, shortcut, pending)
            return True
        if pending[0] == "":
            session.pending = None
            walk.fire("wrong_dial")
            return True
    if (isinstance(state, Question) and state.type.secret) or not has_fixed_text(state):
        # What was dialled blindly must not decline or pay something unseen.
        session.pending = None
        return False
    session.pending = pending[1:]
    return hear(walk, state, pending[0])


def _follow(walk: Walk, shortcut: Shortcut, fields: list[str]) -> None:
    """Go where a shortcut leads: its target, the question of a refused field, or its format text."""
    walk.session.history.append(walk.here().id)
    walk.heard += shortcut.fixed
    if shortcut.rest:
        walk.fire(f"dial {shortcut.name}")
        return
    values = fields[len(shortcut.fixed) :]
    if len(values) != len(shortcut.variables):
        walk.fire(f"wrong {shortcut.name}")
        return
    given = dict(zip(shortcut.variables, values, strict=True))
    asked = dict(zip(shortcut.variables, _questions(walk.service, shortcut), strict=True))
    verdicts = {name: judge(asked[name].type, text, walk.session.msisdn) for name, text in given.items()}
    walk.heard += [_heard(given[name], verdict, asked[name]) for name, verdict in verdicts.items()]
    # A field that is asked for again is kept till then, which no secret may be.
    asks_again = not any(question.type.secret for question in asked.values())
    if any(isinstance(v, Refused) and not (v.readable and asks_again) for v in verdicts.values()):
        walk.fire(f"wrong {shortcut.name}")
        return
    # What was accepted is kept both ways: as a variable, and for its question if the way leads there.
    for name, verdict in verdicts.items():
        if isinstance(verdict, Accepted):
            walk.keep(asked[name], verdict)
    refused = next((name for name, verdict in verdicts.items() if isinstance(verdict, Refused)), None)
    if refused is not None:
        walk.session.prefill = given
    walk.fire(f"dial {shortcut.name} {refused}" if refused else f"dial {shortcut.name}")


def _heard(text: str, verdict: Verdict, question: Question) -> str:
    if isinstance(verdict, Refused):
        return Masked(len(text), verdict.code, readable=verdict.readable)
    return Masked(len(text)) if question.type.secret else text


def _find(service: Service, menu: str, fields: Sequence[str], caller: str) -> Shortcut | None:
    """Find the shortcut that claims these fields: the longest fixed part, then the right number of fields.

    One without a fixed part claims only what it can read whole: anything else is answers typed ahead. One
    over options leaves them the digits that both begin with, where nothing follows.
    """
    claimed: Shortcut | None = None
    for shortcut in service.shortcuts.get(menu, ()):
        fixed = len(shortcut.fixed)
        if tuple(fields[:fixed]) != shortcut.fixed:
            continue
        if claimed is not None and len(claimed.fixed) > fixed:
            break
        fits_exactly = shortcut.rest or len(fields) == fixed + len(shortcut.variables)
        if fixed == 0 and not (fits_exactly and _readable(service, shortcut, fields, caller)):
            continue
        if fits_exactly:
            return shortcut
        if shortcut.over_options and len(fields) == fixed:
            continue
        claimed = claimed or shortcut
    return claimed


def _readable(service: Service, shortcut: Shortcut, fields: Sequence[str], caller: str) -> bool:
    return all(
        isinstance(judge(question.type, text, caller), Accepted)
        for question, text in zip(_questions(service, shortcut), fields, strict=True)
    )


def _questions(service: Service, shortcut: Shortcut) -> Iterator[Question]:
    """Yield the questions that ask for its fields, in their order."""
    for name in shortcut.questions:
        state = service.states[name]
        assert isinstance(state, Question)
        yield state
