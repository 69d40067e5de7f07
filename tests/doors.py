"""A door for tests of what all HTTP and WebSocket doors share, in place of the gateway."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi import APIRouter, Request, WebSocket
from pydantic import BaseModel, Field
from starlette.responses import StreamingResponse

from telephony.endpoints import gateway


class Saying(BaseModel):
    """A body with a bounded text."""

    text: str = Field(max_length=20)


def open_stub_door(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every service that is started from now on has `/stub...` in place of the gateway's routes."""
    routes = APIRouter()

    @routes.post("/stub")
    async def answer(saying: Saying) -> dict[str, int]:
        return {"characters": len(saying.text)}

    @routes.get("/stub/fail")
    async def fail(request: Request) -> None:
        raise KeyError(request.query_params.get("text"))

    @routes.get("/stub/break")
    async def break_off(request: Request) -> StreamingResponse:
        async def body() -> AsyncIterator[bytes]:
            yield b"the beginning"
            raise KeyError(request.query_params.get("text"))

        return StreamingResponse(body())

    @routes.websocket("/stub/ws")
    async def echo(socket: WebSocket) -> None:
        await socket.accept()
        while True:
            await socket.send_text(await socket.receive_text())

    @routes.websocket("/stub/ws/fail")
    async def fail_connected(socket: WebSocket) -> None:
        await socket.accept()
        raise KeyError(await socket.receive_text())

    def router(*_: Any) -> APIRouter:
        return routes

    monkeypatch.setattr(gateway, "router", router)
