"""Why a dialogue ended: a fixed list, named as the CDR statuses of RestComm's USSD gateway (`RecordStatus`).

Only those that an application's side can tell are used; the network's own (SRI_…,
FAILED_ABSENT_SUBSCRIBER, …) are not.
"""

from __future__ import annotations

from enum import Enum

from ussd_engine.core.events import Aborted, TimedOut
from ussd_engine.core.service import FAILED, GAVE_UP, LATE, WRONG_DIAL
from ussd_engine.ports import Entry


class Cause(Enum):
    """The end of a dialogue.

    Attributes:
        SUCCESS: it came to an end that its author wrote.
        ABORT_APP: the service gave up: too many wrong answers, a dialled string it can't read.
        FAILED_APP_TIMEOUT: an action outlasted the gateway's deadline.
        FAILED_SYSTEM_FAILURE: an action failed.
        FAILED_DIALOG_USER_ABORT: the subscriber, or the network for them, broke off.
        FAILED_INVOKE_TIMEOUT: the network waited too long for the subscriber's answer, and said so.
        FAILED_DIALOG_TIMEOUT: nothing came any more, and nobody said why.
        FAILED_PROVIDER_ABORT: the network began another dialogue of the subscriber without ending this one.
    """

    SUCCESS = "SUCCESS"
    ABORT_APP = "ABORT_APP"
    FAILED_APP_TIMEOUT = "FAILED_APP_TIMEOUT"
    FAILED_SYSTEM_FAILURE = "FAILED_SYSTEM_FAILURE"
    FAILED_DIALOG_USER_ABORT = "FAILED_DIALOG_USER_ABORT"
    FAILED_INVOKE_TIMEOUT = "FAILED_INVOKE_TIMEOUT"
    FAILED_DIALOG_TIMEOUT = "FAILED_DIALOG_TIMEOUT"
    FAILED_PROVIDER_ABORT = "FAILED_PROVIDER_ABORT"


def of_entry(entry: Entry) -> Cause | None:
    """The cause that a turn's entry shows; None while the dialogue is open."""
    if entry.open:
        return None
    match entry.event:
        case None:
            return Cause.FAILED_PROVIDER_ABORT
        case Aborted():
            return Cause.FAILED_DIALOG_USER_ABORT
        case TimedOut():
            return Cause.FAILED_INVOKE_TIMEOUT
    return of_end(entry.state, entry.done[-1][1].result if entry.done else "")


def of_end(state: str, last_result: str) -> Cause:
    """The cause where the service ended it, in `state`, after an action that came back with `last_result`."""
    # An author may send `late` and `failed` to ends of their own: the result tells, whatever the text.
    if state == LATE or last_result == "late":
        return Cause.FAILED_APP_TIMEOUT
    if state == FAILED or last_result == "failed":
        return Cause.FAILED_SYSTEM_FAILURE
    if state in (GAVE_UP, WRONG_DIAL) or ".!" in state:  # `.!`: a shortcut's own format text
        return Cause.ABORT_APP
    return Cause.SUCCESS
