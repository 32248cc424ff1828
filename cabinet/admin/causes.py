"""Why dialogues ended, in words: a CDR's cause for machines, what it means for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from cabinet.pages.statuses import N_, Shown

CAUSES: Final[Mapping[str, Shown]] = {
    "SUCCESS": Shown(N_("Came to its end"), "good"),
    "ABORT_APP": Shown(N_("Wrong answers"), "wait"),
    "FAILED_APP_TIMEOUT": Shown(N_("An action took too long"), "bad"),
    "FAILED_SYSTEM_FAILURE": Shown(N_("An action failed"), "bad"),
    "FAILED_DIALOG_USER_ABORT": Shown(N_("The subscriber left"), "off"),
    "FAILED_INVOKE_TIMEOUT": Shown(N_("No answer in time"), "off"),
    "FAILED_DIALOG_TIMEOUT": Shown(N_("Fell silent"), "off"),
    "FAILED_PROVIDER_ABORT": Shown(N_("Another one began"), "off"),
}
NO_CAUSE: Final = Shown(N_("Under way"), "work")
KINDS: Final[Mapping[str, str]] = {
    "begin": N_("Dialled"),
    "push": N_("The service began"),
    "answer": N_("Answered"),
    "abort": N_("Left"),
    "timeout": N_("No answer in time"),
}
REFUSALS: Final = N_("not taken")
