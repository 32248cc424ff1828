"""What is served where."""

from __future__ import annotations

from aiohttp import web

from cabinet import api
from cabinet.admin import front as admin
from cabinet.admin.back import Back
from cabinet.office import OFFICE, Office
from cabinet.pages import fronts


def mount(served: web.Application, office: Office, back: Back | None = None) -> None:
    """Put the web of `office` on the application that serves the port; operators' pages with a `back`."""
    served[OFFICE] = office
    served.add_subapp("/api/v1", api.application(office))
    fronts.mount(served, office)
    if back is not None:
        admin.mount(served, office, back)
