"""Vendored files: scripts, styles, icons, fonts. Their addresses change with their content."""

from __future__ import annotations

from typing import Final

from aiohttp import hdrs, web

from cabinet import security
from cabinet.pages.shell import STATIC

_FOR_GOOD: Final = "public, max-age=31536000, immutable"
_A_WHILE: Final = "public, max-age=300"
_TYPES: Final = {
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".png": "image/png",
}


def application() -> web.Application:
    """Everything below `/cabinet/static`: nobody is asked who he is, and no database is."""
    app = web.Application()
    app.on_response_prepare.append(security.headers(security.CSP_OF_DATA))
    app.router.add_get("/{name}", _file)
    return app


async def _file(request: web.Request) -> web.StreamResponse:
    name = request.match_info["name"]
    path = STATIC / name
    media = _TYPES.get(path.suffix)
    if media is None or path.parent != STATIC or not path.is_file():
        raise web.HTTPNotFound
    keep = _FOR_GOOD if "v" in request.query else _A_WHILE
    return web.FileResponse(path, headers={hdrs.CONTENT_TYPE: media, hdrs.CACHE_CONTROL: keep})
