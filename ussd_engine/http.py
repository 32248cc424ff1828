"""Performs the HTTP actions that menus declare: allow-listed hosts, bounded answers, no redirects."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Collection, Mapping

import aiohttp
from msgspec.structs import replace

from ussd_engine.actions import Call
from ussd_engine.core.events import ActionDone
from ussd_engine.core.http import BODY_MAX, HttpAction, word
from ussd_engine.text.template import Value

log = logging.getLogger("ussd_engine.http")


class HttpCaller:
    """One client session for all HTTP actions of a service.

    Args:
        allow: hosts that may be called, as `host` or `host:port`; any other makes the action fail. Nothing of
            the process's environment (proxies, netrc) is used, and redirects are not followed.
        headers: for each host, headers to send, such as an authorization; menus can't name any.
    """

    def __init__(
        self, allow: Collection[str], headers: Mapping[str, Mapping[str, str]] | None = None
    ) -> None:
        self._allow = frozenset(host.lower() for host in allow)
        self._headers = {host.lower(): named for host, named in (headers or {}).items()}
        self._session: aiohttp.ClientSession | None = None

    async def run(self, action: HttpAction, call: Call, args: Mapping[str, Value], at: float) -> ActionDone:
        """Ask the service, within the action's time-out for each try; whatever goes wrong is `failed`."""
        if action.host not in self._allow:
            log.error("action %s: host %s is not in the allow-list", action.name, action.host)
            return ActionDone(at, "failed")
        for tried in range(1 + (action.retries if action.method == "GET" else 0)):
            try:
                async with asyncio.timeout(action.timeout_s):
                    return replace(await self._ask(action, call, args), at=at)
            except (aiohttp.ClientError, TimeoutError, ValueError, UnicodeDecodeError) as error:
                log.warning("action %s, try %d: %s", action.name, tried + 1, type(error).__name__)
        return ActionDone(at, "failed")

    async def _ask(self, action: HttpAction, call: Call, args: Mapping[str, Value]) -> ActionDone:
        session = self._open()
        headers = {
            "Accept": "application/json",
            "Idempotency-Key": call.key,
            **self._headers.get(action.host, {}),
        }
        sent = {name: value for name, value in args.items() if value is not None}
        query = {name: word(value) for name, value in sent.items()} if action.method == "GET" else None
        body = None if action.method == "GET" else sent
        async with session.request(
            action.method, action.url, params=query, json=body, headers=headers, allow_redirects=False
        ) as response:
            octets = b""
            async for chunk in response.content.iter_any():
                octets += chunk
                if len(octets) > BODY_MAX:
                    raise ValueError("the answer is too large")
            return action.read(response.status, json.loads(octets) if octets.strip() else None, 0.0)

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(trust_env=False, cookie_jar=aiohttp.DummyCookieJar())
        return self._session

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
