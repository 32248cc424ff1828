"""One dialogue's position, small enough to load and store with every turn."""

from __future__ import annotations

import zlib

import msgspec
from msgspec.structs import replace

from ussd_engine.text.template import Value


def state_id(name: str) -> int:
    """Name a state by 32 bits, so that a stored session outlives a menu's reordering."""
    return zlib.crc32(name.encode())


class Session(msgspec.Struct, array_like=True, kw_only=True):
    """Where one dialogue stands.

    Attributes:
        state: `state_id` of the state it waits in.
        msisdn: the caller, E.164 digits without a plus.
        language: one of the service's languages.
        variables: what questions and actions have set and a screen may still read.
        history: `state_id` of the screens that lead here, oldest first; `back` takes the last.
        page: page of the screen shown, from 0.
        rows: ids of the list rows shown, in the order of their numbers.
        more: rows follow those.
        cursors: where each list page begun so far starts (`None`: at the top), the present page last.
        cursors_of: `state_id` of the list the cursors belong to.
        wrong: wrong answers in a row.
        answers: answers consumed.
        prefill: fields of a dialled shortcut that wait for their question; never secret.
        pending: what was dialled and not used yet; lives inside one turn only, as does `note`.
        note: the line that says why the last answer to a list was not taken.
        ended: nothing more is expected.
        calls: the calls this dialogue is inside of, outermost first: `state_id` of the calling state, and how
            long the history was then; going back beyond that leaves the call.
        entry: `state_id` of the first screen of the dialogue: who is let in there may resume.
        before: the dialogue that was cut, while the offer to go on with it is open.
        pushed: the service began it; there is no way to the service's first screen then.
    """

    state: int
    msisdn: str
    language: str
    variables: dict[str, Value] = {}
    history: list[int] = []
    page: int = 0
    rows: list[str] = []
    more: bool = False
    cursors: list[str | None] = []
    cursors_of: int = 0
    wrong: int = 0
    answers: int = 0
    prefill: dict[str, str] = {}
    pending: list[str] | None = None
    note: str = ""
    ended: bool = False
    calls: list[tuple[int, int]] = []
    entry: int = 0
    before: Session | None = None
    pushed: bool = False

    def copy(self) -> Session:
        """Copy deeply enough that changing the copy leaves this one as it is."""
        return replace(
            self,
            variables=self.variables.copy(),
            history=self.history.copy(),
            cursors=self.cursors.copy(),
            prefill=self.prefill.copy(),
            calls=self.calls.copy(),
        )
