"""A segment that is made in rooms: what has come of it, between the event loop and the thread that renders."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence

from telephony.engines.base import RemoteUtterance, SynthesisError
from telephony.engines.cluster.messages import Speak
from telephony.speech import Samples, Word


class ClusterUtterance(RemoteUtterance):
    """A segment that rooms make. The event loop adds to it, the thread that renders takes from it.

    Args:
        wanted: the segment.
        sample_rate: of its windows, in Hz.
        on_ready: told, by the event loop, that something has come.
        cancel: told, by any thread, that nobody waits any more.
    """

    def __init__(
        self,
        wanted: Speak,
        sample_rate: int,
        on_ready: Callable[[], None],
        cancel: Callable[[ClusterUtterance], None],
    ) -> None:
        self.wanted = wanted
        self.sample_rate = sample_rate
        self.heard_samples = 0
        """That have come from the rooms."""
        self.complete = False
        """Whether all have come, or nothing more will."""
        self._on_ready = on_ready
        self._cancel = cancel
        self._lock = threading.Lock()
        self._windows: deque[Samples] = deque()
        self._words: deque[Word] = deque()
        self._words_known = 0
        self._failure: SynthesisError | None = None

    @property
    def ready(self) -> bool:
        """See `RemoteUtterance`."""
        return bool(self._windows) or self._failure is not None

    @property
    def finished(self) -> bool:
        """True once every window has been taken."""
        with self._lock:
            return self.complete and not self._windows and self._failure is None

    def take_words(self) -> Sequence[Word]:
        """Those that came with the windows so far."""
        return [self._words.popleft() for _ in range(len(self._words))]

    def cancel(self) -> None:
        """See `RemoteUtterance`."""
        self._cancel(self)

    def take(self) -> Samples:
        """The next window.

        Raises:
            SynthesisError: no room can say it.
        """
        with self._lock:
            if self._windows:
                return self._windows.popleft()
        raise self._failure or SynthesisError("a window was asked for that has not come yet")

    def add(self, samples: Samples, words: Sequence[Word], *, first_word: int, last: bool) -> None:
        """The next samples; `first_word` is the number of the first of `words` in the segment."""
        self._words.extend(words[max(0, self._words_known - first_word) :])
        self._words_known = max(self._words_known, first_word + len(words))
        self.heard_samples += len(samples)
        with self._lock:  # whoever takes the last window must see that it is
            self._windows.append(samples)
            self.complete = last
        self._on_ready()

    def fail(self, error: SynthesisError) -> None:
        """Nothing more will come."""
        self._failure = error
        self.complete = True
        self._on_ready()
