"""The demo's people in the handset's own process: no gateway, no port, no file."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app import planning
from app.handset.demo import Demo
from app.handset.rehearsal import Rehearsal
from app.menusets import files as menufiles
from simulator.model import Message
from simulator.standing import Standing, read_standing
from simulator.wires.inprocess import GATEWAY, InProcess
from simulator.wires.wire import Frames, NoService, Pushed
from ussd_engine import MenuError, compile_menus

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.handset.rehearsal import Town


@dataclass(frozen=True)
class _Gateway:
    name: str


class Told:
    """What the demo's pages tell, without HTTP."""

    def __init__(self, town: Town) -> None:
        self._town = town
        self._pages = Demo(
            town.engine, town.store, town.money.inbox, town.money.relay, (_Gateway(GATEWAY),), town.in_thread
        )

    async def inbox(self, number: str) -> list[Message]:
        """As `simulator.standing.Service`."""
        await self._town.sms(number)
        found: list[dict[str, Any]] = await self._pages.inbox(number)
        return [Message(one["at"], one["from"], one["text"], one["parts"]) for one in found]

    async def standing(self, number: str) -> Standing | None:
        """As `simulator.standing.Service`."""
        found = await self._pages.session(number)
        return read_standing(found[0]) if found else None

    def listen(self, _number: str, _take: Callable[[Pushed], None]) -> None:
        """As `simulator.standing.Service`: nothing is pushed without a gateway."""

    def stop(self) -> None:
        """As `simulator.standing.Service`."""


def open_here(menus: Path | None, frames: Frames, octets: int, held: ExitStack) -> tuple[InProcess, Told]:
    """Compile the menus and seed the people; takes a second or two.

    Raises:
        NoService: the menus can't be used.
    """
    try:
        declared = planning.declared_actions()
        service = compile_menus(menufiles.read(menus or menufiles.folder(None)), declared)
    except (menufiles.NoMenus, MenuError) as error:
        raise NoService(str(error).partition("\n")[0]) from None
    town = held.enter_context(held.enter_context(Rehearsal(service, declared)).town())
    return InProcess(town.engine, frames, octets), Told(town)
