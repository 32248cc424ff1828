"""The handset's screen as text, as a person sees it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from textual.pilot import Pilot

from simulator.ui.app import HandsetApp
from tests.simulator.handset.kiosk import PIN, Kiosk

SIZES = {"80x24": (80, 24), "100x30": (100, 30), "160x45": (160, 45)}


@asynccontextmanager
async def handset(
    kiosk: Kiosk, size: tuple[int, int] = (100, 30), folder: Path | None = None
) -> AsyncIterator[tuple[HandsetApp, Pilot[None]]]:
    """The program, driven."""
    app = HandsetApp(kiosk.network, folder=folder, secrets={"pin": PIN})
    async with app.run_test(size=size) as pilot:
        yield app, pilot


async def typed(app: HandsetApp, pilot: Pilot[None], keys: str) -> None:
    """Type keys and press Enter; wait for what comes of it."""
    await pilot.press(*keys, "enter")
    await settled(app, pilot)


async def settled(app: HandsetApp, pilot: Pilot[None]) -> None:
    """Nothing is under way any more, and all is drawn."""
    for phone in app.network.phones:
        await phone.settle()
        await phone.settle()  # what was under way has asked where the dialogue stands
    await pilot.pause()
    app.redraw()
    await pilot.pause()


def seen(app: HandsetApp) -> str:
    """The whole screen."""
    strips = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip).rstrip() for strip in strips)


def still(text: str) -> str:
    """A screen without what is another each time."""
    text = re.sub(r"\b[0-9a-f]{12}…?", "aaaaaaaaaaaa ", text)
    text = re.sub(r"\b\d+ ms", "1 ms", text)
    return re.sub(r"\b1[678]\d s", "179 s", text)
