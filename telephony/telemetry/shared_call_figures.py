"""What a door counts of calls that several doors share. Beside the other figures, so that one page can list all."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter


class SharedCallFigures:
    """Counters of one door, in a service's registry. Thread-safe."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(name, text, labels, registry=registry)

        self.datagrams = counter(
            "tts_shared_datagrams_total",
            "UDP datagrams for calls that another door has, or none yet, by what became of them",
            "what",
        )
        self.moved = counter(
            "tts_shared_calls_moved_total", "Calls that came to this door (here) or left it (elsewhere)", "where"
        )
        self.errors = counter("tts_shared_calls_errors_total", "Questions about shared calls that Redis did not answer")
