"""Replaying journals on other menus: what would subscribers have seen?

The step is pure and a journal has all that came in, so a dialogue plays again without stores, actions or
time. Where the new menus lead elsewhere, the answers that follow were given to another screen: replaying
stops there.
"""

from __future__ import annotations

from dataclasses import dataclass

from ussd_engine.core.errors import UssdEngineError
from ussd_engine.core.events import Aborted, Answer, Begin, Close, Effect, Event, Pushed, Run, TimedOut
from ussd_engine.core.service import Service
from ussd_engine.core.step import begin, step
from ussd_engine.journal import cause
from ussd_engine.journal.lines import ABORT, BEGIN, CLOSE, PUSH, Dialogue, Line, action_done, masked, stand_in


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that would be other than it was.

    Attributes:
        turn: the turn's number, from 1.
        what: `screen`, `state`, `language`, `end`, `action`, or `refused`: the menus can't take the turn.
        was, now: as the journal has it, and as it would be.
    """

    turn: int
    what: str
    was: str
    now: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a dialogue went on other menus.

    Attributes:
        turns: how many were replayed.
        skipped: why it was not replayed at all; empty where it was.
        unreplayed: turns after the one at which the menus part.
    """

    dialogue: Dialogue
    differences: tuple[Difference, ...]
    turns: int
    skipped: str = ""
    unreplayed: int = 0


def replay(dialogue: Dialogue, service: Service) -> Outcome:
    """Play a dialogue's turns on `service` and compare."""
    turns = dialogue.turns
    if not turns or turns[0].kind not in (BEGIN, PUSH):
        return Outcome(dialogue, (), 0, "its beginning was lost")
    player = _Player(service, stand_in(dialogue.msisdn), dialogue.screen)
    found: list[Difference] = []
    for place, line in enumerate(turns):
        if line.n != place + 1:
            return Outcome(dialogue, tuple(found), place, "", len(turns) - place)
        goes_on = player.play(line, found)
        if not goes_on and place + 1 < len(turns):
            return Outcome(dialogue, tuple(found), place + 1, "", len(turns) - place - 1)
    return Outcome(dialogue, tuple(found), len(turns))


class _Player:
    """One dialogue on the new menus."""

    def __init__(self, service: Service, caller: str, screen_octets: int) -> None:
        self.service = service
        self.session = begin(service, caller)
        self.octets = screen_octets
        self.shown_at = 0.0

    def play(self, line: Line, found: list[Difference]) -> bool:
        """Play one turn; False where what follows can't be compared."""
        event = _event(line, line.at - self.shown_at)
        self.shown_at = line.at
        if event is None:
            return True
        try:
            effect, last_result = self.run(event, line, found)
        except UssdEngineError as error:
            found.append(Difference(line.n, "refused", line.state, f"{type(error).__name__}: {error}"))
            return False
        if effect is _PARTED:
            return False
        return self.compare(line, effect, last_result, found)

    def run(self, event: Event, line: Line, found: list[Difference]) -> tuple[Effect | None, str]:
        """Step until the subscriber is answered, with the journal's results for the actions."""
        results = list(line.did)
        last_result = ""
        while True:  # each round takes a result away
            taken = step(self.service, self.session, event, screen_octets=self.octets)
            self.session = taken.session
            effect = taken.effects[0] if taken.effects else None
            if not isinstance(effect, Run):
                return effect, last_result
            place = next((i for i, did in enumerate(results) if did.action == effect.action), None)
            if place is None:
                ran = ", ".join(did.action for did in line.did) or "no action"
                found.append(Difference(line.n, "action", ran, f"{effect.action} in {effect.state}"))
                return _PARTED, last_result
            did = results.pop(place)
            last_result = did.result
            event = action_done(did, line.at)

    def compare(self, line: Line, effect: Effect | None, last_result: str, found: list[Difference]) -> bool:
        state = self.service.names[self.session.state]
        text = "" if effect is None or isinstance(effect, Run) else effect.text
        before = len(found)
        if text != line.text:
            found.append(Difference(line.n, "screen", line.text, text))
        if state != line.state:
            found.append(Difference(line.n, "state", line.state, state))
        if self.session.language != line.lang:
            found.append(Difference(line.n, "language", line.lang, self.session.language))
        end = self.end(line, effect, state, last_result)
        if end != line.end:
            found.append(Difference(line.n, "end", line.end or "open", end or "open"))
        # A renamed state or a reworded screen goes on; where both are others, the ways have parted.
        kinds = {difference.what for difference in found[before:]}
        return not self.session.ended and not {"screen", "state"} <= kinds and "end" not in kinds

    def end(self, line: Line, effect: Effect | None, state: str, last_result: str) -> str:
        if effect is None:
            return line.end
        return cause.of_end(state, last_result).value if isinstance(effect, Close) else ""


_PARTED = Run("", "", 0, {})


def _event(line: Line, waited_s: float) -> Event | None:
    heard = tuple(masked(text) for text in line.heard)
    if line.kind == BEGIN:
        return Begin(line.at, heard, line.before)
    if line.kind == PUSH:
        return Pushed(line.at, line.at_state, line.given)
    if line.kind == ABORT:
        return Aborted(line.at)
    if line.kind == CLOSE:
        return None
    if line.kind == "timeout":
        return TimedOut(line.at)
    return Answer(line.at, heard[0] if heard else "", waited_s)
