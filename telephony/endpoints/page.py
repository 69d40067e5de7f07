"""The page at `/`: to listen to the service and to look at it, without outside requests.

It is served to everybody, as it holds nothing: what it shows comes from routes that ask for the key. Its addresses are
relative, so that a reverse proxy may have it under a prefix.
"""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, HTTPException
from starlette.responses import Response

_DIRECTORY = Path(__file__).with_name("web")
_INDEX = "index.html"
_MEDIA_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
_HEADERS = {
    # The page's own scripts and style, and this service; nothing else.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


def router() -> APIRouter:
    """The routes of the page and of its parts, which are read once."""
    parts = {path.name: path.read_bytes() for path in _DIRECTORY.iterdir() if path.suffix in _MEDIA_TYPES}
    routes = APIRouter(include_in_schema=False)

    @routes.get("/")
    async def show() -> Response:
        return _response(_INDEX)

    @routes.get("/web/{name}")
    async def show_part(name: str) -> Response:
        if name not in parts:
            raise HTTPException(404, "the page has no such part")
        return _response(name)

    def _response(name: str) -> Response:
        return Response(parts[name], headers=_HEADERS, media_type=_MEDIA_TYPES[Path(name).suffix])

    return routes
