"""An engine whose windows are made in rooms.

A segment is one stream from a room. Where a room does not answer, is about to let its listener run dry, or dies,
another one is asked for the rest. Of two that work on the same segment the first to deliver wins, and the other one is
cancelled. What is asked anew is the same to the sample, so that the two parts join.

Threads: `open` and `render` are called by the scheduler's threads, as of any engine. The streams belong to the event
loop of one thread of this engine.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

from telephony.engines import recipes
from telephony.engines.base import SynthesisError, Utterance
from telephony.engines.cluster.loads import Loads
from telephony.engines.cluster.messages import Description, Speak
from telephony.engines.cluster.streams import Rooms, SegmentStreams
from telephony.engines.cluster.utterance import ClusterUtterance
from telephony.engines.recipes import Recipe
from telephony.speech import NEUTRAL, Intonation, Samples, Voice


class ClusterEngine:
    """Speaks through rooms, under the name of their engine. See `Engine`; `close` it in the end.

    Args:
        rooms: the way to them.
        named_blends: the blends that have a name; may change from one call to the next.

    Raises:
        SynthesisError: there is no room.
    """

    max_batch = 1  # a window that has come costs nothing

    def __init__(self, rooms: Rooms, named_blends: Callable[[], Mapping[str, Recipe]] = dict) -> None:
        self._rooms = rooms
        self._named_blends = named_blends
        self._loads = Loads[str]()
        self._speaking: dict[ClusterUtterance, asyncio.Task[None]] = {}
        self._loop = asyncio.new_event_loop()
        # A daemon: a cluster that is gone must not hold up the end of the process.
        self._thread = threading.Thread(target=self._loop.run_forever, name="rooms", daemon=True)
        self._thread.start()
        try:
            self._described: Description = self._in_loop(rooms.describe())
        except BaseException:
            self.close()
            raise

    @property
    def name(self) -> str:
        """That of the rooms' engine."""
        return self._described.name

    @property
    def sample_rate(self) -> int:
        """Of the rooms' engine, in Hz."""
        return self._described.sample_rate

    @property
    def device(self) -> str:
        """Where the rooms compute."""
        return f"rooms ({self._described.device})"

    def voices(self) -> Sequence[Voice]:
        """As the rooms have described them."""
        return self._described.voices

    def find_voice(self, name: str) -> Voice:
        """See `Engine`."""
        return recipes.find(name, {voice.name: voice for voice in self._described.voices}, self._named_blends())

    def revision(self, voice: str) -> str:
        """As the rooms have it; a blend's is that of all its voices."""
        known = self._described.revisions
        return "+".join(known.get(name, "") for name in self._parts(voice))

    def level_db(self, voice: str) -> float | None:
        """As the rooms have it; of a blend nothing is known."""
        return self._described.levels_db.get(voice)

    def predict_first_audio_s(self) -> float:
        """See `Loads`."""
        return self._loads.predict_first_audio_s()

    def prepare(
        self,
        text: str,
        voice: str,
        speed: float,
        exact: bool,
        language: str | None = None,
        *,
        intonation: Intonation = NEUTRAL,
    ) -> Utterance:
        """As `open`, for a listener who hears nothing yet, and whose scheduler does not ask whether it is ready."""
        return self.open(text, voice, speed, exact, language, intonation=intonation, ahead_s=0.0, on_ready=lambda: None)

    def open(
        self,
        text: str,
        voice: str,
        speed: float,
        exact: bool,
        language: str | None,
        *,
        intonation: Intonation = NEUTRAL,
        ahead_s: float,
        on_ready: Callable[[], None],
        traceparent: str = "",
    ) -> ClusterUtterance:
        """See `RemoteEngine`."""
        self.find_voice(voice)
        utterance = ClusterUtterance(
            Speak(text, voice, speed, exact, language, ahead_s, traceparent=traceparent, intonation=intonation),
            self.sample_rate,
            on_ready,
            self._cancel,
        )
        self._loop.call_soon_threadsafe(self._begin, utterance)
        return utterance

    def render(self, batch: Sequence[Utterance]) -> list[Samples]:
        """The next window of each, which has come: float32 [samples].

        Raises:
            SynthesisError: no room can say it, or an utterance of another engine.
        """
        utterances = [utterance for utterance in batch if isinstance(utterance, ClusterUtterance)]
        if len(utterances) != len(batch):
            raise SynthesisError("the rooms were given another engine's utterance")
        return [utterance.take() for utterance in utterances]

    def close(self) -> None:
        """Cancels what is in work, and ends the thread."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._end)
            self._thread.join()
            self._loop.close()
        self._rooms.close()

    # In the event loop

    def _begin(self, utterance: ClusterUtterance) -> None:
        task = self._loop.create_task(SegmentStreams(utterance, self._rooms, self._loads).run())
        self._speaking[utterance] = task
        task.add_done_callback(lambda _: self._speaking.pop(utterance, None))

    def _cancel(self, utterance: ClusterUtterance) -> None:
        if not utterance.complete:
            self._loop.call_soon_threadsafe(self._cancel_in_loop, utterance)

    def _cancel_in_loop(self, utterance: ClusterUtterance) -> None:
        if (task := self._speaking.get(utterance)) is not None:
            task.cancel()

    def _end(self) -> None:
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()

        async def stop() -> None:
            await asyncio.gather(*tasks, return_exceptions=True)
            self._loop.stop()

        self._loop.create_task(stop())

    def _in_loop(self, work: Coroutine[Any, Any, Description]) -> Description:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def _parts(self, voice: str) -> list[str]:
        return recipes.parse(voice).voices
