"""The machine of a service: `transitions` without the callbacks that no state or move of ours has.

A step works before and after the move, never inside it. `transitions` still walks a dozen empty lists of
callbacks and logs eight lines for each move, four times what the move itself costs. Its own points of
extension let that go; guards stay, and so do `after_state_change` callbacks, for whoever watches a machine.
"""

from __future__ import annotations

from typing import Any

from transitions import Event, EventData, Machine, MachineError, Transition


class Move(Transition):
    """A transition with guards only."""

    def execute(self, event_data: EventData) -> bool:
        """Make the move unless a guard refuses it."""
        if self.conditions and not self._eval_conditions(event_data):
            return False
        model: Any = event_data.model
        model.state = self.dest
        watching = event_data.machine.after_state_change
        if watching:
            event_data.machine.callbacks(watching, event_data)
        return True


class Trigger(Event):
    """What sets moves off."""

    def trigger(self, model: Any, *args: Any, **kwargs: Any) -> bool:
        """Make the first move that the model's state has and no guard refuses; False when all were refused.

        Raises:
            MachineError: the state has no move for this trigger.
        """
        moves = self.transitions.get(model.state)
        if not moves:
            raise MachineError(f"state '{model.state}' has no move for '{self.name}'")
        first = moves[0]
        if not first.conditions and not self.machine.after_state_change:  # nobody to ask or tell: nearly all
            model.state = first.dest
            return True
        event_data = EventData(self.machine.states[model.state], self, self.machine, model, args, kwargs)
        for move in moves:
            event_data.transition = move
            if move.execute(event_data):
                return True
        return False


class ServiceMachine(Machine):
    """One for all dialogues of a service: a model needs nothing but a writable `state`."""

    event_cls = Trigger
    transition_cls = Move

    def __init__(self, states: list[str], moves: list[dict[str, Any]], initial: str) -> None:
        """Make it of `moves`: dictionaries of `trigger`, `source`, `dest` and perhaps `conditions`."""
        super().__init__(
            model=None,
            states=states,
            transitions=moves,
            initial=initial,
            auto_transitions=False,
            send_event=True,
        )
