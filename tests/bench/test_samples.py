"""bench/samples.py with engines that only beep: what is said by whom, the files and the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest
import soundfile

from bench import samples, texts
from bench.samples import Sample, Silent, Spoken
from telephony.engines.catalog import EngineUnavailableError
from telephony.engines.kokoro.languages import LANGUAGES
from telephony.engines.tone import ToneEngine
from telephony.settings import Settings
from telephony.speech import Voice
from telephony.text.normalization import is_document, spans


@dataclass(frozen=True)
class _Choir(ToneEngine):
    """Beeps in several languages."""

    known: tuple[Voice, ...] = ()

    def voices(self) -> Sequence[Voice]:
        return self.known


def _choir(*voices: Voice, name: str = "choir") -> _Choir:
    return _Choir(name=name, known=voices)


def _said(engine: _Choir, all_voices: bool = False) -> list[tuple[str, str, str]]:
    planned = samples.plan(engine, all_voices)
    return [(one.voice, one.language, one.kind) for one in planned if isinstance(one, Sample)]


class _Links(HTMLParser):
    """Collects what a page loads and what it says."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.sources: list[str] = []
        self.links: list[str] = []
        self.shown: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.sources += [value or "" for name, value in attrs if name == "src"]
        self.links += [value or "" for name, value in attrs if name == "href"]

    def handle_data(self, data: str) -> None:
        self.shown.append(data)


def test_two_voices_of_each_language_are_heard_and_the_first_says_everything() -> None:
    engine = _choir(*(Voice(f"voice{index}", "pt-BR") for index in range(3)), Voice("other", "ru-RU"))
    assert _said(engine) == [
        ("voice0", "pt-BR", "sentence"),
        ("voice0", "pt-BR", "figures"),
        ("voice0", "pt-BR", "SSML"),
        ("voice1", "pt-BR", "sentence"),
        ("other", "ru-RU", "sentence"),
    ]
    assert ("voice2", "pt-BR", "sentence") in _said(engine, all_voices=True)


def test_a_language_that_is_nobody_s_own_is_read_by_others() -> None:
    engine = _choir(Voice("F1", "en-US", ("ko", "fr")), Voice("M1", "en-US", ("ko",)), Voice("siwis", "fr-FR"))
    planned = [one for one in samples.plan(engine, False) if isinstance(one, Sample)]
    korean = [(one.voice, one.read_in) for one in planned if one.language == "ko"]
    assert korean == [("F1", "ko"), ("M1", "ko")]
    assert {one.read_in for one in planned if one.language in ("en-US", "fr-FR")} == {None}
    assert not [one for one in planned if one.language == "fr-FR" and one.voice == "F1"]


def test_the_cast_is_heard_first_and_who_is_missing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(samples.CASTS, "choir", ("last", "first*3+last", "nobody"))
    engine = _choir(Voice("first", "it-IT"), Voice("last", "it-IT"))
    assert [voice for voice, _, kind in _said(engine) if kind == "sentence"] == ["last", "first*3+last"]
    (missing,) = (one for one in samples.plan(engine, False) if isinstance(one, Silent))
    assert missing.who == "choir, nobody"
    assert "unknown voice 'nobody'" in missing.why


def test_a_language_without_a_text_is_told() -> None:
    (missing,) = samples.plan(_choir(Voice("nova", "eo")), False)
    assert isinstance(missing, Silent)
    assert "no text in eo" in missing.why


@pytest.mark.parametrize("broken", ["on_prepare", "on_render"])
def test_a_sample_that_fails_is_told_and_the_others_are_made(tmp_path: Path, broken: str) -> None:
    def fail(text: str) -> None:
        if "7-3497" in text:
            raise RuntimeError("out of memory")

    engine = _Choir(name="choir", known=(Voice("one", "en-US"),), **{broken: fail})  # type: ignore[arg-type]
    greeting, figures, document = samples.make(engine, False, tmp_path)
    assert figures == Silent("choir, one, en-US, figures", "RuntimeError: out of memory")
    assert isinstance(greeting, Spoken)
    assert isinstance(document, Spoken)
    assert {path.name for path in tmp_path.iterdir()} == {
        "choir-en-US-one-sentence.wav",
        "choir-en-US-one-SSML.wav",
    }


def test_one_command_makes_the_files_and_a_page_to_listen_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def unavailable(settings: Settings) -> ToneEngine:
        raise EngineUnavailableError("package <piper> is missing")

    monkeypatch.setitem(samples.CASTS, "choir", ("a+b*2",))
    engine = _choir(Voice("a", "en-GB"), Voice("b", "en-GB"))
    monkeypatch.setattr(samples, "ENGINES", {"choir": lambda settings: engine, "piper": unavailable})
    assert samples.main(["--out", str(tmp_path / "made"), "--all-voices"]) == 0
    page = _Links((tmp_path / "made" / "index.html").read_text(encoding="utf-8"))
    files = sorted(path.name for path in (tmp_path / "made").glob("*.wav"))
    assert len(files) == 5
    assert sorted(unquote(source) for source in page.sources) == files
    assert not page.links
    assert texts.SAMPLES["en"]["SSML"] in page.shown
    assert "package <piper> is missing" in page.shown
    info = soundfile.info(tmp_path / "made" / "choir-en-GB-a-sentence.wav")
    assert (info.samplerate, info.channels) == (24_000, 1)
    assert f"{info.duration:.1f} s" in page.shown
    told = capsys.readouterr()
    assert "5 of 5: choir, b, en-GB, sentence" in told.err
    assert "5 samples, 1 could not be made" in told.out


def test_nothing_spoken_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samples, "ENGINES", {"choir": lambda settings: _choir()})
    assert samples.main(["--out", str(tmp_path)]) == 1


def test_every_language_of_kokoro_has_a_voice_and_all_kinds_of_text() -> None:
    letters = {name[0] for name in samples.CASTS["kokoro"]}
    assert letters == set(LANGUAGES)
    for language in LANGUAGES.values():
        assert list(texts.SAMPLES[language.partition("-")[0]]) == ["sentence", "figures", "SSML"]


@pytest.mark.parametrize("language", texts.SAMPLES)
def test_documents_of_the_samples_are_valid(language: str) -> None:
    for kind, text in texts.SAMPLES[language].items():
        assert is_document(text) is (kind == "SSML")
        if kind == "SSML":
            assert sum(span.pause_s for span in spans(text) if span is not None) == pytest.approx(0.5)


def test_an_unknown_engine_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as refused:
        samples.main(["--out", str(tmp_path / "made"), "--engines", "festival"])
    assert refused.value.code == 2
    assert not (tmp_path / "made").exists()
