"""The page at `/`: to listen to the service and to look at it, in one file without outside requests.

It is served to everybody, as it holds nothing: what it shows comes from routes that ask for the key.
"""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

from fastapi import APIRouter
from starlette.responses import HTMLResponse

_FILE = Path(__file__).with_suffix(".html")


def router() -> APIRouter:
    """The route of the page."""
    html = _FILE.read_text(encoding="utf-8")
    headers = {
        "Content-Security-Policy": _content_security_policy(html),
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-cache",
    }
    routes = APIRouter()

    @routes.get("/", include_in_schema=False)
    async def show() -> HTMLResponse:
        return HTMLResponse(html, headers=headers)

    return routes


def _content_security_policy(html: str) -> str:
    """Lets the page's own script and style run, and talk to this service; nothing else."""
    sources = {tag: _hashes(html, tag) for tag in ("script", "style")}
    return (
        f"default-src 'none'; script-src {sources['script']}; style-src {sources['style']}; connect-src 'self'; "
        "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def _hashes(html: str, tag: str) -> str:
    contents = re.findall(rf"<{tag}>(.*?)</{tag}>", html, re.DOTALL)
    digests = (base64.b64encode(hashlib.sha256(content.encode()).digest()).decode() for content in contents)
    return " ".join(f"'sha256-{digest}'" for digest in digests)
