"""What is served where."""

from __future__ import annotations

from aiohttp import web

from cabinet import api
from cabinet.office import OFFICE, Office
from cabinet.pages import fronts


def mount(served: web.Application, office: Office) -> None:
    """Put the web of `office` on the application that serves the port."""
    served[OFFICE] = office
    served.add_subapp("/api/v1", api.application(office))
    fronts.mount(served, office)
