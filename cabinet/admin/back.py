"""What the operators' pages ask beside the office: everybody's invoices, and the program as it runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from aiohttp import web

from cabinet.running import Running
from invoicing.backoffice import BackOffice


@dataclass(frozen=True)
class Back:
    """Handed in by the program beside its `Office`."""

    invoices: BackOffice
    running: Running


BACK: Final = web.AppKey("back", Back)


def back_of(request: web.Request) -> Back:
    return request.config_dict[BACK]
