"""The real Kokoro engine, over real sockets where that shows it."""

from __future__ import annotations

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from importlib import resources
from pathlib import Path

import pytest
import torch

from telephony.engines.base import Engine, SynthesisError
from telephony.engines.catalog import load_main
from telephony.engines.kokoro.g2p import G2P, MAX_PHONEMES, Converter, divide
from telephony.engines.kokoro.kernels import TorchKernels, compiled_kernels
from telephony.engines.kokoro.languages import LANGUAGES
from telephony.engines.kokoro.model import KokoroEngine
from telephony.engines.kokoro.weights import KokoroWeights
from telephony.engines.kokoro.words import Piece
from telephony.settings import Settings
from telephony.text import segments
from telephony.text.lexicon import Entry, Lexicon, entry
from telephony.text.normalization import normalize
from tests.clients import TIMEOUT_S, AudioProcessor, EventLog, Frame, TextHost, chunk_ids, figure, joined, register
from tests.conftest import StartService

pytestmark = pytest.mark.model

REFERENCE_TEXT = "Hello, this is a test of the Kokoro text to speech service."
LONG_SENTENCE = " ".join(
    f"the caller number {number} asked again whether anybody would ever answer the telephone" for number in range(12)
)
"""Some 900 phonemes without punctuation."""

SYNTHESIS_TIMEOUT_S = 120.0


def say(host: TextHost, text: str) -> Frame:
    """Says a text and returns the one frame that answers it."""
    host.socket.settimeout(SYNTHESIS_TIMEOUT_S)
    host.say(text)
    return host.read_frame()


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[str]]]:
    """Languages and phonemes of what the engine converts."""
    conversions: list[tuple[str, list[str]]] = []
    convert = G2P.phonemes

    def record(self: G2P, text: str, language: str) -> list[Piece]:
        pieces = convert(self, text, language)
        conversions.append((language, [piece.phonemes for piece in pieces]))
        return pieces

    monkeypatch.setattr(G2P, "phonemes", record)
    return conversions


def test_it_is_loaded_by_a_thread_that_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is left of OpenMP's pool of the thread that loads would slow down that of the thread that speaks."""
    loaders: list[threading.Thread] = []
    monkeypatch.setattr(KokoroEngine, "warm_up", lambda self: loaders.append(threading.current_thread()))
    load_main(Settings())
    (loader,) = loaders
    assert loader is not threading.current_thread()
    assert not loader.is_alive()


def test_reference_exchange(service: StartService, kokoro: Engine) -> None:
    door = service(kokoro)
    with TextHost(door.tcp_port, "999") as host:
        frame = say(host, REFERENCE_TEXT)
        assert frame.samples.nbytes == 400_800
        assert (frame.sample_rate, frame.chunk_id) == (24_000, 1)
        assert 0.1 < abs(frame.samples).max() <= 1.0
        host.bye()
        assert host.read_to_end() == []


@pytest.mark.slow
def test_phonemes_last_as_long_as_with_torch_s_own_float32(kokoro_weights: KokoroWeights, tmp_path: Path) -> None:
    """Whatever the encoders' products are made of."""
    cpu = torch.device("cpu")
    ours = KokoroEngine(kokoro_weights, cpu, "af_sky", kernels=compiled_kernels(tmp_path))
    plain = KokoroEngine(kokoro_weights, cpu, "af_sky", kernels=TorchKernels())
    lines = (resources.files("telephony.engines.kokoro") / "corpus" / "en.txt").read_text(encoding="utf-8").splitlines()
    for line in lines[:6]:
        for voice in ("af_sky", "bm_george"):
            heard, expected = ours.listen(line, voice), plain.listen(line, voice)
            assert heard.durations.tolist() == expected.durations.tolist()
            assert (heard.f0 - expected.f0).abs().mean() < 0.5


def test_length_is_that_of_the_kokoro_package(
    service: StartService, kokoro: Engine, kokoro_weights: KokoroWeights, heard: list[tuple[str, list[str]]]
) -> None:
    import json

    from kokoro import KModel

    text = "A second opinion, from the package itself."
    with TextHost(service(kokoro, voice="am_michael").tcp_port, "1") as host:
        frame = say(host, text)
    ((_, (phonemes,)),) = heard
    config = json.loads(kokoro_weights.config_path.read_text(encoding="utf-8"))
    reference = KModel(repo_id="hexgrad/Kokoro-82M", config=config, model=str(kokoro_weights.model_path)).eval()
    style = torch.from_numpy(kokoro_weights.load_voice("am_michael"))[len(phonemes) - 1]
    with torch.inference_mode():
        expected = reference(phonemes, style, 1.0)
    assert len(frame.samples) == len(expected)


def test_speech_reaches_the_processor(service: StartService, events: EventLog, kokoro: Engine) -> None:
    door = service(kokoro)
    with AudioProcessor() as processor, TextHost(door.tcp_port, processor.call_id) as host:
        register(door, processor.call_id)
        events.wait("processor_connected")
        host.send(b"".join(len(text).to_bytes(4, "big") + text for text in (b"First sentence. Second one.", b"Third.")))
        host.bye()
        host.socket.settimeout(SYNTHESIS_TIMEOUT_S)
        assert host.read_to_end() == []
        processor.wait(lambda each: each.receptions[0].closed)
        assert processor.receptions[0].ended
        frames = processor.frames
        assert chunk_ids(frames) == list(range(1, len(frames) + 1))
        assert len(frames) >= 3
        assert 2.0 < len(joined(frames)) / 24_000 < 10.0


def test_long_sentence_is_divided_and_nothing_of_it_is_cut() -> None:
    pieces = [piece.phonemes for piece in G2P().phonemes(LONG_SENTENCE, "a")]
    assert len(pieces) == 2
    assert all(0 < len(piece) <= MAX_PHONEMES for piece in pieces)
    assert " ".join(pieces).count("tˈɛləfˌOn") == 12
    # The same as without a limit, but for the spaces between the pieces.
    (whole,) = divide(" ".join(pieces), limit=100_000)
    assert whole.split() == [word for piece in pieces for word in piece.split()]
    assert len(whole) > MAX_PHONEMES


def test_all_of_a_long_sentence_is_spoken(
    service: StartService, kokoro: Engine, heard: list[tuple[str, list[str]]]
) -> None:
    text = LONG_SENTENCE.rsplit(" the caller", maxsplit=5)[0]
    with TextHost(service(kokoro, speed=2.0).tcp_port, "1") as host:  # at twice the pace, for the time of the test
        frame = say(host, text)
    ((_, pieces),) = heard
    assert len(pieces) == 2
    assert sum(map(len, pieces)) > MAX_PHONEMES
    # A phoneme takes some 40 ms; a part that was left out would show.
    assert 0.03 < len(frame.samples) / 24_000 / sum(map(len, pieces)) < 0.05


def test_british_voice_speaks_british(
    service: StartService, kokoro: Engine, heard: list[tuple[str, list[str]]]
) -> None:
    for voice in ("af_sky", "bf_emma"):
        with TextHost(service(kokoro, voice=voice).tcp_port, "1") as host:
            assert len(say(host, "The bath.").samples) > 12_000
    (american, american_pieces), (british, british_pieces) = heard
    assert (american, british) == ("a", "b")
    assert "bˈæθ" in american_pieces[0]
    assert "bˈɑːθ" in british_pieces[0]


@pytest.mark.parametrize(
    ("voice", "text"),
    [
        ("pf_dora", "Olá, bom dia."),
        ("ef_dora", "Hola, buenos días."),
        ("ff_siwis", "Bonjour à tous."),
        ("if_sara", "Buongiorno a tutti."),
        ("hf_alpha", "नमस्ते, आप कैसे हैं?"),
    ],
)
def test_voice_of_another_language_speaks(
    service: StartService, kokoro: Engine, heard: list[tuple[str, list[str]]], voice: str, text: str
) -> None:
    with TextHost(service(kokoro, voice=voice).tcp_port, "1") as host:
        frame = say(host, text)
    assert 0.5 < len(frame.samples) / 24_000 < 5.0
    assert abs(frame.samples).max() > 0.05
    assert [language for language, _ in heard] == [voice[0]]


PORTUGUESE = (
    "Bom dia, Sra. Souza. O Dr. Silva marcou a sua consulta para 5 de maio, às 14h30, na Av. Paulista, nº 1578, e "
    "o valor de R$ 3.497,50 pode ser pago em 12 vezes com 10% de desconto, desde que a senhora confirme o pedido "
    "pelo telefone da clínica ainda nesta semana, porque na semana que vem todos os médicos estarão num congresso "
    "em São Paulo, e depois disso a agenda só volta a abrir em 2027, com 1 vaga por dia, como já aconteceu no ano "
    "passado com 21 pacientes que esperaram demais e que tiveram de procurar outra clínica, bem mais longe daqui. "
    "Obrigado."
)
PORTUGUESE_SAID = (
    "Bom dia, Senhora Souza. O Doutor Silva marcou a sua consulta para cinco de maio, às catorze horas e trinta, "
    "na Avenida Paulista, número mil quinhentos e setenta e oito, e o valor de três mil quatrocentos e noventa e "
    "sete reais e cinquenta centavos pode ser pago em doze vezes com dez por cento de desconto, desde que a "
    "senhora confirme o pedido pelo telefone da clínica ainda nesta semana, porque na semana que vem todos os "
    "médicos estarão num congresso em São Paulo, e depois disso a agenda só volta a abrir em dois mil e vinte e "
    "sete, com uma vaga por dia, como já aconteceu no ano passado com vinte e um pacientes que esperaram demais e "
    "que tiveram de procurar outra clínica, bem mais longe daqui. Obrigado."
)


def test_a_long_portuguese_text_is_divided_at_sentences_and_said_in_words() -> None:
    pieces = list(segments.split(PORTUGUESE))
    assert [piece.split()[0] for piece in pieces[:2]] == ["Bom", "O"]
    assert pieces[-1] == "Obrigado."
    assert max(map(len, pieces)) <= segments.DEFAULT_MAX_CHARS
    assert " ".join(pieces) == PORTUGUESE
    assert " ".join(normalize(piece, "pt-BR") for piece in pieces) == PORTUGUESE_SAID


@pytest.mark.parametrize("voice", ["pf_dora", "pm_alex", "pm_santa"])
def test_all_of_a_long_portuguese_text_is_spoken(
    service: StartService, kokoro: Engine, heard: list[tuple[str, list[str]]], voice: str
) -> None:
    with TextHost(service(kokoro, voice=voice, speed=2.0).tcp_port, "1") as host:
        frame = say(host, PORTUGUESE)
    ((language, pieces),) = heard
    assert language == "p"
    assert len(pieces) > 1
    assert max(map(len, pieces)) <= MAX_PHONEMES
    phonemes = sum(map(len, pieces))
    assert phonemes == pytest.approx(sum(len(piece.phonemes) for piece in G2P().phonemes(PORTUGUESE_SAID, "p")), abs=3)
    assert 0.02 < len(frame.samples) / 24_000 / phonemes < 0.06


@pytest.mark.parametrize(("language", "module"), [("j", "pyopenjtalk"), ("z", "jieba")])
def test_language_whose_packages_are_missing_is_a_clear_error(
    monkeypatch: pytest.MonkeyPatch, language: str, module: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    for name in [name for name in sys.modules if name.startswith(("misaki.ja", "misaki.zh"))]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(SynthesisError, match=r"pip install -r requirements-ja-zh\.txt"):
        G2P().phonemes("こんにちは。", language)


def test_who_loads_a_language_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    loading, may_end = threading.Event(), threading.Event()

    def load(language: str) -> Converter:
        loading.set()
        assert may_end.wait(TIMEOUT_S)
        return lambda text: (language, [])

    g2p = G2P()
    monkeypatch.setattr("telephony.engines.kokoro.g2p._load", load)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(g2p.phonemes, "你好。", "z")
        assert loading.wait(TIMEOUT_S)
        assert g2p.phonemes("Sure.", "a")
        may_end.set()
        first.result(TIMEOUT_S)


def test_text_without_phonemes_is_counted_and_the_call_goes_on(
    service: StartService, events: EventLog, kokoro: Engine
) -> None:
    door = service(kokoro)
    with TextHost(door.tcp_port, "1") as host:
        host.say("ꙮ")  # a letter that nobody can say
        assert say(host, "But this.").chunk_id == 1
    assert figure(door, "tts_segments_failed_total", engine="kokoro") == len(events.found("segment_failed"))


def test_many_threads_convert_like_one() -> None:
    texts = {
        "a": ["The quick brown fox, zyxograph.", "Kubernetes and Xylophia met Brzezinski."],
        "b": ["The bath is in the castle.", "Schedule the xenoblade laboratory."],
        "p": ["Olá, bom dia a todos.", "A ação começou em São Paulo."],
        "e": ["Hola, buenos días.", "¿Qué hora es, señor?"],
        "f": ["Bonjour à tous.", "Où est la gare?"],
        "i": ["Buongiorno a tutti.", "Che ore sono?"],
        "h": ["नमस्ते, आप कैसे हैं?", "धन्यवाद।"],
    }
    assert set(texts) < set(LANGUAGES)
    jobs = [(text, language) for language, some in texts.items() for text in some] * 8
    alone = [G2P().phonemes(*job) for job in jobs[: len(jobs) // 8]] * 8
    together = G2P()
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda job: together.phonemes(*job), jobs)) == alone


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("A B or C?", "a", "ˈA bˈi ɔɹ sˈi?"),
        ("It is A one two.", "a", "ˌɪt ɪz ˈA wˈʌn tˈu."),
        ("A two hour delay.", "a", "ɐ tˈu ˈWəɹ dəlˈA."),
        ("Olá [Kokoro](/kˈokoɾo/), tudo bem?", "p", "olˈa kˈokoɾo, tˈudʊ bˈAŋ?"),
        ("V Y, uno.", "e", "ˈuβe iɣɾiˈeɣa, ˈuno."),
        ("Y dos A y B.", "e", "i ðˈos a i βˈe."),
    ],
)
def test_spelled_letters_and_given_phonemes_are_said_as_meant(text: str, language: str, expected: str) -> None:
    (piece,) = G2P().phonemes(text, language)
    assert piece.phonemes == expected


def test_words_keep_their_times_where_phonemes_are_given() -> None:
    (piece,) = G2P().phonemes("Olá [Kokoro](/kˈokoɾo/), tudo bem?", "p")
    assert [run.text for run in piece.words] == ["Olá", "Kokoro,", "tudo", "bem?"]


@pytest.mark.parametrize(
    ("text", "voice", "said"),
    [
        ("It costs $3,497.", "af_sky", "It costs three thousand four hundred ninety-seven dollars."),
        ("São R$ 21.", "pf_dora", "São vinte e um reais."),
    ],
)
def test_numbers_are_said_in_the_voices_language_and_told_as_written(
    kokoro: Engine, heard: list[tuple[str, list[str]]], text: str, voice: str, said: str
) -> None:
    utterance = kokoro.prepare(text, voice, 1.0, True)
    kokoro.render([utterance])
    assert " ".join(word.text for word in utterance.take_words()) == text
    G2P().phonemes(said, voice[0])
    ours, expected = heard
    assert ours == expected


@pytest.mark.parametrize(
    ("known", "text", "said"),
    [
        (entry("Nguyen", ipa="nwˈɪn"), "Dr. Nguyen's in.", "Doctor [Nguyen's](/nwˈɪnz/) in."),
        (entry("Nguyen", "win", ipa="nwˈɪn"), "Call Nguyen, 2.", "Call [win](/nwˈɪn/), two."),
        (entry("New York", "the big apple"), "To New York, now.", "To the big apple, now."),
    ],
)
def test_a_lexicon_changes_the_phonemes_and_not_the_words(
    kokoro: Engine, heard: list[tuple[str, list[str]]], known: Entry, text: str, said: str
) -> None:
    utterance = kokoro.prepare(Lexicon([known]).pronounce(text, "en-US"), "af_sky", 1.0, True)
    kokoro.render([utterance])
    assert " ".join(word.text for word in utterance.take_words()) == text
    G2P().phonemes(said, "a")
    ours, expected = heard
    assert ours == expected


def test_each_voice_has_a_revision_of_its_own_that_stays(kokoro: Engine, kokoro_weights: KokoroWeights) -> None:
    revisions = {voice.name: kokoro.revision(voice.name) for voice in kokoro.voices()}
    assert len(set(revisions.values())) == len(revisions)
    assert all(revision.startswith(kokoro_weights.revision) for revision in revisions.values())
    assert kokoro.revision("af_sky") == revisions["af_sky"]
    assert kokoro.revision("nobody") not in revisions.values()
