"""The names of voices and models at `/v1/audio`, where Open WebUI and its like look for them. They bring no key."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel

from telephony.endpoints.openai import MODELS
from telephony.listeners.sessions import SessionRegistry


class Named(BaseModel):
    """A voice or a model, by what it is asked for and what it is called."""

    id: str
    name: str


class Voices(BaseModel):
    """All voices that are loaded now."""

    voices: list[Named]


class Models(BaseModel):
    """The models that clients name."""

    models: list[Named]


def router(sessions: SessionRegistry) -> APIRouter:
    """The routes. With `--open-names` nobody needs a key for them: they show nothing else."""
    routes = APIRouter(prefix="/v1/audio", tags=["openai"])

    @routes.get("/voices")
    async def list_voices() -> Voices:
        """The names of all voices that are loaded now."""
        names = [voice.name for engine in sessions.engines() for voice in engine.voices()]
        return Voices(voices=[Named(id=name, name=name) for name in names])

    @routes.get("/models")
    async def list_models() -> Models:
        """The names of models."""
        return Models(models=[Named(id=name, name=name) for name in MODELS])

    return routes
