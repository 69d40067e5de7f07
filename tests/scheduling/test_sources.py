"""Where a segment's windows come from: nobody who asks can tell."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from telephony.cache.cache import PhraseCache
from telephony.engines.base import SynthesisError
from telephony.engines.tone import ToneEngine
from telephony.scheduling.phrases import Phrases
from telephony.scheduling.sources import SegmentSource, Sources, Synthesis
from telephony.speech import Segment
from telephony.telemetry.cache_figures import CacheFigures
from telephony.telemetry.metrics import Metrics
from telephony.voices import ResolvedVoice

NOW = 100.0
ENGINE = ToneEngine()
VOICE = ResolvedVoice(ENGINE, "tone", 1.0)
WINDOW = np.ones(100, np.float32)

Open = Callable[[], SegmentSource]


def opener(sources: Sources) -> Open:
    return lambda: sources.open(Segment("Hello."), VOICE, exact=False, keep=False)


@pytest.fixture
def alone() -> Open:
    """Opens sources of the same segment without a phrase cache."""
    return opener(Sources(None, lambda: None, lambda: NOW))


@pytest.fixture
def together() -> Open:
    """Opens sources of the same segment with a phrase cache in which nothing is found."""
    figures = CacheFigures(Metrics().registry)
    cache = PhraseCache([], figures)
    cache.close()  # what is looked up in it is missing at once
    return opener(Sources(Phrases(cache, figures), lambda: None, lambda: NOW))


@pytest.fixture(params=["alone", "together"])
def source(request: pytest.FixtureRequest) -> SegmentSource:
    open_source: Open = request.getfixturevalue(request.param)
    return open_source()


def prepare(source: SegmentSource) -> Synthesis:
    source.begin_locked(ENGINE)
    source.prepared_locked(ENGINE.prepare("Hello.", "tone", 1.0, exact=False))
    synthesis = source.renderable_locked()
    assert synthesis is not None
    return synthesis


def test_a_segment_is_prepared_rendered_and_heard_window_by_window(source: SegmentSource) -> None:
    assert source.unprepared_locked()
    source.begin_locked(ENGINE)
    assert not source.unprepared_locked()
    assert source.renderable_locked() is None
    source.prepared_locked(ENGINE.prepare("Hello.", "tone", 1.0, exact=False))
    synthesis = source.renderable_locked()
    assert synthesis is not None
    for last in (False, True):
        assert source.renderable_locked() is synthesis
        assert not source.goes_on(NOW)
        source.rendered(synthesis, WINDOW, (), last=last)
        assert source.goes_on(NOW)
        assert source.renderable_locked() is None, "what is there is heard first"
        window = source.next()
        assert window is not None
        assert window.last == last
        np.testing.assert_array_equal(window.samples, WINDOW)
    source.finish_locked(synthesis)
    assert source.next() is None


def test_what_is_broken_off_while_it_is_rendered_is_not_heard_and_made_anew(source: SegmentSource) -> None:
    synthesis = prepare(source)
    source.break_off_locked()
    source.rendered(synthesis, WINDOW, (), last=False)
    assert source.next() is None
    assert source.unprepared_locked()


def test_nobody_waits_for_what_its_only_listener_has_left(source: SegmentSource) -> None:
    synthesis = prepare(source)
    assert source.wanted(synthesis)
    source.close()
    assert not source.wanted(synthesis)


def test_a_pause_is_there_at_once() -> None:
    sources = Sources(None, lambda: None, lambda: NOW)
    pause = sources.open(Segment("", pause_s=0.5), VOICE, exact=False, keep=False)
    assert pause.goes_on(NOW)
    assert not pause.unprepared_locked()
    window = pause.next()
    assert window is not None
    assert (len(window.samples), window.last) == (12_000, True)


def test_two_who_wait_for_a_phrase_have_it_made_once(together: Open) -> None:
    first, second = together(), together()
    synthesis = prepare(first)
    assert not second.unprepared_locked()
    assert second.renderable_locked() is synthesis
    second.rendered(synthesis, WINDOW, (), last=True)
    for source in (first, second):
        window = source.next()
        assert window is not None
        assert window.last


def test_who_has_heard_some_of_a_phrase_that_fails_for_another_is_told(together: Open) -> None:
    first, heard, waiting = together(), together(), together()
    synthesis = prepare(first)
    first.rendered(synthesis, WINDOW, (), last=False)
    assert heard.next() is not None
    first.break_off_locked()
    with pytest.raises(SynthesisError, match="another listener"):
        heard.next()
    assert waiting.next() is None
    assert waiting.unprepared_locked(), "it has it made anew"


def test_two_without_a_phrase_cache_have_one_of_their_own_each(alone: Open) -> None:
    first, second = alone(), alone()
    prepare(first)
    assert second.unprepared_locked()
