"""A USSD engine: menus in YAML compile to state machines; a dialogue is a small value between turns."""

from typing import TYPE_CHECKING, Any

from ussd_engine.actions import Action, Amount, Call, Max, Msisdn, Rows, Secret, When, Word, action
from ussd_engine.core.errors import MenuError, Problem, StoreError, UssdEngineError, WireError
from ussd_engine.core.service import Service
from ussd_engine.engine import Engine
from ussd_engine.ports import Clock, Kind, Pusher, PushOutcome, Reply, SessionStore, Turn, Watch

if TYPE_CHECKING:
    from ussd_engine.compiler.build import check, compile_menus

__all__ = [
    "Action",
    "Amount",
    "Call",
    "Clock",
    "Engine",
    "Kind",
    "Max",
    "MenuError",
    "Msisdn",
    "Problem",
    "PushOutcome",
    "Pusher",
    "Reply",
    "Rows",
    "Secret",
    "Service",
    "SessionStore",
    "StoreError",
    "Turn",
    "UssdEngineError",
    "Watch",
    "When",
    "WireError",
    "Word",
    "action",
    "check",
    "compile_menus",
]


def __getattr__(name: str) -> Any:
    """Import the compiler when it is first asked for: adapters and clients need no YAML and no schema."""
    if name in ("check", "compile_menus"):
        from ussd_engine.compiler import build

        return getattr(build, name)
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
