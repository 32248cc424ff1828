"""What makes the app an app: manifest, service worker, a page for when there is no net, push (A34, A38)."""

from __future__ import annotations

import json
from typing import Any, Final

from aiohttp import hdrs, web

from cabinet.office import office_of
from cabinet.pages.shell import STATIC, asset, page, words
from cabinet.sessions import origin, signed_in
from invoicing import Refused

_PUSH_BODY_MAX: Final = 4_096
_KEPT: Final = ("pico-2.1.1.min.css", "click.css", "htmx-2.0.11.min.js", "click.js", "app.js", "icon-192.png")


def routes() -> list[web.RouteDef]:
    return [
        web.get("/manifest.webmanifest", manifest),
        web.get("/sw.js", worker),
        web.get("/offline", offline),
        web.post("/push", subscribe),
        web.post("/push/{id:[0-9]+}/end", unsubscribe),
    ]


async def manifest(request: web.Request) -> web.StreamResponse:
    """In the reader's language; icons also for masks that cut their corners."""
    told = words(request)
    icons = [
        {"src": asset(f"{name}-{size}.png"), "sizes": f"{size}x{size}", "type": "image/png", "purpose": why}
        for name, why in (("icon", "any"), ("maskable", "maskable"))
        for size in (192, 512)
    ]
    body: dict[str, Any] = {
        "id": "/app/",
        "name": "CLICK Merchant",
        "short_name": "CLICK",
        "description": told("Issue invoices and see them paid"),
        "lang": told.language,
        "dir": "ltr",
        "start_url": "/app/",
        "scope": "/app/",
        "display": "standalone",
        "orientation": "any",
        "background_color": "#f4f7fb",
        "theme_color": "#005cc8",
        "icons": icons,
        "shortcuts": [
            {
                "name": told("Issue an invoice"),
                "url": "/app/invoices/new",
                "icons": [{"src": asset("icon-192.png"), "sizes": "192x192"}],
            }
        ],
    }
    return web.Response(
        text=json.dumps(body, ensure_ascii=False),
        content_type="application/manifest+json",
        headers={hdrs.CACHE_CONTROL: "no-cache"},
    )


async def worker(_request: web.Request) -> web.StreamResponse:
    """The service worker, with the addresses it keeps for when there is no net: new files, a new worker."""
    kept = json.dumps([asset(name) for name in _KEPT])
    text = (STATIC / "sw.js").read_text(encoding="utf-8").replace('["KEPT"]', kept)
    return web.Response(text=text, content_type="text/javascript", headers={hdrs.CACHE_CONTROL: "no-cache"})


async def offline(request: web.Request) -> web.StreamResponse:
    return page(request, "offline.html")


async def subscribe(request: web.Request) -> web.StreamResponse:
    """Keep what `pushManager.subscribe` gave."""
    office, who = office_of(request), signed_in(request)
    octets = await request.read()
    given = _keys(octets) if len(octets) <= _PUSH_BODY_MAX else None
    if given is None:
        return web.json_response({"id": None}, status=422)
    kept = await office.in_thread(
        office.subscriptions.add,
        who,
        *given,
        origin(request).label,
        plain=office.options.private_webhooks,
    )
    if isinstance(kept, Refused):
        return web.json_response({"id": None}, status=422)
    return web.json_response({"id": kept.id}, status=201)


def _keys(octets: bytes) -> tuple[str, str, str] | None:
    """Endpoint, `p256dh` and `auth` of `PushSubscription.toJSON()`."""
    try:
        read = json.loads(octets)
        found = (read["endpoint"], read["keys"]["p256dh"], read["keys"]["auth"])
    except (ValueError, KeyError, TypeError):
        return None
    if not all(isinstance(one, str) for one in found):
        return None
    endpoint, point, auth = (str(one) for one in found)
    return endpoint, point, auth


async def unsubscribe(request: web.Request) -> web.StreamResponse:
    """Tell this device nothing more."""
    office, who = office_of(request), signed_in(request)
    await office.in_thread(office.subscriptions.remove, who, request.match_info["id"])
    return web.Response(status=303, headers={hdrs.LOCATION: "/app/settings"})
