"""The phrase cache that the settings ask for."""

from __future__ import annotations

import structlog

from telephony.cache.cache import PhraseCache
from telephony.cache.files import FileStore
from telephony.cache.memory import MemoryStore
from telephony.cache.stores import Store
from telephony.settings import Settings
from telephony.telemetry.cache_figures import CacheFigures

log = structlog.get_logger()


def open_cache(settings: Settings, figures: CacheFigures) -> PhraseCache:
    """Opens it. `redis` is imported only where there is one."""
    stores: list[Store] = []
    prerendered: list[Store] = []
    if settings.phrase_memory_mb:
        stores.append(MemoryStore(settings.phrase_memory_mb * 2**20, figures))
    if settings.redis_url:
        from telephony.cache.redis_store import RedisStore

        secret = settings.redis_secret or settings.api_key
        stores.append(RedisStore(settings.redis_url, settings.redis_ttl_s, secret=secret))
    if settings.phrase_cache_mb:
        files = FileStore(settings.phrase_directory, settings.phrase_cache_mb * 2**20, figures)
        (stores if settings.keeps_every_phrase else prerendered).append(files)
    return PhraseCache(stores, figures, prerendered=prerendered)


def warn_of_former_phrases(settings: Settings) -> None:
    """Says that there are callers' phrases which an earlier version has kept."""
    directory = settings.every_phrase_directory
    if not settings.keeps_every_phrase and directory.is_dir():
        log.warning(
            "former_phrases_left",
            directory=str(directory),
            why="callers' phrases that were kept before; say --keep-phrases, or delete it",
        )
