"""What an operator does to the calls of this moment, and the last lines of the log: for the page at `/`."""

from __future__ import annotations

import time
import uuid
from typing import Any, Literal

import structlog
from fastapi import APIRouter, HTTPException
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from telephony.endpoints.pbx import Pbx, UnknownCallError
from telephony.endpoints.pbx_call import PbxCall
from telephony.listeners.calls import CallRegistry
from telephony.telemetry import logs

log = structlog.get_logger()


class ConnectedCall(BaseModel):
    """A call that is connected: `door` is who brought it, `peers` are who is connected to it here.

    `host` is the address of its host where calls are shared by several, and tells calls of one id apart.
    """

    call_id: str
    host: str = ""
    door: Literal["telephone", "audiosocket", "media"]
    connected_s: float
    peers: list[str]
    speaking: bool


class ConnectedCalls(BaseModel):
    """All of them."""

    calls: list[ConnectedCall]


class Line(BaseModel):
    """A line of the log, in logfmt, and its number."""

    number: int
    text: str


class Lines(BaseModel):
    """Lines of the log, the oldest first."""

    lines: list[Line]


def router(calls: CallRegistry, pbx: Pbx) -> APIRouter:
    """The routes of the calls and of the log."""
    routes = APIRouter(prefix="/v1", tags=["admin"])
    unknown: dict[int | str, dict[str, Any]] = {404: {"description": "no such call is connected"}}

    @routes.get("/calls")
    async def list_calls() -> ConnectedCalls:
        """The calls that are connected now, of the telephone and of a PBX."""
        return ConnectedCalls(calls=[*_of_telephone(calls), *_of_pbx(pbx)])

    @routes.post("/calls/{call_id}/interrupt", status_code=202, responses=unknown)
    async def interrupt(call_id: str, host: str = "") -> None:
        """Barge-in: the call falls silent, and goes on."""
        if not await run_in_threadpool(calls.interrupt, call_id, host):
            _pbx_call(pbx, call_id).interrupt()
        log.info("call_interrupted", call=call_id, by="operator")

    @routes.post("/calls/{call_id}/hangup", status_code=202, responses=unknown)
    async def hang_up(call_id: str, host: str = "") -> None:
        """Ends the call: it falls silent, and its connections are closed."""
        if not await run_in_threadpool(calls.hang_up, call_id, host):
            _pbx_call(pbx, call_id).hang_up(after_speech=False)
        log.info("call_hung_up", call=call_id, by="operator")

    @routes.get("/log")
    async def show_log(after: int = 0) -> Lines:
        """The last lines of the log from INFO on, behind the one of number `after`; none has a caller's text."""
        return Lines(lines=[Line(number=line.number, text=line.text) for line in logs.tail.since(after)])

    return routes


def _of_telephone(calls: CallRegistry) -> list[ConnectedCall]:
    return [
        ConnectedCall(
            call_id=state.call_id,
            host=state.host,
            door="telephone",
            connected_s=state.connected_s,
            peers=["text host"] * state.text_host + ["audio processor"] * state.processor,
            speaking=state.speaking,
        )
        for state in calls.connected()
    ]


def _of_pbx(pbx: Pbx) -> list[ConnectedCall]:
    now = time.monotonic()
    return [
        ConnectedCall(
            call_id=str(call.call_id),
            door=call.door,
            connected_s=round(now - call.connected_at, 1),
            peers=["PBX"],
            speaking=not call.silent,
        )
        for call in pbx.connected()
    ]


def _pbx_call(pbx: Pbx, call_id: str) -> PbxCall:
    try:
        return pbx.find(uuid.UUID(call_id))
    except (ValueError, UnknownCallError):
        raise HTTPException(404, "no such call is connected") from None
