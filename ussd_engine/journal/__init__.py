"""What dialogues were: written turn by turn, read back one record a dialogue, replayed on other menus."""

from ussd_engine.journal.cause import Cause
from ussd_engine.journal.lines import Dialogue, Line
from ussd_engine.journal.reader import read
from ussd_engine.journal.replay import Difference, Outcome, replay
from ussd_engine.journal.sweeper import Sweeper
from ussd_engine.journal.writer import FileJournal

__all__ = [
    "Cause",
    "Dialogue",
    "Difference",
    "FileJournal",
    "Line",
    "Outcome",
    "Sweeper",
    "read",
    "replay",
]
