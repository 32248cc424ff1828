"""One step of a dialogue: a pure function from a session and an event to a session and effects.

The step turns input into the name of a trigger, one shared `transitions.Machine` changes the state, and
nothing else happens inside the machine: variables, history and texts are plain work here.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from ussd_engine.core.answers import Accepted, Refused, Verdict
from ussd_engine.core.errors import SessionEnded, UssdEngineError
from ussd_engine.core.events import (
    Aborted,
    ActionDone,
    Answer,
    Ask,
    Begin,
    Close,
    Effect,
    Event,
    Run,
    TimedOut,
    Value,
)
from ussd_engine.core.masked import Masked, judge
from ussd_engine.core.screens import ROWS_MAX, has_fixed_text, is_plain, list_page, pages, visible
from ussd_engine.core.service import (
    ANEW,
    BACK,
    IDLE,
    OFFER,
    RESUME,
    START,
    AnyState,
    Arg,
    Do,
    End,
    Invoke,
    Listing,
    Question,
    Return,
    Screen,
    Service,
    Shortcut,
    Switch,
)
from ussd_engine.core.session import Session, state_id

HOPS_MAX = 64
"""States one event may pass through without a screen; the compiler proves that menus need fewer."""
CURSORS_MAX = 10
"""List pages one can turn back."""
SCREEN_OCTETS = 160
"""3GPP TS 23.038 §5: octets of one USSD string."""

Shown = Screen | Question | Listing | End
"""States that wait for the subscriber."""


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


def step(service: Service, session: Session, event: Event, *, screen_octets: int = SCREEN_OCTETS) -> Step:
    """Take one event.

    Returns:
        One effect: `Ask` or `Close` with a text of at most `screen_octets`, or `Run`; none after
        `Aborted` and `TimedOut`. The session given stays as it is.

    Raises:
        SessionEnded: the dialogue is over.
    """
    if session.ended:
        raise SessionEnded(f"{type(event).__name__} after the end")
    walk = _Walk(service, session.copy(), screen_octets)
    match event:
        case Answer():
            effect = walk.answer(event.text.strip(), event.waited_s)
        case Begin():
            effect = walk.begin(event.fields, event.before)
        case ActionDone():
            effect = walk.action_done(event)
        case Aborted() | TimedOut():
            return walk.cut("aborted" if isinstance(event, Aborted) else "timed_out")
    return Step(walk.finish(effect), (effect,), tuple(walk.heard))


class _Walk:
    """The machine's model for the length of one step: the present state, and the session being changed."""

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

    # --- the machine --------------------------------------------------------------------------------------

    def fire(self, trigger: str) -> None:
        """Let the machine move; whoever calls has checked that the state has this trigger."""
        self.service.machine.events[trigger].trigger(self)

    def here(self) -> AnyState:
        return self.service.states[self.state]

    # --- events -------------------------------------------------------------------------------------------

    def begin(self, fields: tuple[str, ...], before: Session | None) -> Effect:
        self.session.pending = [text.strip() for text in fields]
        if before is not None and not fields and self.may_resume(before):
            self.session.before = before
        self.fire("begin")
        return self.arrive()

    def may_resume(self, before: Session) -> bool:
        name = self.service.names.get(before.state)
        return name is not None and name != OFFER and self.service.states[name].resume != "never"

    def answer(self, text: str, waited_s: float) -> Effect:
        state = self.here()
        if not isinstance(state, Shown):
            raise UssdEngineError(f"state '{self.state}' takes no answers")
        if state.timeout_s is not None and waited_s > state.timeout_s:
            self.fire("too_late")
            return self.arrive()
        return self.arrive() if self.hear(state, text) else self.show(state)

    def action_done(self, done: ActionDone) -> Effect:
        state = self.here()
        session = self.session
        if isinstance(state, Listing) and done.result == "rows":
            return self.rows(state, done)
        if not isinstance(state, (Do, Listing)):
            raise UssdEngineError(f"no action was running in state '{self.state}'")
        for name, value in done.values.items():
            session.variables[name] = value
        language = done.values.get("language")
        if isinstance(language, str) and language in self.service.languages:
            session.language = language
        trigger = f"={done.result}"
        self.fire(trigger if trigger in state.triggers else "=failed")
        return self.arrive()

    def cut(self, trigger: str) -> Step:
        state = self.service.states.get(self.state)  # none: cut before it began
        if state is not None and trigger in state.triggers:
            self.fire(trigger)
            self.session.state = self.here().id
        self.forget()
        return Step(self.session, ())

    # --- taking an answer ---------------------------------------------------------------------------------

    def hear(self, state: Shown, text: str) -> bool:
        """Use what was typed or dialled in this turn, and note how it was judged."""
        self.judged = text
        moved = self.take(state, text)
        self.heard.append(self.judged)
        return moved

    def take(self, state: Shown, text: str) -> bool:
        """Use an answer: True when the dialogue moved on, False when the same screen is to be shown again."""
        self.session.answers += 1
        if self.turn_page(state, text):
            return False
        return self.navigate(state, text) or self.accept(state, text)

    def accept(self, state: Shown, text: str) -> bool:
        """Use what was typed as a choice or a value: True when the dialogue moved on."""
        refused = self.choose(state, text)
        if refused is None:
            self.session.wrong = 0
            return True
        self.judged = Masked(len(text), refused.code, readable=refused.readable)
        return self.refuse(refused)

    def turn_page(self, state: Shown, text: str) -> bool:
        keys, session = self.service.keys, self.session
        step = 1 if text == (state.more_key or keys.more) else -1 if text == keys.previous else 0
        if step == 0 or isinstance(state, Listing):
            return False
        last = len(pages(self.service, session, state, octets=self.octets)) - 1
        if not 0 <= session.page + step <= last:
            return False
        session.page += step
        session.wrong = 0
        self.fire("more" if step == 1 else "less")
        return True

    def navigate(self, state: Shown, text: str) -> bool:
        keys = self.service.keys
        if isinstance(state, Screen) and text in state.by_key:
            return False
        if text == (keys.home if isinstance(state, Question) else keys.back):
            return self.go_back()
        if text == keys.home and isinstance(state, (Screen, Listing)):
            self.go_to_start("home")
            return True
        return False

    def go_back(self) -> bool:
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
        self.fire(trigger)
        session = self.session
        session.variables, session.history, session.prefill = {"caller": session.msisdn}, [], {}
        session.wrong = 0

    def choose(self, state: Shown, text: str) -> Refused | None:
        match state:
            case Screen():
                return self.choose_option(state, text)
            case Question():
                verdict = judge(state.type, text, self.session.msisdn)
                if isinstance(verdict, Refused):
                    return verdict
                if state.type.secret:
                    self.judged = Masked(len(text))
                self.keep(state, verdict)
                self.leave(state, "answer")
                return None
            case Listing():
                return self.choose_row(state, text)
            case End():
                return Refused("wrong_option")

    def choose_option(self, state: Screen, text: str) -> Refused | None:
        option = state.by_key.get(text)
        if option is None or not visible((option,), self.session.variables):
            return Refused("wrong_option")
        if option.goto == BACK:
            return None if self.go_back() else Refused("wrong_option")
        if option.goto in (RESUME, ANEW):
            self.answer_offer(resume=option.goto == RESUME)
        elif option.goto == START:
            self.go_to_start(option.key)
        else:
            self.leave(state, option.key)
        return None

    def leave(self, state: Screen | Question | Listing, trigger: str) -> None:
        """Go on, and keep the way back."""
        self.session.history.append(state.id)
        self.fire(trigger)

    def choose_row(self, state: Listing, text: str) -> Refused | None:
        session, keys = self.session, self.service.keys
        if text == (state.more_key or keys.more) and session.more:
            session.cursors = [*session.cursors, session.rows[-1]][-CURSORS_MAX:]
            self.returning = True
            self.fire("more")
            return None
        if text == keys.previous and len(session.cursors) > 1:
            session.cursors.pop()
            self.returning = True
            self.fire("less")
            return None
        if (
            state.variable is None
            or len(text) != 1
            or text not in "123456789"
            or int(text) > len(session.rows)
        ):
            return Refused("wrong_option")
        session.variables[state.variable] = session.rows[int(text) - 1]
        self.leave(state, "pick")
        return None

    def keep(self, state: Question, accepted: Accepted) -> None:
        if state.type.secret:
            self.secrets[state.variable] = accepted.value
        else:
            self.session.variables[state.variable] = accepted.value

    def refuse(self, refused: Refused) -> bool:
        """Count a wrong answer; the last one allowed ends the dialogue politely."""
        session = self.session
        session.pending = None
        session.wrong += 1
        if session.wrong >= (self.here().tries_max or self.service.wrong_answers_max):
            self.fire("gave_up")
            return True
        self.fire("wrong")
        self.note = self.service.say(refused.code, session.language, refused.values)
        if isinstance(self.here(), Listing):
            session.note, self.returning = self.note, True  # the rows come with the next step
        return False

    # --- arriving -----------------------------------------------------------------------------------------

    def arrive(self) -> Effect:
        """Follow switches and what was typed ahead until something must be shown or done."""
        session = self.session
        for _ in range(HOPS_MAX):
            state = self.here()
            match state:
                case Switch():
                    self.fire("case")
                    continue
                case Invoke():
                    session.calls.append((state.id, len(session.history)))
                    self.fire("call")
                    continue
                case Return():
                    self.come_back()
                    continue
                case Do():
                    args = self.arguments(state.args)
                    return Run(state.action, state.name, session.answers, args, state.timeout_s)
            self.note_arrival(state)
            if session.before is not None and session.entry == state.id and self.resume():
                continue
            match state:
                case Listing():
                    session.pending = None
                    return self.fetch(state)
                case End():
                    return self.show(state)
                case Screen() | Question():
                    if not self.use_dialled(state):
                        return self.show(state)
        raise UssdEngineError(f"more than {HOPS_MAX} states without a screen, last '{self.state}'")

    def note_arrival(self, state: Shown) -> None:
        """A screen that comes again cuts the way back there; what was turned to elsewhere is forgotten."""
        session, here = self.session, state.id
        session.entry = session.entry or here
        if state.clears_history:
            session.history.clear()
            session.calls = [(caller, 0) for caller, _ in session.calls]
        elif here in session.history:
            del session.history[session.history.index(here) :]
        while session.calls and session.calls[-1][1] > len(session.history):
            session.calls.pop()  # turned back to before the call
        session.page = 0
        if isinstance(state, Listing) and not (self.returning and session.cursors_of == here):
            session.cursors, session.cursors_of = [None], here
        self.returning = False

    def come_back(self) -> None:
        """Leave the innermost call by its result (proved to be there); turning back passes it over as one."""
        caller, history_then = self.session.calls.pop()
        del self.session.history[history_then:]
        self.fire(f"return>{self.service.names[caller]}")

    def resume(self) -> bool:
        """At the first screen: go on with the dialogue that was cut, or offer to (True), or drop it (False).

        Only whoever is let in at the same screen as then may go on: a role that has changed, or a block
        since, leads elsewhere and begins anew.
        """
        session = self.session
        before, session.before = session.before, None
        assert before is not None
        if before.entry != session.entry:
            return False
        if self.service.states[self.service.names[before.state]].resume == "confirm":
            session.before = before
            self.fire("offer")
        else:
            self.adopt(before)
        return True

    def adopt(self, before: Session) -> None:
        """Stand where the dialogue that was cut stood, with what is known freshly of the caller."""
        now = self.session
        self.fire(f"redial>{self.service.names[before.state]}")
        now.variables = {**before.variables, **now.variables}
        now.history, now.calls, now.prefill = before.history, before.calls, before.prefill
        now.cursors, now.cursors_of = before.cursors, before.cursors_of
        now.before, self.returning = None, True

    def answer_offer(self, *, resume: bool) -> None:
        before = self.session.before
        assert before is not None
        if resume:
            self.adopt(before)
        else:
            self.session.before = None
            self.fire(f"anew>{self.service.names[self.session.entry]}")

    def use_dialled(self, state: Screen | Question) -> bool:
        """Use a field that was dialled or kept for this question; False when the screen must be shown."""
        session = self.session
        if isinstance(state, Question) and state.variable in session.prefill:
            session.answers += 1
            return self.accept(state, session.prefill.pop(state.variable))
        pending = session.pending
        if not pending:
            return False
        if session.answers == 0 and not session.history:
            shortcut = _find(
                self.service.shortcuts.get(state.menu, ()), self.service, pending, session.msisdn
            )
            if shortcut is not None:
                session.pending = None
                return self.dial(shortcut, pending)
            if pending[0] == "":
                session.pending = None
                self.fire("wrong_dial")
                return True
        if (isinstance(state, Question) and state.type.secret) or not has_fixed_text(state):
            # What was dialled blindly must not decline or pay something unseen.
            session.pending = None
            return False
        session.pending = pending[1:]
        return self.hear(state, pending[0])

    def dial(self, shortcut: Shortcut, fields: list[str]) -> bool:
        """Go where a shortcut leads: its target, the question of a refused field, or its format text."""
        self.session.history.append(self.here().id)
        self.heard += shortcut.fixed
        if shortcut.rest:
            self.fire(f"dial {shortcut.name}")
            return True
        values = fields[len(shortcut.fixed) :]
        if len(values) != len(shortcut.variables):
            self.fire(f"wrong {shortcut.name}")
            return True
        menu, given = shortcut.menu, dict(zip(shortcut.variables, values, strict=True))
        verdicts = {name: self.read(menu, name, text) for name, text in given.items()}
        self.heard += [
            Masked(len(text), verdict.code, readable=verdict.readable)
            if isinstance(verdict, Refused)
            else text
            for text, verdict in zip(values, verdicts.values(), strict=True)
        ]
        if any(isinstance(v, Refused) and not v.readable for v in verdicts.values()):
            self.fire(f"wrong {shortcut.name}")
            return True
        # What was accepted is kept both ways: as a variable, and for its question if the way leads there.
        for name, verdict in verdicts.items():
            if isinstance(verdict, Accepted):
                self.keep(self.question(menu, name), verdict)
        refused = next((name for name, verdict in verdicts.items() if isinstance(verdict, Refused)), None)
        if refused is not None:
            self.session.prefill = given
        self.fire(f"dial {shortcut.name} {refused}" if refused else f"dial {shortcut.name}")
        return True

    def question(self, menu: str, variable: str) -> Question:
        state = self.service.states[self.service.questions[menu, variable]]
        assert isinstance(state, Question)
        return state

    def read(self, menu: str, variable: str, text: str) -> Verdict:
        return judge(self.question(menu, variable).type, text, self.session.msisdn)

    def arguments(self, args: Mapping[str, Arg]) -> dict[str, Value]:
        return {name: self.value(arg) for name, arg in args.items()}

    def value(self, arg: Arg) -> Value:
        if arg.variable is None:
            return arg.literal
        if arg.variable in self.secrets:
            return self.secrets[arg.variable]
        return self.session.variables.get(arg.variable)

    def fetch(self, state: Listing) -> Run:
        """Ask for the list page that begins at the present cursor."""
        cursors = self.session.cursors
        args = self.arguments(state.args)
        args["after"] = cursors[-1] if cursors else None
        args["limit"] = state.rows_max or ROWS_MAX
        return Run(state.action, state.name, self.session.answers, args)

    # --- showing ------------------------------------------------------------------------------------------

    def rows(self, state: Listing, done: ActionDone) -> Effect:
        session = self.session
        first = len(session.cursors) <= 1
        if not done.rows and first:
            self.fire("=none")
            return self.arrive()
        if state.picks_only_row and first and len(done.rows) == 1 and not done.more and state.variable:
            session.variables[state.variable] = done.rows[0].id
            self.fire("=one")
            return self.arrive()
        page = list_page(
            self.service, session, state, done.rows, more=done.more, note=session.note, octets=self.octets
        )
        session.note, session.rows, session.more = "", list(page.ids), page.more
        last = state.ends_on_last and not page.more
        self.fire("=last" if last else "=page")
        return Close(page.text) if last else Ask(page.text)

    def show(self, state: Shown) -> Effect:
        if isinstance(state, Listing):
            return self.fetch(state)
        session = self.session
        cached = None
        if not self.note and session.page == 0:
            key = (state.id, session.language, bool(session.history), self.octets)
            cached = self.service.screens.get(key)
            if cached is None and is_plain(state):
                laid_out = pages(self.service, session, state, octets=self.octets)
                if len(laid_out) == 1:
                    cached = self.service.screens[key] = laid_out[0]
        if cached is not None:
            return Close(cached) if isinstance(state, End) else Ask(cached)
        laid_out = pages(self.service, session, state, note=self.note, octets=self.octets)
        session.page = min(session.page, len(laid_out) - 1)
        text = laid_out[session.page]
        ends = isinstance(state, End) and session.page == len(laid_out) - 1
        return Close(text) if ends else Ask(text)

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


def _find(
    shortcuts: tuple[Shortcut, ...], service: Service, fields: list[str], caller: str
) -> Shortcut | None:
    """Find the shortcut that claims these fields: the longest fixed part, then the right number of fields.

    One without a fixed part claims only what it can read whole: anything else is answers typed ahead.
    """
    claimed: Shortcut | None = None
    for shortcut in shortcuts:
        fixed = len(shortcut.fixed)
        if tuple(fields[:fixed]) != shortcut.fixed:
            continue
        if claimed is not None and len(claimed.fixed) > fixed:
            break
        fits_exactly = shortcut.rest or len(fields) == fixed + len(shortcut.variables)
        if fixed == 0 and not (fits_exactly and _readable(shortcut, service, fields, caller)):
            continue
        if fits_exactly:
            return shortcut
        claimed = claimed or shortcut
    return claimed


def _readable(shortcut: Shortcut, service: Service, fields: list[str], caller: str) -> bool:
    menu = shortcut.menu
    for variable, text in zip(shortcut.variables, fields, strict=True):
        state = service.states[service.questions[menu, variable]]
        if not isinstance(state, Question) or isinstance(judge(state.type, text, caller), Refused):
            return False
    return True
