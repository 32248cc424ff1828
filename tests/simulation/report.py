"""What people read when a seed fails."""

from __future__ import annotations

from tests.simulation.run import Result


def told(result: Result, *, command: str) -> str:
    """The orders, what came of them step by step, the broken invariant, and how to play it again."""
    lines = [
        f"seed {result.plan.seed}: {result.violation}",
        "",
        f"{len(result.plan.orders)} orders, {result.plan.climate}",
        *(f"  {order}" for order in result.plan.orders),
        "",
        "what happened:",
        *(f"  {line}" for line in result.history),
        "",
        f"again: {command}",
    ]
    return "\n".join(lines)
