"""The handset driven without a terminal, for pictures: keys in, SVG out."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from typing import Final

from textual.pilot import Pilot

from simulator.ui.app import HandsetApp

SETTLE_S: Final = 0.6
"""After keys: the service tells where the dialogue stands, SMS arrive."""
_NAMED: Final = re.compile(r"<([a-z0-9+]+)>")


async def pose(app: HandsetApp, lines: Sequence[str], size: tuple[int, int]) -> str:
    """Press the keys of `lines` and draw the screen.

    Args:
        lines: each is typed, then Enter; `<tab>`, `<f5>`, `<ctrl+o>` are keys of that name, and a line of
            them alone has no Enter; `123_` neither.
        size: columns and lines.
    """
    async with app.run_test(size=size) as pilot:
        await _settled(app, pilot)
        for line in lines:
            await _press(app, pilot, line)
        return app.drawn()


async def _press(app: HandsetApp, pilot: Pilot[None], line: str) -> None:
    keys: list[str] = []
    for index, part in enumerate(_NAMED.split(line.removesuffix("_"))):
        keys += [part] if index % 2 else list(part)
    is_typed = _NAMED.sub("", line) != "" and not line.endswith("_")
    await pilot.press(*keys, *(["enter"] if is_typed else []))
    await _settled(app, pilot)


async def _settled(app: HandsetApp, pilot: Pilot[None]) -> None:
    for _ in range(2):
        for phone in app.network.phones:
            await phone.settle()
    await asyncio.sleep(SETTLE_S)
    app.redraw()
    await pilot.pause()
