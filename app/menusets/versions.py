"""Menus of other versions: a dialogue ends on the menus it began with, on any worker and after a restart.

The sources of the menus in use are kept in the session store under their version; a worker that meets a
dialogue on menus it does not have compiles them from there.
"""

from __future__ import annotations

import asyncio
import json
import logging
import zlib
from collections.abc import Callable, Mapping

from ussd_engine import MenuError, Service, SessionStore, StoreError, compile_menus
from ussd_engine.actions import Action

KEPT_S = 30 * 86_400.0
"""Dialogues live minutes; workers that have not seen a reload may run for weeks."""
RENEWED_EVERY_S = 86_400.0
UNKNOWN_MAX = 64
"""Versions remembered as not to be had, so that a flood of dialogues on one asks only once."""

log = logging.getLogger(__name__)


class MenuVersions:
    """Keeps and finds menu sources; `actions` gives what menus are compiled against."""

    def __init__(self, store: SessionStore, actions: Callable[[], Mapping[str, Action]]) -> None:
        self._store = store
        self._actions = actions
        self._unknown: dict[bytes, None] = {}

    async def keep(self, version: bytes, texts: Mapping[str, str]) -> None:
        """Store sources, or renew their time. A store out of reach costs only what it is for."""
        record = zlib.compress(json.dumps(dict(texts)).encode())
        try:
            known = await self._store.load(_key(version))
            expect = known[0] if known is not None else None
            await self._store.save(_key(version), record, expect=expect, ttl_s=KEPT_S)
        except StoreError as error:
            log.warning("the menus' sources were not kept: %s", error)

    async def keep_renewing(self, current: Callable[[], tuple[bytes, Mapping[str, str]]]) -> None:
        """Keep the sources in use for as long as they are; runs until cancelled."""
        while True:
            await self.keep(*current())
            await asyncio.sleep(RENEWED_EVERY_S)

    async def older(self, version: bytes) -> Service | None:
        """Compile menus of another version from their sources; None where there are none, or not any more."""
        if version in self._unknown:
            return None
        found = await self._store.load(_key(version))
        service = None if found is None else await asyncio.to_thread(self._compiled, found[1])
        if service is None or service.version != version:
            self._unknown[version] = None
            while len(self._unknown) > UNKNOWN_MAX:
                del self._unknown[next(iter(self._unknown))]
            return None
        return service

    def _compiled(self, record: bytes) -> Service | None:
        try:
            return compile_menus(json.loads(zlib.decompress(record)), self._actions())
        except (MenuError, ValueError, zlib.error) as error:
            log.warning("menus of an older version can't be used: %s", type(error).__name__)
            return None


def _key(version: bytes) -> str:
    return f"{{menus:{version.hex()}}}"
