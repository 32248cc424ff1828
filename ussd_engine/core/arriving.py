"""From where a move led to what is shown or done there, through switches, calls and typed-ahead answers."""

from __future__ import annotations

from ussd_engine.core.dialled import use_dialled
from ussd_engine.core.errors import UssdEngineError
from ussd_engine.core.events import Effect, Run
from ussd_engine.core.resuming import resume
from ussd_engine.core.service import Do, End, Invoke, Listing, Shown, Switch
from ussd_engine.core.showing import fetch, show
from ussd_engine.core.walk import Walk

HOPS_MAX = 64
"""States one event may pass through between screens; the compiler refuses menus that need more."""


def arrive(walk: Walk) -> Effect:
    """Follow switches and what was typed ahead until something must be shown or done.

    Raises:
        UssdEngineError: there is no end to it.
    """
    session = walk.session
    hops = 0
    while hops < HOPS_MAX:
        hops += 1
        state = walk.here()
        if isinstance(state, Shown):
            _note_arrival(walk, state)
            if session.before is not None and session.entry == state.id and resume(walk):
                continue
            if isinstance(state, Listing):
                session.pending = None
                return fetch(walk, state)
            if isinstance(state, End) or not use_dialled(walk, state):
                return show(walk, state)
            hops = 0  # each field that was dialled is used once
        elif isinstance(state, Do):
            args = walk.arguments(state.args)
            return Run(state.action, state.name, session.answers, args, state.timeout_s)
        elif isinstance(state, Switch):
            walk.fire("case")
        elif isinstance(state, Invoke):
            session.calls.append((state.id, len(session.history)))
            walk.fire("call")
        else:
            _come_back(walk)
    raise UssdEngineError(f"more than {HOPS_MAX} states without a screen, last '{walk.state}'")


def _note_arrival(walk: Walk, state: Shown) -> None:
    """A screen that comes again cuts the way back there; what was turned to elsewhere is forgotten."""
    session, here = walk.session, state.id
    session.entry = session.entry or here
    if state.clears_history:
        session.history.clear()
        session.calls = [(caller, 0) for caller, _ in session.calls]
    elif here in session.history:
        del session.history[session.history.index(here) :]
    while session.calls and session.calls[-1][1] > len(session.history):
        session.calls.pop()  # turned back to before the call
    session.page = 0
    if isinstance(state, Listing) and not (walk.returning and session.cursors_of == here):
        session.cursors, session.cursors_of = [None], here
    walk.returning = False


def _come_back(walk: Walk) -> None:
    """Leave the innermost call by its result (proved to be there); turning back passes it over as one."""
    caller, history_then = walk.session.calls.pop()
    del walk.session.history[history_then:]
    walk.fire(f"return>{walk.service.names[caller]}")
