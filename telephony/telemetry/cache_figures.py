"""What the phrase cache counts. Beside the other figures, so that one page can list all."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge


class CacheFigures:
    """Counters of one cache, in a service's registry. Thread-safe."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(name, text, labels, registry=registry)

        self.hits = counter("tts_cache_hits_total", "Phrases found, by where: memory, files, redis", "store")
        self.misses = counter("tts_cache_misses_total", "Phrases not found, and synthesised")
        self.joined = counter(
            "tts_cache_joined_total", "Phrases that were being looked for or made for another call already"
        )
        self.overdue = counter("tts_cache_overdue_total", "Phrases synthesised because looking for them took too long")
        self.errors = counter("tts_cache_errors_total", "Failed accesses to the files or to Redis", "store")
        self.corrupt = counter("tts_cache_corrupt_total", "Damaged or forged phrases, deleted and made anew", "store")
        self.evictions = counter("tts_cache_evictions_total", "Files of phrases deleted to make room")
        self.memory_evictions = counter("tts_cache_memory_evictions_total", "Phrases removed from memory to make room")
        self.memory_bytes = Gauge(
            "tts_cache_memory_bytes", "Size of the phrases in memory, in bytes", registry=registry
        )
        self.not_kept = counter("tts_cache_not_kept_total", "Phrases not written because too many waited for that")
        self.bytes = Gauge("tts_cache_bytes", "Size of the files of phrases, in bytes", registry=registry)
