"""Scripted dialogues: read from YAML, played and compared word for word, or made from the menus."""

from ussd_engine.scenarios.coverage import Coverage
from ussd_engine.scenarios.fakes import Fakes
from ussd_engine.scenarios.generate import Generated, generate
from ussd_engine.scenarios.model import Leaving, Scenario, ScenarioError, Step, read
from ussd_engine.scenarios.play import EngineStage, Failure, Player, Stage, play

__all__ = [
    "Coverage",
    "EngineStage",
    "Failure",
    "Fakes",
    "Generated",
    "Leaving",
    "Player",
    "Scenario",
    "ScenarioError",
    "Stage",
    "Step",
    "generate",
    "play",
    "read",
]
