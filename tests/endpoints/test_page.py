"""The page at `/`, driven by a headless browser against the running service."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import re
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import httpx
import pytest
from websockets.sync.client import connect

from telephony.engines.base import Engine, Utterance
from telephony.engines.tone import ToneEngine
from telephony.service import Service
from telephony.telemetry import history
from telephony.telemetry.metrics import Metrics
from telephony.voices.host_database import Store
from tests.clients import TIMEOUT_S, Throttle, figure, tone_samples, wait_figure
from tests.conftest import StartService

pytestmark = pytest.mark.slow

playwright = pytest.importorskip("playwright.sync_api", reason="package playwright is not installed")

Browser = playwright.Browser
Page = playwright.Page

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
ARGUMENTS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --autoplay-policy=no-user-gesture-required"
).split()
TEXT = "One two three four five six seven eight nine ten eleven twelve."
WINDOW_SAMPLES = 4800


# For the whole module: its pipes and sockets are there before each test, and what is there before is no leak.
@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium without a window."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed (on Debian: apt-get install chromium)")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        chromium.close()


@dataclass
class Visit:
    """The page in a browser of its own, and what went wrong in it."""

    page: Any
    errors: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)

    def measured(self, name: str) -> float:
        """A figure that the page keeps for tests."""
        return float(self.page.evaluate("name => document.body.dataset[name] ?? 'NaN'", name))

    def wait(self, reached: Callable[[], bool]) -> None:
        """Waits for what no selector tells."""
        deadline = time.monotonic() + TIMEOUT_S
        while not reached():
            assert time.monotonic() < deadline, self.page.evaluate("({...document.body.dataset})")
            self.page.wait_for_timeout(20)

    def wait_state(self, name: str) -> None:
        """Waits until a speech is so far."""
        self.page.locator(f'body[data-state="{name}"]').wait_for()

    def speak(self, text: str) -> None:
        self.page.get_by_label("Text", exact=True).fill(text)
        self.page.get_by_role("button", name="Speak").click()

    def text(self, selector: str) -> str:
        return str(self.page.text_content(selector))


class Open(Protocol):
    """Opens the page of a service; at the end it must not have complained, nor asked for anything from outside."""

    def __call__(self, door: Service, *, errors_expected: bool = False, **options: Any) -> Visit:
        """`options` are those of the browser's context."""
        ...


@pytest.fixture
def visit(service: StartService, browser: Any) -> Iterator[Open]:
    """Pages are closed before their service is."""
    with contextlib.ExitStack() as stack:
        strict: list[Visit] = []
        visits: list[Visit] = []

        def go(door: Service, *, errors_expected: bool = False, **options: Any) -> Visit:
            context = stack.enter_context(contextlib.closing(browser.new_context(**options)))
            context.set_default_timeout(1000 * TIMEOUT_S)
            new = Visit(context.new_page())
            visits.append(new)
            if not errors_expected:
                strict.append(new)
            own = f"127.0.0.1:{door.http_port}"

            def let_through(route: Any) -> None:
                url = urlsplit(route.request.url)
                if url.netloc == own:
                    route.continue_()
                else:
                    new.outside.append(route.request.url)
                    route.abort()

            def note_socket(socket: Any) -> None:
                if urlsplit(socket.url).netloc != own:
                    new.outside.append(socket.url)

            def note_console(message: Any) -> None:
                if message.type in ("error", "warning"):
                    new.errors.append(message.text)

            context.route("**/*", let_through)
            new.page.on("websocket", note_socket)
            new.page.on("console", note_console)
            new.page.on("pageerror", lambda error: new.errors.append(str(error)))
            new.page.goto(f"http://{own}/")
            return new

        yield go
        assert [each.errors for each in strict if each.errors] == []
        assert [each.outside for each in visits if each.outside] == []


def ready(new: Visit) -> Visit:
    """A page that knows the voices."""
    new.page.locator("#voice option").first.wait_for(state="attached")
    return new


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


def test_the_page_is_one_file_that_lets_nothing_else_run(service: StartService) -> None:
    door = service(http_port=0)
    answer = httpx.get(f"http://127.0.0.1:{door.http_port}/")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for tag in ("script", "style"):
        (content,) = re.findall(rf"<{tag}\b[^>]*>(.*?)</{tag}>", answer.text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert re.findall(r'\b(?:src|on\w+|style)="', answer.text) == []
    assert "innerHTML" not in answer.text


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


def test_a_failure_is_said(service: StartService, visit: Open) -> None:
    def fail(text: str) -> None:
        raise KeyError(text)

    new = ready(visit(service(ToneEngine(on_render=fail), http_port=0)))
    new.speak(TEXT)
    new.wait_state("failed")
    assert "the engine failed" in new.text("#outcome")
    assert new.page.get_by_role("button", name="Stop").is_disabled()


def test_no_text_is_no_speech(service: StartService, visit: Open) -> None:
    new = ready(visit(service(http_port=0)))
    new.speak("  ")
    assert new.text("#outcome") == "There is no text to speak."
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
    new.page.get_by_text("Piper speaks now, as joe.").wait_for()
    assert row(db, "kokoro_service_enabled") == "false"
    assert new.text("#now-engine") == "Piper"
    new.page.get_by_label("Kokoro", exact=True).check()
    new.page.get_by_label("Kokoro's voice").select_option("am_michael")
    new.page.get_by_role("button", name="Switch").click()
    new.page.get_by_text("Tone speaks now, as am_michael.").wait_for()
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


def test_a_service_that_ends_shows(service: StartService, visit: Open) -> None:
    door = service(http_port=0)
    new = ready(visit(door, errors_expected=True))
    door.stop()
    new.page.get_by_text("not reachable").wait_for()


def test_behind_a_key_the_page_asks_for_it_and_keeps_it_for_the_tab(service: StartService, visit: Open) -> None:
    door = service(http_port=0, api_key="correct horse")
    new = visit(door, errors_expected=True)  # a browser notes every 401
    field = new.page.get_by_label("API key")
    field.wait_for()
    assert new.page.evaluate("document.activeElement.id") == "key-value"
    field.fill("wrong")
    field.press("Enter")
    new.page.get_by_text("does not know this key").wait_for()
    field.fill("correct horse")
    field.press("Enter")
    field.wait_for(state="hidden")
    ready(new).speak("Hello.")
    new.wait_state("finished")
    assert new.measured("samplesPlayed") == tone_samples("Hello.")
    assert "horse" not in new.page.url
    assert new.page.evaluate("sessionStorage.length + localStorage.length") == 1
    new.errors.clear()
    new.page.reload()
    ready(new)
    assert not field.is_visible()
    assert new.errors == []
    new.page.get_by_role("button", name="Forget the key").click()
    field.wait_for()
    assert new.page.evaluate("sessionStorage.length") == 0


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
    keyboard.type("hello " * 33)
    keyboard.press("Control+Enter")
    new.wait_state("speaking")
    keyboard.press("Escape")
    new.page.locator("#stop:disabled").wait_for()
    new.wait(lambda: new.measured("level") == 0)
    for control in ("engine", "voice", "blend", "speed", "speak"):
        keyboard.press("Tab")
        assert focused() == control
    keyboard.press("Enter")
    new.wait_state("speaking")
    keyboard.press("Tab")
    assert focused() == "stop"
    keyboard.press("Enter")
    new.page.locator("#stop:disabled").wait_for()
    assert focused() == "speak"
    keyboard.press("Tab")
    assert focused() == "kokoro"
    keyboard.press("ArrowRight")
    keyboard.press("Tab")
    assert focused() == "main-voice"
    keyboard.press("Tab")
    keyboard.press("Enter")
    new.page.get_by_text("Piper speaks now").wait_for()
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
    new.speak("Hello.")
    new.wait_state("finished")
    told = new.page.get_by_role("status").all_text_contents()
    assert "Spoken to the end: 300 ms." in told
    assert "0.3 seconds" in str(new.page.get_attribute("#wave", "aria-label"))


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
