"""What each key does: one table for the bindings, the bars at the bottom and the help."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from simulator.faults import Fault

_NAMES: Final = {
    "escape": "Esc", "enter": "Enter", "backspace": "⌫", "up": "↑", "down": "↓", "left": "←", "right": "→",
    "tab": "Tab", "shift+tab": "⇧Tab",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Key:
    """One key. `short`: its word in a bar; empty where it stands in none."""

    key: str
    action: str
    help: str
    short: str = ""
    priority: bool = False

    @property
    def label(self) -> str:
        """As people write it."""
        if self.key.startswith("ctrl+"):
            return f"^{self.key[5:].upper()}"
        return _NAMES.get(self.key, self.key.upper())


PHONE: Final = (
    Key("enter", "call", "Call, or send what is typed; on an empty line the last call", "Call"),
    Key("escape", "end", "End: hang up, or back to the idle screen", "End"),
    Key("backspace", "clear", "Clear one character", "Clear"),
    Key("ctrl+u", "clear_line", "Clear the line"),
    Key("up", "older", "Recent calls; in the messages the older one"),
    Key("down", "newer", "And back"),
    Key("tab", "next_phone", "The next phone", "Phone", priority=True),
    Key("shift+tab", "previous_phone", "The phone before", priority=True),
)
MORE: Final = (
    Key("f1", "help", "This page", "Help"),
    Key("f2", "messages", "Messages", "SMS"),
    Key("f3", "frames", "Raw frames: what went over the wire", "Frames"),
    Key("f4", "panel", "Side panel on, off", "Panel"),
    Key("ctrl+n", "new_phone", "One more phone: type its number, Enter", "New"),
    Key("ctrl+o", "operator", "The next operator: latency and loss", "Operator"),
    Key("ctrl+r", "record", "Save what was done as a scenario", "Save"),
    Key("ctrl+p", "replay", "Replay a scenario", "Replay"),
    Key("ctrl+t", "transcript", "Save what was done as text"),
    Key("ctrl+s", "picture", "Save a picture (SVG)"),
    Key("ctrl+q", "quit", "Leave", "Quit", priority=True),
)
FAULTS: Final = (
    Key("f5", f"arm('{Fault.LOST_REQUEST.name}')", "The next request gets lost", "lost req"),
    Key("f6", f"arm('{Fault.LOST_REPLY.name}')", "The next reply gets lost", "lost reply"),
    Key("f7", f"arm('{Fault.DUPLICATE.name}')", "The next request arrives twice", "twice"),
    Key("f8", f"arm('{Fault.DELAY.name}')", "The next reply comes late", "late"),
    Key("f9", "abort('NETWORK')", "The network aborts the dialogue", "abort"),
    Key("f10", "abort('TIMEOUT')", "The dialogue times out", "timeout"),
    Key("f12", "down", "The gateway is down, and up again", "down"),
)
REPLAY: Final = (
    Key("right", "step_forward", "Replay: play the next step", "next step"),
    Key("left", "step_back", "Replay: look at the step before", "back"),
    Key("ctrl+g", "go", "Replay: play to the end, or to what goes otherwise", "all"),
    Key("ctrl+e", "leave_replay", "Replay: leave it", "leave"),
)
ALL: Final = (*PHONE, *MORE, *FAULTS, *REPLAY)


def fault_of(key: Key) -> str:
    """The name of the fault that `key` arms; empty for others."""
    return key.action[5:-2] if key.action.startswith("arm('") else ""
