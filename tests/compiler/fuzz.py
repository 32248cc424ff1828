"""Spoil a menu at random and look that the compiler tells problems and nothing else.

`python -m tests.compiler.fuzz 100000 [SEED]` is for long runs, and the same seed spoils the same; pytest
plays a few hundred by hypothesis (test_source.py).
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

from ussd_engine import check

MENU = (Path(__file__).parents[2] / "docs/menus.md").read_text().split("```yaml file=menus/help.yaml\n")[2]
MENU = MENU.split("```")[0]
PIECES = [
    "\n", "\n  ", "menu:", "states:", "goto:", "end:", "{", "}", "[", "]", ",", " #", "*x", "&a",
    "|", "- ", "\t", "\x00", "\x85", "é№", "'", '"', "%", "@", "`", "\u2028", "<<:", "!!int ", "on", "no",
    "1:30", "? ", " : ", "\ufeff", "\ud800",
]  # fmt: skip


def spoilt(chance: random.Random) -> str:
    """A menu with one to four places cut or written over."""
    text = MENU
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(text) + 1)
        text = text[:at] + chance.choice(PIECES) + text[at + chance.randint(0, 6) :]
    return text


def main(count: int, seed: int = 1) -> None:
    """Play `count` spoilt menus; an exception that is no problem ends the run with its menu."""
    chance = random.Random(seed)
    compiled = 0
    for number in range(count):
        text = spoilt(chance)
        try:
            service, problems = check({"m.yaml": text}, {})
        except Exception:
            print(f"input {number} of seed {seed}: {text!r}")
            raise
        assert service is not None or any(not problem.warning for problem in problems), text
        assert all(problem.line >= 1 and problem.what and problem.mend for problem in problems), text
        compiled += service is not None
    print(f"{count} spoilt menus: {compiled} still compiled, {count - compiled} were told their problems")


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
