"""What was typed, taken as a key that turns pages or leads back, as a choice, or as a value."""

from __future__ import annotations

from ussd_engine.core.answers import Refused
from ussd_engine.core.masked import Masked, judge
from ussd_engine.core.resuming import answer_offer
from ussd_engine.core.screens import pages, visible
from ussd_engine.core.service import (
    ANEW,
    BACK,
    RESUME,
    START,
    End,
    Listing,
    Question,
    Screen,
    Shown,
)
from ussd_engine.core.walk import Walk

CURSORS_MAX = 10
"""List pages one can turn back."""


def hear(walk: Walk, state: Shown, text: str) -> bool:
    """Use what was typed or dialled in this turn, and note how it was judged.

    Returns:
        True when the dialogue moved on, False when the same screen is to be shown again.
    """
    walk.judged = text
    walk.session.answers += 1
    moved = not _turn_page(walk, state, text) and (_navigate(walk, state, text) or accept(walk, state, text))
    walk.heard.append(walk.judged)
    return moved


def accept(walk: Walk, state: Shown, text: str) -> bool:
    """Use what was typed as a choice or a value: True when the dialogue moved on."""
    refused = _choose(walk, state, text)
    if refused is None:
        walk.session.wrong = 0
        return True
    walk.judged = Masked(len(text), refused.code, readable=refused.readable)
    return _refuse(walk, refused)


def _refuse(walk: Walk, refused: Refused) -> bool:
    """Count a wrong answer; the last one allowed ends the dialogue politely."""
    session = walk.session
    session.pending = None
    session.wrong += 1
    if session.wrong >= (walk.here().tries_max or walk.service.wrong_answers_max):
        walk.fire("gave_up")
        return True
    walk.fire("wrong")
    walk.note = walk.service.say(refused.code, session.language, refused.values)
    if isinstance(walk.here(), Listing):
        session.note, walk.returning = walk.note, True  # the rows come with the next step
    return False


# --- navigation -------------------------------------------------------------------------------------------


def _turn_page(walk: Walk, state: Shown, text: str) -> bool:
    keys, session = walk.service.keys, walk.session
    step = 1 if text == (state.more_key or keys.more) else -1 if text == keys.previous else 0
    if step == 0 or isinstance(state, Listing):
        return False
    last = len(pages(walk.service, session, state, octets=walk.octets)) - 1
    if not 0 <= session.page + step <= last:
        return False
    session.page += step
    session.wrong = 0
    walk.fire("more" if step == 1 else "less")
    return True


def _navigate(walk: Walk, state: Shown, text: str) -> bool:
    keys = walk.service.keys
    if isinstance(state, Screen) and text in state.by_key:
        return False
    if text == (keys.home if isinstance(state, Question) else keys.back):
        return walk.go_back()
    # Beyond the first screen questions for a PIN may lie, which no pushed dialogue comes to.
    if text == keys.home and isinstance(state, (Screen, Listing)) and not walk.session.pushed:
        walk.go_to_start("home")
        return True
    return False


# --- choosing ---------------------------------------------------------------------------------------------


def _choose(walk: Walk, state: Shown, text: str) -> Refused | None:
    match state:
        case Screen():
            return _choose_option(walk, state, text)
        case Question():
            return _take_value(walk, state, text)
        case Listing():
            return _choose_row(walk, state, text)
        case End():
            return Refused("wrong_option")


def _choose_option(walk: Walk, state: Screen, text: str) -> Refused | None:
    option = state.by_key.get(text)
    if option is None or not visible((option,), walk.session.variables):
        return Refused("wrong_option")
    if option.goto == BACK:
        return None if walk.go_back() else Refused("wrong_option")
    if option.goto in (RESUME, ANEW):
        answer_offer(walk, accepted=option.goto == RESUME)
    elif option.goto == START:
        walk.go_to_start(option.key)
    else:
        walk.leave(state, option.key)
    return None


def _take_value(walk: Walk, state: Question, text: str) -> Refused | None:
    verdict = judge(state.type, text, walk.session.msisdn)
    if isinstance(verdict, Refused):
        return verdict
    if state.type.secret:
        walk.judged = Masked(len(text))
    walk.keep(state, verdict)
    walk.leave(state, "answer")
    return None


def _choose_row(walk: Walk, state: Listing, text: str) -> Refused | None:
    session, keys = walk.session, walk.service.keys
    if text == (state.more_key or keys.more) and session.more:
        session.cursors = [*session.cursors, session.rows[-1]][-CURSORS_MAX:]
        walk.returning = True
        walk.fire("more")
        return None
    if text == keys.previous and len(session.cursors) > 1:
        session.cursors.pop()
        walk.returning = True
        walk.fire("less")
        return None
    is_number = len(text) == 1 and text in "123456789"
    if state.variable is None or not is_number or int(text) > len(session.rows):
        return Refused("wrong_option")
    session.variables[state.variable] = session.rows[int(text) - 1]
    walk.leave(state, "pick")
    return None
