"""A USSD engine: menus in YAML compile to state machines; a dialogue is a small value between turns."""

from ussd_engine.actions import Action, Amount, Call, Max, Msisdn, Rows, Secret, When, Word, action
from ussd_engine.compiler.build import check, compile_menus
from ussd_engine.core.errors import MenuError, Problem, StoreError, UssdEngineError, WireError
from ussd_engine.core.service import Service
from ussd_engine.engine import Engine
from ussd_engine.ports import Clock, Kind, Reply, SessionStore, Turn, Watch

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
