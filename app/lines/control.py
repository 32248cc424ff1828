"""What `ussd push` asks of the service that runs: one signed request, and nothing else gets in.

    POST /control/push   {"msisdn": …, "state": …, "given": {…}, "gateway": …}   ->   {"outcome": "answered"}

The signature is that of gateways (`adapters.credentials`: time, nonce, body), under a secret made from
`[security] key`. The answer comes once the network has told what became of the push, which may take a minute.
"""

from __future__ import annotations

import hmac
import json
import secrets
import time
from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from adapters.credentials import NONCE_MEMORY_S, Credentials, Denied, signature
from adapters.form import msisdn
from app.lines.pushing import Pushes
from ussd_engine import SessionStore, StoreError, WireError
from ussd_engine.pushing import NotPushable

PATH: Final = "/control/push"
BODY_MAX: Final = 4096


def secret_of(key: bytes) -> str:
    """The secret that the requests are signed with."""
    return hmac.digest(key, b"control", "sha256").hex()


def signed(key: bytes, body: bytes) -> dict[str, str]:
    """The headers of a request with that body."""
    at, nonce = str(int(time.time())), secrets.token_hex(16)
    return {
        "Content-Type": "application/json",
        "X-Timestamp": at,
        "X-Nonce": nonce,
        "X-Signature": signature(secret_of(key), "POST", PATH, at, nonce, body),
    }


class Control:
    """Serves it."""

    def __init__(self, pushes: Pushes, key: bytes, store: SessionStore) -> None:
        self._pushes = pushes
        self._store = store
        self._credentials = Credentials(name="control", clock=time.time, secret=secret_of(key))

    def routes(self) -> tuple[web.RouteDef, ...]:
        """One request."""
        return (web.post(PATH, self._push),)

    async def _push(self, request: web.Request) -> web.Response:
        try:
            if (request.content_length or BODY_MAX + 1) > BODY_MAX:
                raise WireError("the body is too long, or doesn't say how long it is", status=413)
            body = await request.read()
            self._credentials.check_secret(request.method, request.raw_path, request.headers, body)
            await self._spend(request.headers.get("X-Nonce", ""))
            asked = _read(body)
            outcome = await self._pushes.push(
                msisdn(asked["msisdn"], "msisdn"), asked["state"], asked["given"], asked["gateway"]
            )
        except Denied as error:
            return web.Response(status=error.status, text=f"{error}\n")
        except WireError as error:
            return web.Response(status=error.status, text=f"{error}\n")
        except NotPushable as error:
            return web.Response(status=400, text=f"{error}\n")
        except StoreError as error:
            return web.Response(status=503, text=f"{error}\n")
        return web.json_response({"outcome": outcome.value})

    async def _spend(self, nonce: str) -> None:
        """The credentials know what came to this process; a captured request may be played to another."""
        key = f"{{control {nonce}}}"
        if not nonce or not await self._store.save(key, b"", expect=None, ttl_s=NONCE_MEMORY_S):
            raise Denied("this X-Nonce was used before", status=401)


def _read(body: bytes) -> Mapping[str, Any]:
    try:
        asked = json.loads(body)
    except ValueError:
        asked = None
    if not isinstance(asked, dict):
        raise WireError("the body is no JSON object")
    asked = {"given": {}, "gateway": "", **asked}
    texts = [asked.get("msisdn"), asked.get("state"), asked["gateway"]]
    given = asked["given"]
    if not all(isinstance(text, str) for text in texts) or not isinstance(given, dict):
        raise WireError("msisdn, state and gateway are texts, given is an object")
    if not all(isinstance(text, str) for text in given.values()):
        raise WireError("what is given is texts")
    return asked
