"""The light machine moves as `transitions`' own does: guards in order, loud about what was never declared."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from transitions import EventData, Machine, MachineError

from ussd_engine.core.machine import ServiceMachine

STATES = ["a", "b", "c"]


@dataclass
class Model:
    state: str = "a"
    refuses: set[str] = field(default_factory=set)


def guard(name: str) -> Any:
    def allows(event: EventData) -> bool:
        model: Any = event.model
        return name not in model.refuses

    return allows


MOVES: list[dict[str, Any]] = [
    {"trigger": "go", "source": "a", "dest": "b", "conditions": guard("first")},
    {"trigger": "go", "source": "a", "dest": "c", "conditions": guard("second")},
    {"trigger": "go", "source": "b", "dest": "b"},
    {"trigger": "back", "source": "c", "dest": "a"},
]


@given(
    triggers=st.lists(st.sampled_from(["go", "back"]), max_size=8),
    refuses=st.sets(st.sampled_from(["first", "second"])),
)
def test_any_triggers_move_it_as_they_move_the_library_s_own_machine(
    triggers: list[str], refuses: set[str]
) -> None:
    ours = ServiceMachine(STATES, MOVES, "a")
    theirs = Machine(
        model=None, states=STATES, transitions=MOVES, initial="a", auto_transitions=False, send_event=True
    )

    def play(machine: Machine) -> list[tuple[object, str]]:
        model, seen = Model(refuses=refuses), list[tuple[object, str]]()
        for trigger in triggers:
            try:
                moved: object = machine.events[trigger].trigger(model)
            except MachineError:
                moved = "no such move"
            seen.append((moved, model.state))
        return seen

    assert play(ours) == play(theirs)


def test_who_watches_is_told_of_each_move_made() -> None:
    machine, told = ServiceMachine(STATES, MOVES, "a"), list[tuple[str, str, str]]()
    machine.after_state_change = [
        lambda event: told.append((event.event.name, event.transition.source, event.transition.dest))
    ]
    model = Model(refuses={"first"})
    machine.events["go"].trigger(model)
    machine.events["back"].trigger(model)

    assert told == [("go", "a", "c"), ("back", "c", "a")]
