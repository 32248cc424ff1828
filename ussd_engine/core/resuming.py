"""Going on with a dialogue that the network cut, when its subscriber dials again."""

from __future__ import annotations

from ussd_engine.core.service import OFFER, Service
from ussd_engine.core.session import Session
from ussd_engine.core.walk import Walk


def may_resume(service: Service, before: Session) -> bool:
    """Tell whether the state in which a dialogue was cut is one to go on from."""
    name = service.names.get(before.state)
    return name is not None and name != OFFER and service.states[name].resume != "never"


def resume(walk: Walk) -> bool:
    """At the first screen: go on with the dialogue that was cut, or offer to (True), or drop it (False).

    Only whoever is let in at the same screen as then may go on: a role that has changed, or a block since,
    leads elsewhere and begins anew.
    """
    session, service = walk.session, walk.service
    before, session.before = session.before, None
    assert before is not None
    if before.entry != session.entry:
        return False
    if service.states[service.names[before.state]].resume == "confirm":
        session.before = before
        walk.fire("offer")
    else:
        _adopt(walk, before)
    return True


def answer_offer(walk: Walk, *, accepted: bool) -> None:
    """Go on with the dialogue that was cut, or begin anew."""
    before = walk.session.before
    assert before is not None
    if accepted:
        _adopt(walk, before)
    else:
        walk.session.before = None
        walk.fire(f"anew>{walk.service.names[walk.session.entry]}")


def _adopt(walk: Walk, before: Session) -> None:
    """Stand where the dialogue that was cut stood, with what is known freshly of the caller."""
    now = walk.session
    walk.fire(f"redial>{walk.service.names[before.state]}")
    now.variables = {**before.variables, **now.variables}
    now.history, now.calls, now.prefill = before.history, before.calls, before.prefill
    now.cursors, now.cursors_of = before.cursors, before.cursors_of
    now.before, walk.returning = None, True
