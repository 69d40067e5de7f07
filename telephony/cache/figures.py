"""What the phrase cache counts."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge


class CacheFigures:
    """Counters of one cache, in a service's registry. Thread-safe."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(name, text, labels, registry=registry)

        self.hits = counter("tts_cache_hits_total", "Phrases found in a store", "store")
        self.misses = counter("tts_cache_misses_total", "Phrases found in no store")
        self.joined = counter("tts_cache_joined_total", "Requests for a phrase that was being looked for or made")
        self.overdue = counter("tts_cache_overdue_total", "Phrases made because looking for them took too long")
        self.errors = counter("tts_cache_errors_total", "Failed accesses to a store", "store")
        self.corrupt = counter("tts_cache_corrupt_total", "Broken phrases found in a store, and deleted", "store")
        self.evictions = counter("tts_cache_evictions_total", "Files deleted to make room")
        self.memory_evictions = counter("tts_cache_memory_evictions_total", "Phrases in memory that made room")
        self.memory_bytes = Gauge("tts_cache_memory_bytes", "Size of the phrases in memory", registry=registry)
        self.not_kept = counter("tts_cache_not_kept_total", "Phrases not kept because too many waited to be written")
        self.bytes = Gauge("tts_cache_bytes", "Size of the cache's files, in bytes", registry=registry)
