"""One step of a dialogue: a pure function from a session and an event to a session and effects.

The step turns input into the name of a trigger, one shared `transitions.Machine` changes the state, and
nothing else happens inside the machine: variables, history and texts are plain work around it.
"""

from __future__ import annotations

import msgspec

from ussd_engine.core.answering import hear
from ussd_engine.core.arriving import arrive
from ussd_engine.core.errors import SessionEnded, UssdEngineError
from ussd_engine.core.events import Aborted, ActionDone, Answer, Begin, Effect, Event, Pushed, TimedOut
from ussd_engine.core.resuming import may_resume
from ussd_engine.core.service import IDLE, Do, Listing, Service, Shown, pushed_to
from ussd_engine.core.session import Session, state_id
from ussd_engine.core.showing import show, show_rows
from ussd_engine.core.walk import Walk
from ussd_engine.text.cost import USSD_OCTETS_MAX

ACTIONS_MAX = 32
"""Actions that one turn may run, a step each; the compiler refuses menus that need more between screens.

What is dialled ahead can pass several screens in one turn, which share them.
"""


class Step(msgspec.Struct, frozen=True):
    """The dialogue after the event, and what must be done now.

    `heard`: the inputs that were used, in order; refused and secret ones masked, so that they can be kept.
    """

    session: Session
    effects: tuple[Effect, ...]
    heard: tuple[str, ...] = ()


def begin(service: Service, msisdn: str) -> Session:
    """Return a session that has not begun yet."""
    return Session(
        state=state_id(IDLE), msisdn=msisdn, language=service.languages[0], variables={"caller": msisdn}
    )


def step(service: Service, session: Session, event: Event, *, screen_octets: int = USSD_OCTETS_MAX) -> Step:
    """Take one event.

    Returns:
        One effect: `Ask` or `Close` with a text of at most `screen_octets`, or `Run`; none after
        `Aborted` and `TimedOut`. The session given stays as it is.

    Raises:
        SessionEnded: the dialogue is over.
        UssdEngineError: the event is not one that the state waits for.
    """
    if session.ended:
        raise SessionEnded(f"{type(event).__name__} after the end")
    walk = Walk(service, session.copy(), screen_octets)
    match event:
        case Answer():
            effect = _answer(walk, event)
        case Begin():
            effect = _begin(walk, event)
        case Pushed():
            effect = _pushed(walk, event)
        case ActionDone():
            effect = _action_done(walk, event)
        case Aborted() | TimedOut():
            return _cut(walk, "aborted" if isinstance(event, Aborted) else "timed_out")
    return Step(walk.finish(effect), (effect,), tuple(walk.heard))


def _begin(walk: Walk, event: Begin) -> Effect:
    walk.session.pending = [text.strip() for text in event.fields]
    before = event.before
    if before is not None and not event.fields and may_resume(walk.service, before):
        walk.session.before = before
    walk.fire("begin")
    return arrive(walk)


def _pushed(walk: Walk, event: Pushed) -> Effect:
    if event.state not in walk.service.pushes:
        raise UssdEngineError(f"state '{event.state}' is none that the service may begin at")
    walk.session.pushed = True
    walk.session.variables.update(event.given)
    walk.fire(pushed_to(event.state))
    return arrive(walk)


def _answer(walk: Walk, event: Answer) -> Effect:
    state = walk.here()
    if not isinstance(state, Shown):
        raise UssdEngineError(f"state '{walk.state}' takes no answers")
    if state.timeout_s is not None and event.waited_s > state.timeout_s:
        walk.fire("too_late")
        return arrive(walk)
    return arrive(walk) if hear(walk, state, event.text.strip()) else show(walk, state)


def _action_done(walk: Walk, done: ActionDone) -> Effect:
    state, session = walk.here(), walk.session
    if isinstance(state, Listing) and done.result == "rows":
        return show_rows(walk, state, done) or arrive(walk)
    if not isinstance(state, (Do, Listing)):
        raise UssdEngineError(f"no action was running in state '{walk.state}'")
    session.variables.update(done.values)
    language = done.values.get("language")
    if isinstance(language, str) and language in walk.service.languages:
        session.language = language
    trigger = f"={done.result}"
    walk.fire(trigger if trigger in state.triggers else "=failed")
    return arrive(walk)


def _cut(walk: Walk, trigger: str) -> Step:
    state = walk.service.states.get(walk.state)  # none: cut before it began
    if state is not None and trigger in state.triggers:
        walk.fire(trigger)
        walk.session.state = walk.here().id
    walk.forget()
    return Step(walk.session, ())
