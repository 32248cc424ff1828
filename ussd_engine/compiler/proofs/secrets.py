"""A secret answer goes straight to the action that takes it, and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator

from ussd_engine.compiler.edges import wrong_format
from ussd_engine.compiler.proofs.subject import Subject, short
from ussd_engine.compiler.reads import texts_of
from ussd_engine.core.errors import Problem
from ussd_engine.core.service import AnyState, Do, Listing, Question, Switch

_FOLLOWS = "The action that reads a secret follows its question directly"


def secrets_kept(subject: Subject) -> Iterator[Problem]:
    """No secret is shown, kept, or asked for in vain."""
    secret = {
        state.variable
        for state in subject.states.values()
        if isinstance(state, Question) and state.type.secret
    }
    yield from _dialled_in_vain(subject)
    for name, state in subject.states.items():
        if isinstance(state, Question) and state.type.secret:
            yield from _asked_in_vain(subject, name, state)
        yield from _misused(subject, name, state, secret)
        for below, text in texts_of(state):
            for leaked in sorted(text.names & secret):
                what = f"'{leaked}' is secret and would be shown."
                yield subject.at(name, "secret", what, "Take it out of the text.", *below, on_key=False)


def _dialled_in_vain(subject: Subject) -> Iterator[Problem]:
    """A secret field of a shortcut must be what the action at its target takes: nothing keeps it longer."""
    draft = subject.draft
    for shortcut in (one for menu in draft.shortcuts.values() for one in menu):
        target = subject.states.get(shortcut.goto)
        taken = {arg.variable for arg in target.args.values()} if isinstance(target, Do) else set()
        for name, question in zip(shortcut.variables, shortcut.questions, strict=True):
            asked = subject.states.get(question)
            if not isinstance(asked, Question) or asked.type.kind == "pin":
                continue  # a PIN is told where the shortcut is read
            if asked.type.secret and name not in taken:
                what = f"'{name}' is secret, but '{short(shortcut.goto)}' is no action that takes it."
                mend = "A shortcut with a secret field leads to the action that takes it."
                yield subject.at(wrong_format(shortcut), "secret", what, mend, "goto", on_key=False)


def _asked_in_vain(subject: Subject, name: str, question: Question) -> Iterator[Problem]:
    target = subject.states.get(question.goto)
    taken = isinstance(target, Do) and any(arg.variable == question.variable for arg in target.args.values())
    if target is not None and not taken:
        what = f"'{question.variable}' is secret, but '{short(question.goto)}' is no action that takes it."
        yield subject.at(name, "secret", what, f"{_FOLLOWS}.", "goto", on_key=False)


def _misused(subject: Subject, name: str, state: AnyState, secret: set[str]) -> Iterator[Problem]:
    """A secret lives for one action: whatever else reads it would find nothing."""
    mend = f"{_FOLLOWS}, whichever way leads there."
    if isinstance(state, Switch) and state.variable in secret:
        yield subject.at(name, "secret", f"'{state.variable}' is secret.", mend, "switch", on_key=False)
    if not isinstance(state, Do | Listing):
        return
    for parameter, arg in state.args.items():
        if arg.variable not in secret:
            continue
        for edge in subject.ways_in.get(name, ()):
            set_now = edge.trigger == "answer" or edge.trigger.startswith("dial ")
            if not (set_now and arg.variable in edge.sets):
                what = f"'{arg.variable}' is secret and gone on the way from '{short(edge.source)}'."
                yield subject.at(name, "secret", what, mend, "with", parameter)
