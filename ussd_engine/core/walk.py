"""The machine's model for the length of one step, and the moves a dialogue can make."""

from __future__ import annotations

from collections.abc import Mapping

from ussd_engine.core.answers import Accepted
from ussd_engine.core.events import Close, Effect, Run
from ussd_engine.core.service import AnyState, Arg, Listing, Question, Screen, Service
from ussd_engine.core.session import Session
from ussd_engine.text.template import Value


class Walk:
    """The present state, and the session that is being changed.

    Attributes:
        octets: what one screen holds.
        secrets: secret answers of this step; they are never in the session.
        heard: `Step.heard`; `judged` is the input in hand, as it will stand there.
        note: the line that says why the last answer was not taken.
        returning: a screen comes again, so a list stays on its page.
    """

    __slots__ = ("heard", "judged", "note", "octets", "returning", "secrets", "service", "session", "state")

    def __init__(self, service: Service, session: Session, octets: int) -> None:
        self.service = service
        self.session = session
        self.octets = octets
        self.state = service.names[session.state]
        self.secrets: dict[str, Value] = {}
        self.heard: list[str] = []
        self.judged = ""
        self.note = ""
        self.returning = False

    def here(self) -> AnyState:
        """Return the present state."""
        return self.service.states[self.state]

    # --- moves --------------------------------------------------------------------------------------------

    def fire(self, trigger: str) -> None:
        """Let the machine move; whoever calls has checked that the state has this trigger."""
        self.service.machine.events[trigger].trigger(self)

    def leave(self, state: Screen | Question | Listing, trigger: str) -> None:
        """Go on, and keep the way back."""
        self.session.history.append(state.id)
        self.fire(trigger)

    def go_back(self) -> bool:
        """Turn to the screen before; False where there is none."""
        history = self.session.history
        trigger = f"back>{self.service.names[history[-1]]}" if history else ""
        if trigger not in self.here().triggers:
            return False
        self.fire(trigger)
        history.pop()
        self.returning = True
        # What was dialled for questions ahead must not answer them unseen after the subscriber turned round.
        self.session.prefill = {}
        self.session.wrong = 0
        return True

    def go_to_start(self, trigger: str) -> None:
        """Begin anew, in the same dialogue."""
        self.fire(trigger)
        session = self.session
        session.variables, session.history, session.prefill = {"caller": session.msisdn}, [], {}
        session.calls, session.wrong = [], 0

    # --- variables ----------------------------------------------------------------------------------------

    def keep(self, state: Question, accepted: Accepted) -> None:
        """Take a question's answer."""
        if state.type.secret:
            self.secrets[state.variable] = accepted.value
        else:
            self.session.variables[state.variable] = accepted.value

    def arguments(self, args: Mapping[str, Arg]) -> dict[str, Value]:
        """Return what an action is given."""
        return {name: self._value(arg) for name, arg in args.items()}

    def _value(self, arg: Arg) -> Value:
        if arg.variable is None:
            return arg.literal
        if arg.variable in self.secrets:
            return self.secrets[arg.variable]
        return self.session.variables.get(arg.variable)

    # --- the end of the step ------------------------------------------------------------------------------

    def finish(self, effect: Effect) -> Session:
        """Leave in the session only what the next turn may need."""
        session, state = self.session, self.here()
        session.state = state.id
        if isinstance(effect, Run):
            return session
        if isinstance(effect, Close):
            self.forget()
            return session
        session.pending, session.note, live = None, "", state.live
        session.variables = {name: value for name, value in session.variables.items() if name in live}
        if not isinstance(state, Listing):
            session.rows, session.more = [], False
        if not isinstance(state, Question):
            session.prefill = {}
        return session

    def forget(self) -> None:
        """End the dialogue; its record lives on for repeats and late answers, which need none of this."""
        session = self.session
        session.ended, session.pending, session.note, session.more = True, None, "", False
        session.variables, session.prefill = {}, {}
        session.history, session.rows, session.cursors, session.calls = [], [], [], []
        session.before = None
