"""How the service does: now, by screens, its menus and its gateways."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from aiohttp import web

from cabinet.admin.back import back_of
from cabinet.office import office_of
from cabinet.pages.shell import ADMIN, page, url
from cabinet.pages.statuses import N_
from cabinet.running import Funnel, LiveFigures, StateFlow
from cabinet.sessions import operator

QUIET: Final = frozenset({f"{ADMIN.base}/live/now"})
"""What an open page asks for by itself: a screen that nobody looks at is signed out all the same."""
SPANS: Final = {
    "1h": (N_("The last hour"), timedelta(hours=1)),
    "24h": (N_("24 hours"), timedelta(hours=24)),
    "7d": (N_("7 days"), timedelta(days=7)),
}
PARTS: Final = (
    ("on", N_("went on"), "good"),
    ("ended", N_("came to an end"), "work"),
    ("back", N_("went back"), "back"),
    ("there", N_("are there now"), "wait"),
    ("dropped", N_("left"), "bad"),
)
"""What becomes of those who come to a screen: attribute of `StateFlow`, words, tone."""
BAR: Final = 1_000
LINE_WIDTH: Final = 600
LINE_HEIGHT: Final = 80
LINE_STATES: Final = {
    "serving": (N_("serving"), "good"),
    "up": (N_("up"), "good"),
    "down": (N_("down"), "bad"),
    "elsewhere": (N_("kept by another engine"), "work"),
    "unknown": (N_("nobody tells"), "wait"),
}


def routes() -> list[web.RouteDef]:
    return [
        web.get("/live", live),
        web.get("/live/now", now),
        web.get("/screens", screens),
        web.get("/service", service),
    ]


async def live(request: web.Request) -> web.StreamResponse:
    """Open dialogues and rates; the page asks anew by itself."""
    return _live(request, "admin/live.html")


async def now(request: web.Request) -> web.StreamResponse:
    """The part of `live` that changes."""
    return _live(request, "admin/_live.html")


def _live(request: web.Request, template: str) -> web.Response:
    operator(request)
    figures = back_of(request).running.live()
    return page(request, template, figures=figures, line=None if figures is None else line(figures))


async def screens(request: web.Request) -> web.StreamResponse:
    """Of those who saw a screen, who went on and who left there."""
    office, back = office_of(request), back_of(request)
    operator(request)
    span = request.query.get("span", "")
    span = span if span in SPANS else "1h"
    since = office.reports.now() - SPANS[span][1]
    found = await office.in_thread(back.running.dialogues.funnel, since)
    return page(
        request,
        "admin/screens.html",
        found=found,
        bars=None if found is None else bars(found),
        parts=PARTS,
        span=span,
        spans=SPANS,
        link=lambda **query: url(request, "/screens", **query),
    )


async def service(request: web.Request) -> web.StreamResponse:
    """Menus in use with their mistakes, and gateways as `ussd gateways` tells of them."""
    running = back_of(request).running
    operator(request)
    return page(
        request,
        "admin/service.html",
        menus=running.menus(),
        gateways=running.gateways(),
        line_states=LINE_STATES,
    )


# --- drawn by numbers, as the CSP lets no style into a page -------------------------------------------------


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a bar of `BAR` units."""

    tone: str
    x: float
    width: float


def bars(found: Funnel) -> dict[str, tuple[Segment, ...]]:
    """A bar for each screen, as long as it was visited among its menu's."""
    drawn = {}
    for menu in found.menus:
        most = max((state.came for state in menu.states), default=0)
        for state in menu.states:
            drawn[state.state] = tuple(_segments(state, most))
    return drawn


def _segments(state: StateFlow, most: int) -> Sequence[Segment]:
    x, made = 0.0, []
    for name, _, tone in PARTS:
        width = BAR * getattr(state, name) / most if most else 0.0
        if width:
            made.append(Segment(tone, round(x, 2), round(width, 2)))
        x += width
    return made


@dataclass(frozen=True, slots=True)
class Line:
    """A line of turns a second: points for an SVG, and the rate that its top stands for."""

    points: str
    top: float
    minutes: float


def line(figures: LiveFigures) -> Line | None:
    """The recent history; None where there is too little of it."""
    rates = figures.history
    if len(rates) < 2:
        return None
    top = max(*rates, 1.0)
    step = LINE_WIDTH / (len(rates) - 1)
    points = " ".join(
        f"{place * step:.1f},{LINE_HEIGHT - LINE_HEIGHT * rate / top:.1f}" for place, rate in enumerate(rates)
    )
    return Line(points, top, len(rates) * figures.step_s / 60)
