"""The menus that dialogues are on: new ones begin on the present version, open ones end on theirs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from ussd_engine.core.service import Service

VERSIONS_MAX = 8
"""Menus kept at once, the present ones included; dialogues on older ones are told that they are over."""

Older = Callable[[bytes], Awaitable[Service | None]]
"""Finds the menus of a version that this process does not have."""


class Versions:
    """The menus at hand, by version, those that go first when there are too many in front."""

    def __init__(self, service: Service, older: Older | None = None) -> None:
        self.present = service
        self._kept = {service.version: service}
        self._older = older

    def replace(self, service: Service) -> None:
        """Make these the menus that dialogues begin on."""
        self._kept.pop(service.version, None)
        self._kept[service.version] = service
        self.present = service
        while len(self._kept) > VERSIONS_MAX:
            del self._kept[next(iter(self._kept))]

    def get(self, version: bytes) -> Service | None:
        """Return menus that are at hand."""
        return self._kept.get(version)

    async def find(self, version: bytes) -> Service | None:
        """Return menus that are at hand, or that another worker has, or this one had before a restart."""
        kept = self._kept.get(version)
        if kept is not None or self._older is None:
            return kept
        service = await self._older(version)
        if service is not None:
            self._kept = {service.version: service, **self._kept}
            for stale in list(self._kept)[1 : len(self._kept) - VERSIONS_MAX + 1]:
                del self._kept[stale]
        return service
