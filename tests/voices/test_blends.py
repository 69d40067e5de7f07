"""Blended voices: recipes, the file of those that have a name, and both at every door of a running service."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import httpx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.sync.client import connect

from telephony.engines import recipes
from telephony.engines.base import SynthesisError, UnknownVoiceError, UnusableVoiceError, Utterance
from telephony.engines.blends import MAX_BLENDS, BlendError, BlendFile
from telephony.engines.kokoro.weights import KokoroWeights
from telephony.engines.tone import ToneEngine
from telephony.service import Service
from telephony.speech import Voice
from telephony.voices import ResolvedVoice, VoiceRequest, __main__, choose
from tests.clients import TIMEOUT_S, EventLog, TextHost, tone_samples
from tests.conftest import StartService

RECIPE = "af_sky*0.6+am_michael*0.4"
CANONICAL = "af_sky*3+am_michael*2"
VOICES = {name: Voice(name, language) for name, language in (("af_a", "en-US"), ("af_b", "en-US"), ("pf_c", "pt-BR"))}


# Recipes


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("af_aoede+af_aoede+af_nicole", "af_aoede*2+af_nicole"),
        ("af_aoede*0.6+af_nicole*0.4", "af_aoede*3+af_nicole*2"),
        ("af_nicole*0.4+af_aoede*0.6", "af_aoede*3+af_nicole*2"),
        ("af_a*0.5", "af_a"),
        ("af_a+af_a", "af_a"),
        ("b+a", "b+a"),
        ("c+b+a", "c+a+b"),
        ("a*0.001+b*100", "b*100000+a"),
        ("a~b", "a~b"),
        ("a+a~b*0.5+c*0.25", "a~b*2+c"),
        ("a+b~a*2+b*2", "a+b"),
        ("a*2~a", "a"),
    ],
)
def test_recipes_of_one_sound_and_language_have_one_form(text: str, canonical: str) -> None:
    assert str(recipes.parse(text)) == canonical
    assert str(recipes.parse(canonical)) == canonical


@given(
    st.lists(
        st.tuples(st.sampled_from(["af_a", "af_b", "am_c", "pf-d"]), st.decimals("0.001", 100, places=3)),
        min_size=1,
        max_size=8,
    )
)
def test_shares_are_those_of_the_weights(parts: list[tuple[str, Any]]) -> None:
    recipe = recipes.parse("+".join(f"{voice}*{weight}" for voice, weight in parts))
    assert recipes.parse(str(recipe)) == recipe
    total = sum(weight for _, weight in parts)
    expected = {voice: float(sum(w for v, w in parts if v == voice) / total) for voice, _ in parts}
    assert dict(recipe.shares()) == pytest.approx(expected)
    assert max(expected.values()) == pytest.approx(recipe.shares()[0][1])


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("af_a+", "'' is no part"),
        ("+", "'' is no part"),
        ("af_a**2", "is no part"),
        ("af_a*", "is no part"),
        ("af_a*-1+af_b", "is no part"),
        ("af_a*1e3", "is no part"),
        ("af_a * 2", "is no part"),
        ("../a+af_b", "is no part"),
        ("af_a*0+af_b", "more than 0"),
        ("af_a*1000000+af_b*0.5", "too unlike"),
        ("af_a*12345678+af_b", "is no part"),
        ("+".join(f"v{number}" for number in range(9)), "at most 8 voices"),
        ("+".join(["af_a"] * 100), "at most 200 characters"),
    ],
)
def test_what_is_no_recipe_is_told_why(text: str, why: str) -> None:
    with pytest.raises(UnusableVoiceError) as raised:
        recipes.parse(text)
    assert why in str(raised.value)


@pytest.mark.parametrize(
    ("name", "voice"),
    [
        ("af_a", Voice("af_a", "en-US")),
        ("pf_c*2+af_a", Voice("pf_c*2+af_a", "pt-BR")),
        ("af_a+pf_c*2", Voice("pf_c*2+af_a", "pt-BR")),
        ("pf_c+af_a", Voice("pf_c+af_a", "pt-BR")),
        ("af_a+pf_c", Voice("af_a+pf_c", "en-US")),
        ("anna", Voice("af_a*2+af_b", "en-US")),
    ],
)
def test_a_blend_speaks_the_language_of_its_heaviest_voice_or_the_first_of_them(name: str, voice: Voice) -> None:
    assert recipes.find(name, VOICES, {"anna": recipes.parse("af_a+af_a+af_b")}) == voice


def test_a_blend_with_a_voice_that_cannot_be_used_is_refused() -> None:
    with pytest.raises(UnusableVoiceError, match="unknown voice, 'af_x'"):
        recipes.find("af_a+af_x", VOICES, {})
    with pytest.raises(UnusableVoiceError, match="not installed"):
        recipes.find("af_a+jf_x", VOICES, {}, {"jf_x": "packages are not installed"})
    with pytest.raises(UnusableVoiceError, match="not installed"):
        recipes.find("jf_x", VOICES, {}, {"jf_x": "packages are not installed"})
    with pytest.raises(UnknownVoiceError, match="known are af_a af_b pf_c"):
        recipes.find("anna", VOICES, {})


# Whom a wanted chooses


def test_a_voice_reads_another_language_if_that_is_asked_for_with_it() -> None:
    engine = ToneEngine(other_languages=("pt-BR", "en-GB"))
    current = ResolvedVoice(engine, "tone", 1.0)
    for wanted, language in (
        (VoiceRequest("af_sky"), None),
        (VoiceRequest("af_sky", "a"), None),
        (VoiceRequest("af_sky", "en"), None),
        (VoiceRequest("af_sky", "p"), "pt-BR"),
        (VoiceRequest(RECIPE, "en-GB"), "en-GB"),
        (VoiceRequest(None, "pt"), "pt-BR"),
    ):
        chosen = choose(wanted, current, [engine])
        assert chosen.language == language
        assert chosen.read_in == (language or "en-US")
    with pytest.raises(UnknownVoiceError, match="does not speak 'fr'"):
        choose(VoiceRequest("af_sky", "fr"), current, [engine])


def test_a_language_alone_chooses_a_voice_of_its_own_before_one_that_reads_it() -> None:
    engine, native = ToneEngine(other_languages=("ru-RU",)), _Russian(voice_names=("irina",))
    chosen = choose(VoiceRequest(language="ru"), ResolvedVoice(engine, "tone", 1.0), [engine, native])
    assert (chosen.voice, chosen.language) == ("irina", None)


def test_what_is_wrong_with_a_recipe_reaches_the_client() -> None:
    engine = ToneEngine()
    for name, why in (("af_sky*0+tone", "more than 0"), ("af_sky+af_x", "'af_x'"), ("nobody", "GET /v1/voices")):
        with pytest.raises(UnknownVoiceError) as raised:
            choose(VoiceRequest(name), ResolvedVoice(engine, "tone", 1.0), [engine])
        assert why in str(raised.value)


class _Russian(ToneEngine):
    def voices(self) -> list[Voice]:
        return [Voice(name, "ru-RU") for name in self.voice_names]


# The file of those that have a name


def test_what_one_writes_another_reads(tmp_path: Path) -> None:
    writer, reader = (BlendFile(tmp_path / "deep" / "blends.json") for _ in range(2))
    assert reader.recipes() == {}
    writer.add("anna", recipes.parse("a+a+b"))
    writer.add("bob", recipes.parse("b"))
    assert {name: str(recipe) for name, recipe in reader.recipes().items()} == {"anna": "a*2+b", "bob": "b"}
    writer.add("anna", recipes.parse("c"))
    assert str(reader.recipes()["anna"]) == "c"
    writer.remove("anna")
    assert list(reader.recipes()) == ["bob"]
    with pytest.raises(BlendError, match="no blend 'anna'; there are: bob"):
        writer.remove("anna")
    (tmp_path / "deep" / "blends.json").unlink()
    assert reader.recipes() == {}


def test_writers_at_once_lose_nothing(tmp_path: Path) -> None:
    names = [f"blend{number}" for number in range(MAX_BLENDS)]

    def add(name: str) -> None:
        BlendFile(tmp_path / "blends.json").add(name, recipes.parse("a+b"))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, names))
    assert sorted(BlendFile(tmp_path / "blends.json").recipes()) == sorted(names)
    with pytest.raises(BlendError, match="the limit"):
        add("one-more")
    add(names[0])  # in place of itself


@pytest.mark.parametrize("name", ["", "Anna", "1a", "a b", "a+b", "a*2", "a" * 41])
def test_what_cannot_be_a_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(BlendError, match="cannot be a name"):
        BlendFile(tmp_path / "blends.json").add(name, recipes.parse("a"))


@pytest.mark.parametrize("broken", ["{", "[]", '{"anna": "a*0"}', '{"anna": 1}', "\0"])
def test_a_broken_file_leaves_the_last_good_blends_and_is_told_once(
    tmp_path: Path, events: EventLog, broken: str
) -> None:
    blends = BlendFile(tmp_path / "blends.json")
    blends.add("anna", recipes.parse("a"))
    assert list(blends.recipes()) == ["anna"]
    (tmp_path / "blends.json").write_text(broken)
    for _ in range(3):
        assert list(blends.recipes()) == ["anna"]
    assert len(events.found("blends_unusable")) == 1
    with pytest.raises(BlendError):
        blends.add("bob", recipes.parse("b"))
    assert (tmp_path / "blends.json").read_text() == broken  # whoever wrote that may want it back


# The command line


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs a command; returns its exit status and what it printed."""
    names = ("af_aoede", "af_nicole", "pf_dora")
    weights = cast(KokoroWeights, SimpleNamespace(with_own=lambda _: SimpleNamespace(voice_names=lambda: names)))
    monkeypatch.setattr(__main__, "find_weights", lambda *_: weights)

    def run(*arguments: str) -> tuple[int, str]:
        status = __main__.main(arguments, {"KOKORO_BLENDS_FILE": str(tmp_path / "blends.json")})
        return status, "".join(capsys.readouterr())

    return run


def test_blends_are_added_listed_checked_and_removed(command: Any, tmp_path: Path) -> None:
    assert command("list") == (0, "")
    status, printed = command("add", "anna", "af_aoede+af_aoede+pf_dora")
    assert (status, printed) == (0, "anna = af_aoede*2+pf_dora (en-US: 66.7 % af_aoede, 33.3 % pf_dora)\n")
    assert json.loads((tmp_path / "blends.json").read_text()) == {"anna": "af_aoede*2+pf_dora"}
    assert command("list") == (0, "anna = af_aoede*2+pf_dora\n")
    assert command("check", "anna")[1] == printed.removeprefix("anna = ")
    assert command("check", "pf_dora*0.6+af_nicole*0.4")[1].startswith("pf_dora*3+af_nicole*2 (pt-BR: 60 %")
    assert command("remove", "anna") == (0, "")
    assert command("list") == (0, "")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("add", "x", "af_aoede*0"), "more than 0"),
        (("add", "x", "af_aoede+af_x"), "'af_x'"),
        (("add", "pf_dora", "af_aoede+af_nicole"), "name of a voice already"),
        (("add", "female", "af_aoede+af_nicole"), "name of a voice already"),
        (("check", "anna"), "unknown voice 'anna'"),
        (("remove", "anna"), "no blend 'anna'"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_status_one(command: Any, arguments: tuple[str, ...], why: str) -> None:
    status, printed = command(*arguments)
    assert status == 1
    assert printed.startswith("error: ")
    assert why in printed
    assert printed.count("\n") == 1


# At the doors


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=TIMEOUT_S) as each:
        yield each


def synthesize(client: httpx.Client, door: Service, **wanted: Any) -> httpx.Response:
    return client.post(f"http://127.0.0.1:{door.http_port}/synthesize", json={"text": "Hello.", **wanted})


def test_every_door_takes_a_recipe(service: StartService, client: httpx.Client) -> None:
    door = service(http_port=0, voice=RECIPE)
    url = f"127.0.0.1:{door.http_port}"
    response = synthesize(client, door, voice="tone+tone+af_sky")
    assert (response.status_code, response.headers["X-Voice"]) == (200, "tone*2+af_sky")
    assert len(response.content) == 4 * tone_samples("Hello.")
    wanted = {"model": "kokoro", "input": "Hello.", "voice": RECIPE, "response_format": "pcm"}
    response = client.post(f"http://{url}/v1/audio/speech", json=wanted)
    assert (response.status_code, len(response.content)) == (200, 2 * tone_samples("Hello."))
    with connect(f"ws://{url}/v1/audio/speech/stream/ws") as socket:
        socket.send(json.dumps({"type": "start", "voice": RECIPE}))
        assert json.loads(socket.recv(TIMEOUT_S))["voice"] == CANONICAL
    with connect(f"ws://{url}/ws/tts") as socket:
        socket.send(json.dumps({"type": "start_session", "config": {"voice": RECIPE, "lang_code": "a"}}))
        assert json.loads(socket.recv(TIMEOUT_S))["type"] == "session_started"
    with TextHost(door.tcp_port, "1") as host:
        host.say("Hello.")
        assert len(host.read_frame().samples) == tone_samples("Hello.")
    assert client.get(f"http://{url}/readyz").json()["voice"] == CANONICAL


@pytest.mark.parametrize("voice", ["af_sky*0+tone", "af_sky+", "af_sky+nobody"])
def test_a_wrong_recipe_is_the_doors_error(service: StartService, client: httpx.Client, voice: str) -> None:
    door = service(http_port=0)
    response = synthesize(client, door, voice=voice)
    assert response.status_code == 422
    assert response.json()["detail"][0]["loc"] == ["body", "voice"]
    wanted = {"model": "kokoro", "input": "Hello.", "voice": voice}
    response = client.post(f"http://127.0.0.1:{door.http_port}/v1/audio/speech", json=wanted)
    assert (response.status_code, response.json()["error"]["code"]) == (400, "voice_not_found")


def test_a_blend_is_there_as_soon_as_it_is_kept(service: StartService, client: httpx.Client, tmp_path: Path) -> None:
    blends = BlendFile(tmp_path / "blends.json")
    door = service(ToneEngine(named_blends=BlendFile(tmp_path / "blends.json").recipes), http_port=0)

    def names() -> list[str]:
        listed = client.get(f"http://127.0.0.1:{door.http_port}/v1/voices").json()["data"]
        return [voice["name"] for voice in listed if voice["engine"] == "tone"]

    assert synthesize(client, door, voice="anna").status_code == 422
    blends.add("anna", recipes.parse(RECIPE))
    assert names() == ["tone", "af_sky", "am_michael", "anna"]
    assert synthesize(client, door, voice="anna").headers["X-Voice"] == CANONICAL
    blends.add("anna", recipes.parse("tone+af_sky"))
    assert synthesize(client, door, voice="anna").headers["X-Voice"] == "tone+af_sky"
    blends.remove("anna")
    assert "anna" not in names()
    assert synthesize(client, door, voice="anna").status_code == 422


def test_the_telephones_voice_follows_its_blend(service: StartService, events: EventLog, tmp_path: Path) -> None:
    blends = BlendFile(tmp_path / "blends.json")
    blends.add("anna", recipes.parse(RECIPE))
    service(ToneEngine(named_blends=BlendFile(tmp_path / "blends.json").recipes), voice="anna")
    assert events.wait("selected")["voice"] == CANONICAL
    blends.add("anna", recipes.parse("tone+af_sky"))
    assert events.wait("selected", 2)["voice"] == "tone+af_sky"
    blends.remove("anna")
    assert events.wait("voice_refused", voice="anna")["effect"] == "tone+af_sky stays"


def test_the_language_asked_for_reaches_the_engine(service: StartService, client: httpx.Client) -> None:
    asked: list[str | None] = []

    class Recording(ToneEngine):
        def prepare(self, *given: Any, **options: Any) -> Utterance:
            asked.append(given[4])
            return super().prepare(*given, **options)

    door = service(Recording(other_languages=("pt-BR",)), http_port=0)
    for language in ("p", "en", None):
        assert synthesize(client, door, voice="af_sky", language=language).status_code == 200
    with connect(f"ws://127.0.0.1:{door.http_port}/ws/tts") as socket:
        socket.send(json.dumps({"type": "start_session", "config": {"voice": "af_sky", "lang_code": "pt"}}))
        socket.send(json.dumps({"type": "send_text", "text": "Olá."}))
        socket.send(json.dumps({"type": "end_session"}))
        while "session_ended" not in str(socket.recv(TIMEOUT_S)):
            pass
    assert asked == ["pt-BR", None, None, "pt-BR"]


# The real model


@pytest.mark.model
def test_a_blend_lies_between_its_voices_and_is_streamed(kokoro_weights: KokoroWeights, tmp_path: Path) -> None:
    import torch

    from telephony.engines.kokoro.model import KokoroEngine
    from telephony.engines.kokoro.statistics import NormStatistics
    from telephony.engines.kokoro.utterance import KokoroUtterance

    blends = BlendFile(tmp_path / "blends.json")
    cpu = torch.device("cpu")
    statistics = [NormStatistics.shipped(cpu)]
    engine = KokoroEngine(kokoro_weights, cpu, "af_sky", statistics, named_blends=blends.recipes)
    sentence = "Please hold the line while I look up the order that you placed last week."

    def utterance(voice: str, exact: bool = False) -> KokoroUtterance:
        prepared = engine.prepare(sentence, voice, 1.0, exact)
        assert isinstance(prepared, KokoroUtterance)
        engine.begin([prepared])
        return prepared

    def pitch_hz(voice: str) -> float:
        acoustic = utterance(voice, exact=True).acoustic
        assert acoustic is not None
        f0 = acoustic.f0[0]
        return float(f0[f0 > 50].median())

    blends.add("anna", recipes.parse("af_sky+am_michael"))
    assert [voice.name for voice in engine.voices()][-1] == "anna"
    low, between, high = (pitch_hz(voice) for voice in ("am_michael", "anna", "af_sky"))
    assert 1.1 * low < between < high / 1.1
    assert len(utterance("anna").windows) > 2
    quiet, level_db, loud = sorted(engine.level_db(name) or 0 for name in ("am_michael", "af_sky+am_michael", "af_sky"))
    assert quiet < level_db < loud < 0
    heard = utterance("anna")
    windows = []
    while not heard.finished:
        windows += engine.render([heard])
    assert 2.0 < len(np.concatenate(windows)) / 24_000 < 8.0
    engine.prepare("Olá, bom dia.", "af_sky", 1.0, False, "pt-BR")
    with pytest.raises(SynthesisError, match="unknown language"):
        engine.prepare("Hello.", "af_sky", 1.0, False, "tlh")
