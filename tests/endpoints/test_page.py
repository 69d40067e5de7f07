"""The page at `/`, driven by a headless browser against the running service."""

from __future__ import annotations

import contextlib
import re
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile
from websockets.sync.client import connect

from telephony.endpoints.doors import DOORS, NoTest
from telephony.engines.base import Engine, Utterance
from telephony.engines.recipes import Recipe, parse
from telephony.engines.tone import ToneEngine, pitch_hz
from telephony.speech import Voice
from telephony.telemetry import history, logs
from telephony.telemetry.metrics import Metrics
from telephony.voices.host_database import Store
from telephony.voices.lexicon_file import read
from tests.browser import Open, Visit, ready
from tests.clients import TIMEOUT_S, TextHost, Throttle, dominant_hz, figure, tone_samples, wait_figure
from tests.conftest import StartService

pytestmark = pytest.mark.slow

TEXT = "One two three four five six seven eight nine ten eleven twelve."
WINDOW_SAMPLES = 4800


@pytest.fixture
def db(tmp_path: Path) -> Path:
    """A database in which Kokoro is switched on."""
    path = tmp_path / "host.db"
    Store(path, Metrics()).initialise()
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE system_config SET value = 'true' WHERE key = 'kokoro_service_enabled'")
    return path


def row(path: Path, key: str) -> str:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return str(connection.execute("SELECT value FROM system_config WHERE key = ?", (key,)).fetchone()[0])


# What is served


def test_the_page_lets_nothing_run_but_its_own_parts(service: StartService) -> None:
    door = service(http_port=0)
    url = f"http://127.0.0.1:{door.http_port}/"
    page = httpx.get(url)
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert re.findall(r'\b(?:on\w+|style)="|="/|="https?:', page.text) == []  # what is relative works under any prefix
    parts = {*re.findall(r'(?:src|href)="(web/[^"]+)"', page.text)}
    for part in sorted(parts):
        parts |= {f"web/{name}" for name in re.findall(r'from "\./([^"]+)"', httpx.get(url + part).text)}
    assert len(parts) > 10
    for answer in (page, *(httpx.get(url + part) for part in sorted(parts))):
        assert answer.status_code == 200, answer.url
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert not re.search(r"innerHTML|https?://(?!www\.w3\.org/2000/svg)", answer.text)
    assert httpx.get(url + "web/nothing.js").status_code == 404
    assert httpx.get(url + "web/..%2fpage.py").status_code == 404


def test_the_page_needs_no_key_and_what_it_shows_does(service: StartService) -> None:
    door = service(http_port=0, api_key="k")
    assert httpx.get(f"http://127.0.0.1:{door.http_port}/").status_code == 200
    assert httpx.get(f"http://127.0.0.1:{door.http_port}/v1/status").status_code == 401


# Speech


def test_a_text_is_heard_while_the_rest_of_it_is_still_made(service: StartService, visit: Open) -> None:
    throttle = Throttle(3)
    new = ready(visit(service(ToneEngine(on_render=throttle), http_port=0)))
    new.speak(TEXT)
    new.wait(lambda: new.measured("samplesPlayed") == 3 * WINDOW_SAMPLES)
    assert new.measured("samplesReceived") == 3 * WINDOW_SAMPLES
    assert new.measured("waveBins") == 60
    throttle.open()
    new.wait_state("finished")
    assert new.measured("samplesPlayed") == new.measured("samplesReceived") == tone_samples(TEXT)
    assert new.text("#gaps").startswith("1, ")  # it had to wait for the throttle
    assert re.match(r"[\d.]+ m?s", new.text("#first-audio"))
    assert re.match(r"\d+\.\d\d", new.text("#rtf"))
    assert "Spoken to the end: 3.15 s" in new.text("#outcome")


def test_the_loudspeaker_gets_what_the_engine_says(service: StartService, visit: Open) -> None:
    new = ready(visit(service(ToneEngine(amplitude=0.25), http_port=0)))
    new.speak(TEXT)
    new.wait(lambda: new.measured("level") > 0.2)
    assert new.measured("level") <= 0.2501
    new.wait_state("finished")
    new.wait(lambda: new.measured("level") == 0)


def test_the_marked_word_is_the_one_that_is_heard(service: StartService, visit: Open) -> None:
    throttle = Throttle(3)  # 0.6 s: the times of all words are known by then
    new = ready(visit(service(ToneEngine(on_render=throttle), http_port=0)))
    new.speak(TEXT)
    new.wait(lambda: new.measured("samplesPlayed") == 3 * WINDOW_SAMPLES)
    assert new.page.locator("#reading .now").all_text_contents() == ["three"]
    assert new.page.locator("#reading .said").all_text_contents() == ["One", "two"]
    throttle.allow(2)
    new.wait(lambda: new.measured("samplesPlayed") == 5 * WINDOW_SAMPLES)
    assert new.page.locator("#reading .now").all_text_contents() == ["five"]
    throttle.open()
    new.wait_state("finished")
    assert new.page.locator("#reading .now").count() == 0
    assert " ".join(new.page.locator("#reading .said").all_text_contents()) == TEXT


def test_barge_in_silences_the_page_and_the_service(service: StartService, visit: Open) -> None:
    throttle = Throttle(10)  # two seconds, of ten
    door = service(ToneEngine(on_render=throttle), http_port=0)
    new = ready(visit(door))
    new.speak("hello " * 33)
    new.wait(lambda: new.measured("level") > 0.4)
    new.page.get_by_role("button", name="Stop").click()
    new.wait_state("canceled")
    new.wait(lambda: new.measured("level") == 0)
    played = new.measured("samplesPlayed")
    assert 0 < played < 10 * WINDOW_SAMPLES
    throttle.open()
    wait_figure(door, "tts_queue_depth", lambda depth: depth == 0)
    wait_figure(door, "tts_active_sessions", lambda count: count == 0, door="pipecat")
    new.page.wait_for_timeout(200)
    assert new.measured("samplesPlayed") == played
    assert new.measured("level") == 0
    assert len(throttle.asked) <= 11  # the window in work when it was cancelled was the last one
    assert figure(door, "tts_audio_seconds_total", engine="tone") <= 2.01
    assert "Stopped after" in new.text("#outcome")
    new.speak("Again.")
    new.wait_state("finished")
    assert new.measured("samplesPlayed") == tone_samples("Again.")


def test_speaking_again_cuts_what_is_spoken(service: StartService, visit: Open) -> None:
    throttle = Throttle(2)
    new = ready(visit(service(ToneEngine(on_render=throttle), http_port=0)))
    new.speak("hello " * 33)
    new.wait(lambda: new.measured("samplesPlayed") > 0)
    throttle.open()
    new.speak("Something else.")
    new.wait_state("finished")
    assert new.measured("samplesPlayed") == new.measured("samplesReceived") == tone_samples("Something else.")


def test_the_speed_is_the_one_picked(service: StartService, visit: Open) -> None:
    new = ready(visit(service(http_port=0)))
    new.page.get_by_label("Speed").fill("2")
    assert new.text("#speed-value") == "2.00"
    new.speak(TEXT)
    new.wait_state("finished")
    assert new.measured("samplesPlayed") == pytest.approx(tone_samples(TEXT) / 2, abs=1)


def test_pitch_and_volume_are_those_picked_and_sliders_go_back(service: StartService, visit: Open) -> None:
    new = ready(visit(service(ToneEngine(amplitude=0.25), http_port=0)))
    page = new.page
    for name, value, shown in (("Pitch", "6", "+6 semitones"), ("Range", "-50", "−50 %"), ("Volume", "-6", "−6 dB")):
        page.get_by_label(name).fill(value)
        assert page.get_by_label(name).get_attribute("aria-valuetext") == shown
    for pitch_factor, amplitude in ((2**0.5, 0.125), (1.0, 0.25)):
        new.speak(TEXT)
        new.wait_state("finished")
        with page.expect_download() as download:
            page.get_by_role("button", name="Save WAV").click()
        samples, rate_hz = soundfile.read(download.value.path(), dtype="float32")
        assert np.abs(samples).max() == pytest.approx(amplitude, rel=0.02)
        assert dominant_hz(samples, rate_hz) == pytest.approx(pitch_hz(TEXT) * pitch_factor, abs=5)
        page.get_by_role("button", name="Reset sliders").click()
        assert page.get_by_label("Volume").input_value() == "0"


@dataclass(frozen=True)
class DescribedEngine(ToneEngine):
    """One with voices of two languages, of which something is known."""

    def voices(self) -> Sequence[Voice]:
        return [
            Voice("af_sky", "en-US", gender="female", description="deep", grade="C-"),
            Voice("pm_alex", "pt-BR", gender="male"),
        ]


@dataclass(frozen=True)
class NamingEngine(ToneEngine):
    """Keeps who was asked to speak."""

    spoken: list[str] = field(default_factory=list)

    def prepare(self, text: str, voice: str, *rest: Any, **options: Any) -> Utterance:
        self.spoken.append(voice)
        return super().prepare(text, voice, *rest, **options)


def test_voices_are_grouped_by_language_and_the_one_picked_speaks(service: StartService, visit: Open) -> None:
    engine = NamingEngine()
    new = ready(visit(service(engine, http_port=0)))
    assert new.page.locator("#voice optgroup").get_attribute("label") == "American English"
    assert new.page.get_by_label("Voice", exact=True).input_value() == "af_sky"  # the service's own
    new.page.get_by_label("Voice", exact=True).select_option("am_michael")
    new.speak("Hello.")
    new.wait_state("finished")
    assert engine.spoken == ["am_michael"]


def test_two_voices_are_blended_by_the_share_of_the_second(service: StartService, visit: Open) -> None:
    engine = NamingEngine()
    new = ready(visit(service(engine, http_port=0)))
    assert new.page.get_by_label("Share of the blend").is_hidden()
    new.page.get_by_label("Blend with").select_option("am_michael")
    new.page.get_by_label("Share of the blend").fill("25")
    assert new.text("#share-value") == "25 %"
    new.speak("Hello.")
    new.wait_state("finished")
    assert engine.spoken == ["af_sky*3+am_michael"]
    new.page.get_by_label("Blend with").select_option("")
    new.speak("Hello.")
    new.wait_state("finished")
    assert engine.spoken[1:] == ["af_sky"]


def test_another_engine_speaks_once_it_is_loaded_and_picked(service: StartService, visit: Open, db: Path) -> None:
    said: list[str] = []
    second = ToneEngine(name="piper", sample_rate=22_050, voice_names=("joe", "jane"), on_prepare=said.append)
    new = ready(visit(service(second=second, http_port=0, db=db)))
    new.page.locator("#engine option[value=piper]").wait_for(state="attached")
    new.page.get_by_label("Engine").select_option("piper")
    assert new.page.locator("#voice option").all_text_contents() == ["joe", "jane"]
    new.speak("Hello there.")
    new.wait_state("finished")
    assert said == ["Hello there."]
    assert new.measured("samplesPlayed") == pytest.approx(tone_samples("Hello there."), abs=600)


def test_voices_are_told_apart_and_fit_the_text(service: StartService, visit: Open) -> None:
    new = ready(visit(service(DescribedEngine(), http_port=0)))
    page = new.page
    groups = page.locator("#voice optgroup").evaluate_all("all => all.map(group => group.label)")
    assert groups == ["American English, female", "Brazilian Portuguese, male"]
    assert page.locator("#voice option").first.text_content() == "af_sky: deep, grade C-"
    assert page.locator("#fit").is_hidden()
    page.get_by_label("Text", exact=True).fill("Seu pedido está pronto, obrigado.")
    assert "looks like Portuguese; af_sky speaks American English" in new.text("#fit-told")
    page.get_by_role("button", name="Use pm_alex").click()
    assert page.get_by_label("Voice", exact=True).input_value() == "pm_alex"
    assert page.locator("#fit").is_hidden()
    page.get_by_label("Text", exact=True).fill("Ваш столик заказан.")
    assert new.text("#fit-told").endswith("No voice for it is installed.")
    new.page.get_by_role("button", name="Speak").click()
    new.wait_state("failed")
    assert "is written in Cyrillic, which voice pm_alex (pt-BR) does not read" in new.text("#failure")
    page.get_by_label("Language").select_option("en-US")
    assert page.locator("#voice option").count() == 1
    page.get_by_text("Voices that are not installed").click()
    assert "Piper: --piper-voices DIR adds voices" in new.text("#missing-list")


def test_a_blend_that_is_given_a_name_appears(service: StartService, visit: Open) -> None:
    named: dict[str, Recipe] = {}
    new = ready(visit(service(ToneEngine(named_blends=lambda: named), http_port=0)))
    named["anna"] = parse("af_sky+am_michael")
    new.page.locator("#voice option[value=anna]").wait_for(state="attached")


def test_a_text_over_the_limit_is_counted_and_not_spoken_in_part(service: StartService, visit: Open) -> None:
    new = ready(visit(service(http_port=0, max_text_chars=1000)))
    new.wait(lambda: new.text("#count").endswith("of 1,000 characters"))
    new.speak("x" * 22_000)
    assert new.text("#failure").startswith("22,000 characters: 21,000 more than the 1,000 of one text.")
    assert len(new.page.get_by_label("Text", exact=True).input_value()) == 22_000
    assert new.page.evaluate("document.activeElement.id") == "text"
    new.speak("😀" * 4 + "Hello.")
    new.wait_state("finished")
    assert new.text("#count") == "10 of 1,000 characters"


def test_what_was_heard_is_saved_linked_and_remembered(service: StartService, visit: Open) -> None:
    door = service(http_port=0, phrase_memory_mb=4)
    new = ready(visit(door))
    page = new.page
    page.get_by_label("Voice", exact=True).select_option("am_michael")
    new.speak(TEXT)
    new.wait_state("finished")
    assert "from cache" not in new.text("#first-audio") + new.text("#rtf")
    with page.expect_download() as wav:
        page.get_by_role("button", name="Save WAV").click()
    assert wav.value.suggested_filename == "speech-am_michael.wav"
    samples, rate = soundfile.read(wav.value.path(), dtype="float32")
    assert (len(samples), rate) == (tone_samples(TEXT), 24_000)
    with page.expect_download() as mp3:
        page.get_by_role("button", name="Save MP3").click()
    assert mp3.value.suggested_filename == "speech-am_michael.mp3"
    info = soundfile.info(mp3.value.path(), verbose=True)
    assert info.duration == pytest.approx(tone_samples(TEXT) / 24_000, abs=0.1)
    new.speak(TEXT)
    new.wait(lambda: "from cache" in new.text("#first-audio") and "from cache" in new.text("#rtf"))
    page.get_by_role("button", name="Stop").click()
    with page.expect_download() as part:
        page.get_by_role("button", name="Save WAV").click()
    cut, _ = soundfile.read(part.value.path(), dtype="float32")
    assert len(cut) == pytest.approx(new.measured("samplesPlayed"), abs=1)
    page.get_by_label("Blend with").select_option("af_sky")
    page.get_by_label("Speed").fill("1.5")
    page.get_by_role("button", name="Copy link").click()
    page.get_by_text("The link is in the").first.wait_for()
    fragment = page.evaluate("location.hash")
    assert "text=One+two" in fragment
    new.speak("Something newer.")
    assert page.evaluate("location.hash").startswith("#text=Something+newer.&")
    new.speak(TEXT)
    page.goto("about:blank")
    page.goto(f"http://127.0.0.1:{door.http_port}/")
    ready(new)
    assert page.get_by_label("Text", exact=True).input_value() == TEXT
    assert page.get_by_label("Voice", exact=True).input_value() == "am_michael"
    linked = ready(visit(door, fragment=fragment.replace("One+two", "Two+one")))
    assert linked.page.get_by_label("Text", exact=True).input_value().startswith("Two one three")
    chosen = [linked.page.locator(f"#{field}").input_value() for field in ("voice", "blend", "share", "speed")]
    assert chosen == ["am_michael", "af_sky", "50", "1.5"]


def test_a_failure_is_said(service: StartService, visit: Open) -> None:
    def fail(text: str) -> None:
        raise KeyError(text)

    new = ready(visit(service(ToneEngine(on_render=fail), http_port=0)))
    new.speak(TEXT)
    new.wait_state("failed")
    assert "the engine failed" in new.text("#failure")
    assert new.page.get_by_role("alert").filter(has_text="the engine failed").count() == 1
    assert new.page.get_by_role("button", name="Stop").is_disabled()


def test_no_text_is_no_speech(service: StartService, visit: Open) -> None:
    new = ready(visit(service(http_port=0)))
    new.speak("  ")
    assert new.text("#failure") == "There is no text to speak."
    assert new.page.evaluate("document.activeElement.id") == "text"


def test_a_text_is_never_taken_for_html(service: StartService, visit: Open) -> None:
    new = ready(visit(service(http_port=0)))
    new.speak("<img src=x onerror=alert(1)> <b>bold</b> words.")
    new.wait_state("finished")
    assert new.page.locator("#reading img, #reading b").count() == 0
    assert new.text("#reading") == "<img src=x onerror=alert(1)> <b>bold</b> words."


@pytest.mark.model
def test_the_real_model_is_heard_word_by_word(service: StartService, visit: Open, kokoro: Engine) -> None:
    new = ready(visit(service(kokoro, http_port=0)))
    assert new.page.locator("#voice optgroup").count() > 5
    text = "The weather is fine today. Shall we go out?"
    new.page.evaluate(
        """() => {
            window.marked = [];
            new MutationObserver(changes => {
                for (const {target} of changes) if (target.className === "now") window.marked.push(target.textContent);
            }).observe(document.getElementById("reading"), {subtree: true, attributes: true});
        }"""
    )
    new.speak(text)
    new.wait(lambda: new.page.evaluate("document.body.dataset.state") in ("finished", "failed"))
    assert new.page.evaluate("document.body.dataset.state") == "finished"
    assert new.measured("samplesPlayed") == new.measured("samplesReceived") > 24_000
    # A busy machine draws too seldom for the shortest words.
    marked = list(dict.fromkeys(new.page.evaluate("window.marked")))
    assert len(marked) >= 3
    assert marked == sorted(marked, key=text.split().index)


# State and switch


def test_the_plots_move(service: StartService, visit: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "STEP_S", 0.2)
    new = ready(visit(service(http_port=0)))
    assert new.measured("throughputPeak") == new.measured("waits") == 0
    assert new.page.locator("#waits .bar").count() == 0
    new.speak(TEXT)
    new.wait(lambda: new.measured("throughputPeak") > 0 and new.measured("waits") == 1)
    assert new.page.locator("#waits .bar").count() == 1
    assert "1 text," in str(new.page.get_attribute("#waits", "aria-label"))
    before = new.page.get_attribute("#throughput .curve", "d")
    new.wait(lambda: new.page.get_attribute("#throughput .curve", "d") != before)


def test_live_calls_are_shown_at_their_door(service: StartService, visit: Open) -> None:
    door = service(http_port=0)
    new = ready(visit(door))
    assert new.page.locator("#doors .live").count() == 0
    with connect(f"ws://127.0.0.1:{door.http_port}/ws/tts") as socket:
        socket.send('{"type": "start_session"}')
        socket.recv(TIMEOUT_S)
        new.page.locator("#doors .live").wait_for()
        assert new.page.locator("#doors .live").all_text_contents() == ["1Session protocol"]
    new.page.locator("#doors .live").wait_for(state="detached")


def test_the_switch_changes_the_rows_of_the_database(service: StartService, visit: Open, db: Path) -> None:
    new = ready(visit(service(http_port=0, db=db)))
    new.page.get_by_label("Piper").check()
    new.page.get_by_role("button", name="Switch").click()
    new.page.locator("#switched", has_text="Piper speaks now, as joe.").wait_for()
    assert row(db, "kokoro_service_enabled") == "false"
    assert new.text("#now-engine") == "Piper"
    new.page.get_by_label("Kokoro", exact=True).check()
    new.page.get_by_label("Kokoro's voice").select_option("am_michael")
    new.page.get_by_role("button", name="Switch").click()
    new.page.locator("#switched", has_text="Tone speaks now, as am_michael.").wait_for()
    assert (row(db, "kokoro_service_enabled"), row(db, "kokoro_voice")) == ("true", "am_michael")


def test_a_change_of_the_host_shows_and_what_is_being_picked_stays(
    service: StartService, visit: Open, db: Path
) -> None:
    new = ready(visit(service(http_port=0, db=db)))
    with contextlib.closing(sqlite3.connect(db)) as connection, connection:
        connection.execute("UPDATE system_config SET value = 'false' WHERE key = 'kokoro_service_enabled'")
    new.page.locator("#now-engine", has_text="Piper").wait_for()
    assert new.page.get_by_label("Piper").is_checked()
    new.page.get_by_label("Kokoro", exact=True).check()
    with new.page.expect_response("**/v1/status"):
        pass
    new.page.wait_for_timeout(50)
    assert new.page.get_by_label("Kokoro", exact=True).is_checked()


def test_without_a_database_the_switch_says_what_is_missing(service: StartService, visit: Open) -> None:
    new = ready(visit(service(http_port=0)))
    assert "--db" in new.text("#switch-note")
    assert new.page.get_by_role("button", name="Switch").is_disabled()


def test_a_service_that_ends_shows_and_one_that_comes_back_is_found(service: StartService, visit: Open) -> None:
    door = service(http_port=0)
    port = door.http_port
    new = ready(visit(door, errors_expected=True))
    door.stop()
    outage = new.page.get_by_role("alert").filter(has_text="The service does not answer.")
    outage.wait_for()
    assert "The figures are those of" in str(outage.text_content())
    assert new.page.get_by_role("button", name="Speak").is_disabled()
    assert new.text("#state") == "not reachable"
    service(http_port=port)
    outage.wait_for(state="hidden")
    assert new.text("#told") == "The service answers again."
    new.speak("Hello.")
    new.wait_state("finished")


def test_an_operator_sees_calls_and_the_log_interrupts_and_hangs_up(service: StartService, visit: Open) -> None:
    throttle = Throttle(1)
    door = service(ToneEngine(on_render=throttle), http_port=0, phrase_memory_mb=1)
    logs.configure("info", "logfmt")
    new = ready(visit(door))
    assert "Tone: 3 voices, cpu" in new.text("#now-engines")
    assert "0 of 0 phrases found" in new.text("#now-cache")
    new.page.get_by_text("Log", exact=True).click()
    with TextHost(door.tcp_port, "7") as host:
        host.say("hello " * 100)
        call = new.page.locator("#calls-rows tr", has_text="speaks")
        call.wait_for()
        new.page.get_by_text("event=connected").wait_for()
        new.page.get_by_role("button", name="Interrupt call 7").click()
        new.page.locator("#calls-rows tr", has_text="silent").wait_for()
        assert new.text("#told") == "Call 7 was interrupted."
        new.page.once("dialog", lambda dialog: dialog.dismiss())
        new.page.get_by_role("button", name="Hang up call 7").click()
        new.page.once("dialog", lambda dialog: dialog.accept())
        new.page.get_by_role("button", name="Hang up call 7").click()
        new.page.get_by_text("No call is connected.").wait_for()
        assert host.read_to_end() == []


def test_behind_a_key_the_page_asks_for_it_and_keeps_it_for_the_tab(service: StartService, visit: Open) -> None:
    door = service(http_port=0, api_key="correct horse")
    new = visit(door, errors_expected=True)  # a browser notes every 401
    field = new.page.get_by_label("API key")
    field.wait_for()
    assert new.page.evaluate("document.activeElement.id") == "key-value"
    field.fill("wrong")
    new.page.get_by_role("button", name="Use this key").click()
    new.page.get_by_text("does not know this key").wait_for()
    assert new.page.evaluate("document.activeElement.id") == "key-value"
    field.fill("correct horse")
    field.press("Enter")
    field.wait_for(state="hidden")
    assert new.page.evaluate("document.activeElement.id") == "text"
    ready(new).speak("Hello.")
    new.wait_state("finished")
    assert new.measured("samplesPlayed") == tone_samples("Hello.")
    assert "horse" not in new.page.url
    assert new.page.evaluate("Object.keys(sessionStorage)") == ["api-key"]
    assert "horse" not in str(new.page.evaluate("JSON.stringify(localStorage)"))
    new.errors.clear()
    new.page.reload()
    ready(new)
    assert not field.is_visible()
    assert new.errors == []
    new.page.get_by_role("button", name="Forget the key").click()
    field.wait_for()
    assert new.page.evaluate("sessionStorage.length") == 0


# Doors and lexicon


def test_doors_are_listed_copied_and_tested(service: StartService, visit: Open) -> None:
    door = service(http_port=0, audiosocket_port=0, api_key="correct horse")
    new = visit(door, errors_expected=True, permissions=["clipboard-read", "clipboard-write"])
    new.page.get_by_label("API key").fill("correct horse")
    new.page.get_by_label("API key").press("Enter")
    ready(new)
    base = f"http://127.0.0.1:{door.http_port}"
    new.page.get_by_role("button", name="Copy the snippet for OpenAI speech").click()
    new.page.get_by_role("status").filter(has_text="in the clipboard").wait_for()
    copied = new.page.evaluate("navigator.clipboard.readText()")
    assert f'base_url="{base}/v1", api_key="correct horse"' in copied
    assert 'voice="af_sky"' in copied
    for listed in DOORS:
        item = new.page.locator(f'#door-list [data-name="{listed.name}"]')
        tested = item.get_by_role("button", name="Test ")
        result = item.locator('[data-part="result"]')
        if isinstance(listed.test, NoTest):
            assert tested.count() == 0
            assert result.text_content() == f"Not tested from here: {listed.test.why}."
            continue
        tested.press("Enter")
        result.filter(has_text="first audio after").wait_for()
    door.sessions.refuse()
    failed = new.page.locator('[data-name="gateway"] .wrong, [data-name="session"] .wrong')
    for title in ("Gateway", "Session WebSocket"):
        new.page.get_by_role("button", name=f"Test {title}").click()
    new.wait(lambda: failed.count() == 2)
    assert failed.filter(has_text="the service is stopping").count() == 2


def test_the_lexicon_is_heard_kept_changed_and_removed(service: StartService, visit: Open, tmp_path: Path) -> None:
    path = tmp_path / "lexicon.yaml"
    path.write_text("- word: Nguyen\n  alias: win\n- word: NGUYEN\n  alias: en\n  case_sensitive: true\n")
    new = ready(visit(service(http_port=0, lexicon=path), errors_expected=True))
    page, keyboard = new.page, new.page.keyboard
    page.get_by_text("2 of 2 entries").wait_for()
    page.get_by_label("Word or phrase").fill("Wu")
    keyboard.press("Enter")
    page.locator("#lexicon-failure", has_text="an entry has an alias, or ipa, or both").wait_for()
    page.get_by_label("Read as").fill("woo hoo")
    page.get_by_role("button", name="Hear it").press("Enter")
    new.wait_state("finished")
    assert new.measured("samplesPlayed") == tone_samples("woo hoo")
    assert new.text("#lexicon-failure") == ""
    page.get_by_label("Only for texts in").fill("xx")
    page.get_by_role("button", name="Hear it").click()
    page.locator("#lexicon-failure", has_text="No voice here speaks xx").wait_for()
    page.get_by_label("Only for texts in").fill("en")
    page.get_by_label("Capitals count").check()
    page.get_by_label("Only for texts in").press("Enter")
    page.get_by_role("status").filter(has_text="Wu is kept.").wait_for()
    assert page.get_by_label("Word or phrase").input_value() == ""
    assert path.read_text().endswith("- word: Wu\n  alias: woo hoo\n  language: en\n  case_sensitive: true\n")
    page.get_by_label("Find an entry").fill("woo")
    page.get_by_role("button", name="Change Wu, en").press("Enter")
    page.get_by_label("Only for texts in").fill("")
    page.get_by_label("Or phonemes").fill("wˈu")
    page.get_by_role("button", name="Keep").click()
    page.locator("#lexicon-rows tr", has_text="all").wait_for()
    assert page.locator("#lexicon-rows tr").all_text_contents() == ["Wuwoo hoo, or /wˈu/allcountsHearChangeRemove"]
    page.get_by_label("Find an entry").fill("NGUYEN")
    page.once("dialog", lambda dialog: dialog.accept())
    page.locator("#lexicon-rows tr", has_text="counts").get_by_role("button", name="Remove").click()
    page.locator("#lexicon-count", has_text="1 of 2 entries").wait_for()
    assert [entry.word for entry in read(path)] == ["Nguyen", "Wu"]
    path.write_text("- word: Nguyen\n")
    page.get_by_label("Word or phrase").fill("Wu")
    page.get_by_label("Read as").fill("woo")
    page.get_by_role("button", name="Keep").click()
    page.locator("#lexicon-failure", has_text="line 1").wait_for()


def test_without_a_file_an_entry_is_heard_and_not_kept(service: StartService, visit: Open) -> None:
    new = ready(visit(service(http_port=0)))
    new.page.get_by_text("Start it with --lexicon FILE").wait_for()
    assert new.page.get_by_role("button", name="Keep").is_disabled()
    new.page.get_by_label("Word or phrase").fill("Wu")
    new.page.get_by_label("Read as").fill("woo")
    new.page.get_by_role("button", name="Hear it").click()
    new.wait_state("finished")
    assert new.measured("samplesPlayed") == tone_samples("woo")


# For everybody


def test_the_keyboard_is_enough(service: StartService, visit: Open, db: Path) -> None:
    throttle = Throttle(100)
    new = ready(visit(service(ToneEngine(on_render=throttle), http_port=0, db=db)))
    keyboard = new.page.keyboard

    def focused() -> str:
        return str(new.page.evaluate("document.activeElement.id || document.activeElement.value"))

    keyboard.press("Tab")
    keyboard.press("Enter")
    assert focused() == "text"
    assert new.page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    keyboard.press("Control+A")
    keyboard.type("hello ")
    keyboard.insert_text("hello " * 32)
    keyboard.press("Control+Enter")
    new.wait_state("speaking")
    keyboard.press("Escape")
    new.page.locator("#stop:disabled").wait_for()
    new.wait(lambda: new.measured("level") == 0)
    for control in ("language", "engine", "voice", "blend", "speed", "pitch", "range", "volume", "speak"):
        keyboard.press("Tab")
        assert focused() == control
    keyboard.press("Enter")
    new.wait_state("speaking")
    keyboard.press("Tab")
    assert focused() == "stop"
    keyboard.press("Enter")
    new.page.locator("#stop:disabled").wait_for()
    assert focused() == "speak"
    for control in ("save-wav", "save-mp3", "plain", "link", "None", "kokoro"):
        keyboard.press("Tab")
        assert focused() == control
    keyboard.press("ArrowRight")
    keyboard.press("Tab")
    assert focused() == "main-voice"
    keyboard.press("Tab")
    keyboard.press("Enter")
    new.page.locator("#switched", has_text="Piper speaks now").wait_for()
    assert row(db, "kokoro_service_enabled") == "false"


def test_a_screen_reader_finds_names_and_hears_what_happens(service: StartService, visit: Open) -> None:
    new = ready(visit(service(http_port=0)))
    unnamed = new.page.evaluate(
        "[...document.querySelectorAll('input, select, textarea, button')].filter("
        "e => !(e.labels?.length || e.textContent.trim())).length"
    )
    assert unnamed == 0
    assert new.page.locator("h1").count() == 1
    assert new.page.get_by_role("main").count() == 1
    assert new.page.locator("[role=status], [role=log], [aria-live], output").count() == 1
    new.speak("Hello.")
    new.wait_state("finished")
    told = new.page.get_by_role("status").all_text_contents()
    assert "Spoken to the end: 300 ms." in told
    assert "0.3 seconds" in str(new.page.get_attribute("#wave", "aria-label"))


def test_axe_finds_nothing_in_any_state(service: StartService, visit: Open, db: Path, tmp_path: Path) -> None:
    axe_playwright = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")

    def check(new: Visit, state: str) -> None:
        found = axe_playwright.Axe().run(new.page)
        assert found.violations_count == 0, f"{state}: {found.generate_report()}"

    throttle = Throttle(2)
    lexicon = tmp_path / "lexicon.yaml"
    lexicon.write_text("- word: Nguyen\n  alias: win\n")
    door = service(DescribedEngine(on_render=throttle), http_port=0, db=db, max_text_chars=1000, lexicon=lexicon)
    new = ready(visit(door, errors_expected=True, reduced_motion="reduce"))
    page = new.page
    page.get_by_text("Voices that are not installed").click()
    page.get_by_text("Log", exact=True).click()
    page.get_by_text("Snippet", exact=True).first.click()
    page.get_by_label("Word or phrase").fill("Wu")
    page.get_by_role("button", name="Keep").click()
    page.locator("#lexicon-failure", has_text="alias").wait_for()
    with TextHost(door.tcp_port, "7"):
        page.get_by_role("button", name="Interrupt call 7").wait_for()
        page.get_by_label("Blend with").select_option("pm_alex")
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme)
            check(new, f"idle, with a call, {theme}")
    new.speak("Seu pedido está pronto, obrigado. " * 3)
    new.wait(lambda: new.measured("samplesPlayed") > 0)
    check(new, "speaking, with a hint")
    throttle.open()
    new.speak("Ваш столик заказан.")
    new.wait_state("failed")
    page.get_by_label("Text", exact=True).fill("x" * 1001)
    check(new, "failed, over the limit")
    door.stop()
    page.get_by_role("alert").filter(has_text="does not answer").wait_for()
    check(new, "outage")
    locked = visit(service(http_port=0, api_key="k"), errors_expected=True)
    locked.page.get_by_label("API key").fill("wrong")
    locked.page.get_by_label("API key").press("Enter")
    locked.page.get_by_text("does not know this key").wait_for()
    check(locked, "key needed")


def luminance(page: Any, selector: str, property: str) -> float:
    """Of a colour, as contrast is defined on."""
    found = page.evaluate("([s, p]) => getComputedStyle(document.querySelector(s))[p]", [selector, property])
    channels = [int(value) / 255 for value in re.findall(r"\d+", found)[:3]]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return float(0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2])


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_both_themes_are_legible_and_can_be_chosen(service: StartService, visit: Open, theme: str) -> None:
    other = "light" if theme == "dark" else "dark"
    new = ready(visit(service(http_port=0), color_scheme=theme))
    page = new.page
    background = luminance(page, "body", "backgroundColor")
    assert (background < 0.1) is (theme == "dark")
    for foreground, behind in (
        ("section h2", "section"),
        (".hint", "section"),
        ("label", "section"),
        ("#state", "body"),
        ("#speak", "#speak"),
    ):
        one, two = luminance(page, foreground, "color"), luminance(page, behind, "backgroundColor")
        assert (max(one, two) + 0.05) / (min(one, two) + 0.05) >= 4.5, foreground
    images = {page.screenshot()}
    page.get_by_role("button", name="Theme").click()
    if theme == "light":
        page.get_by_role("button", name="Theme: light").click()
    assert page.get_by_role("button", name="Theme").text_content() == f"Theme: {other}"
    assert (luminance(page, "body", "backgroundColor") < 0.1) is (other == "dark")
    images.add(page.screenshot())
    assert len(images) == 2
    page.reload()
    assert page.get_by_role("button", name="Theme").text_content() == f"Theme: {other}"


@pytest.mark.parametrize("text", ["Hello there.", "x" * 300])
def test_a_phone_needs_no_scrolling_sideways(service: StartService, visit: Open, text: str) -> None:
    new = ready(visit(service(http_port=0), viewport={"width": 360, "height": 740}, has_touch=True))
    new.speak(text)
    new.wait(lambda: new.measured("samplesPlayed") > 0)
    assert new.page.evaluate("document.documentElement.scrollWidth") == 360
    new.page.get_by_role("button", name="Stop").click()
    new.page.set_viewport_size({"width": 740, "height": 360})
    assert new.page.evaluate("document.documentElement.scrollWidth") == 740


def test_who_wants_less_motion_gets_less(service: StartService, visit: Open) -> None:
    new = ready(visit(service(http_port=0), reduced_motion="reduce"))
    new.speak("Hello.")
    new.wait_state("finished")
    durations = new.page.evaluate(
        "[...document.querySelectorAll('*')].map(e => getComputedStyle(e).transitionDuration).filter(d => d !== '0s')"
    )
    assert durations == []
    assert new.measured("samplesPlayed") == tone_samples("Hello.")
