"""Makes engines by name. Each engine's packages are imported only when its model is loaded."""

from __future__ import annotations

import importlib.util
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import structlog

from telephony.engines.base import Engine, Loadable, SynthesisError, UnknownVoiceError
from telephony.engines.blends import BlendFile
from telephony.engines.tone import ToneEngine
from telephony.settings import Settings
from telephony.telemetry.progress import Progress

log = structlog.get_logger()

# What Kokoro's start consists of: its weights, torch, and what `model.load` says.
_STEPS = 4


PACED_TONE_WINDOW_S = 0.8
"""Where the tone engine takes its time, its windows are about as long as Kokoro's."""


class EngineUnavailableError(RuntimeError):
    """An engine cannot be loaded. The message says why and what to do."""


class InvalidSettingError(EngineUnavailableError):
    """An engine cannot be loaded as it is set: trying again does not help."""


def load_main(settings: Settings) -> Engine:
    """The engine that speaks unless the database says otherwise: Kokoro, warm, Supertonic, or the tone engine.

    Where Supertonic is wanted and cannot be had, that is Kokoro.

    Raises:
        InvalidSettingError: the voice is unknown.
        EngineUnavailableError: weights or packages are missing.
    """
    named_blends = BlendFile(settings.blends_path).recipes
    if settings.engine == "tone":
        factor = settings.tone_realtime_factor
        tone = (
            ToneEngine(named_blends=named_blends, realtime_factor=factor, max_batch=1, window_s=PACED_TONE_WINDOW_S)
            if factor
            else ToneEngine(named_blends=named_blends)
        )
        try:
            tone.find_voice(settings.voice)
        except UnknownVoiceError as error:
            raise InvalidSettingError(str(error)) from None
        return tone
    if settings.engine == "supertonic":
        try:
            engine = load_supertonic(settings)
            warm_up(engine)
            return engine
        except EngineUnavailableError as error:
            log.error("engine_unavailable", engine="supertonic", error=str(error), effect="Kokoro speaks")
    from telephony.engines.kokoro.weights import WeightsError
    from telephony.engines.kokoro.weights_process import prepare_weights

    progress = Progress(_STEPS)
    progress.step("weights")
    try:
        weights = prepare_weights(settings.cache_dir, settings.weights_dir, settings.log_level, settings.log_format)
    except WeightsError as error:
        raise EngineUnavailableError(str(error).replace("\n", "; ")) from error
    progress.step("torch")
    try:
        from telephony.engines.kokoro import model
    except ImportError as error:
        raise EngineUnavailableError(f"package {error.name} is missing: install the requirements again") from None
    try:
        model.use_threads(settings.threads)
        device = model.choose_device(settings.device)
        model.limit_memory(device, settings.gpu_memory_fraction)

        def load() -> model.KokoroEngine:
            own = weights.with_own(settings.kokoro_voices)
            return model.load(own, settings.cache_dir, device, settings.voice, named_blends, begins=progress.step)

        # OpenMP has a pool of threads for each thread that has computed, until that one ends; with more of them than
        # processors it hardly spins at its barriers: the prosody of 4 s took 180 ms, not 125, beside the main thread's.
        with ThreadPoolExecutor(1, "load") as thread:
            engine = thread.submit(load).result()
    except UnknownVoiceError as error:
        raise InvalidSettingError(str(error)) from error
    except SynthesisError as error:
        raise EngineUnavailableError(str(error).replace("\n", "; ")) from error
    except Exception as error:  # damaged or foreign weights, out of memory, a broken package: all end the start alike
        why = find_damage(settings) or f"Kokoro cannot be loaded: {type(error).__name__}: {error}"
        raise EngineUnavailableError(why) from error
    log.info(
        "engine_loaded",
        engine=engine.name,
        device=str(engine.device),
        precision=engine.precision,
        weights=weights.source,
        took_s=progress.elapsed_s,
    )
    return engine


def find_damage(settings: Settings) -> str | None:
    """What is wrong with the files of the main engine, and what to do; None if nothing is. Reads all of them."""
    if settings.engine == "tone":
        return None
    from telephony.engines.kokoro.weights import WeightsError, find_weights, verify_weights

    try:
        weights = find_weights(settings.cache_dir, settings.weights_dir)
        if weights is not None:
            verify_weights(weights)
    except (WeightsError, OSError) as error:
        return str(error)
    return None


def load_supertonic(settings: Settings) -> Engine:
    """The Supertonic engine, whose model is loaded when it is needed. Fetches its weights if that is asked for.

    Raises:
        EngineUnavailableError: the package is missing, or the weights are missing or broken.
    """
    from telephony.engines import supertonic

    _require("supertonic", "supertonic")
    weights_dir = settings.supertonic_dir or settings.cache_dir / supertonic.MODEL
    wanted = settings.supertonic == "fetch" or settings.engine == "supertonic"
    try:
        if settings.supertonic_dir is None and wanted and not supertonic.has_weights(weights_dir):
            log.info("weights_fetching", engine="supertonic", to=str(weights_dir))
            supertonic.fetch_weights(weights_dir)
        use_cuda = settings.device in ("auto", "cuda")
        engine = supertonic.SupertonicEngine(
            weights_dir, settings.supertonic_steps, use_cuda=use_cuda, threads=settings.threads
        )
    except SynthesisError as error:
        raise EngineUnavailableError(str(error).replace("\n", "; ")) from error
    log.info("engine_found", engine=engine.name, voices=len(engine.voices()))
    return engine


def load_piper(
    model_path: Path | None, voices_dir: Path | None = None, max_loaded: int = 4, config_path: Path | None = None
) -> Engine:
    """The Piper engine with a voice file, or with the installed voice for None, and with those of a directory.

    `config_path` describes the voice file, if the description is not beside it.
    Voices are loaded when they are needed.

    Raises:
        EngineUnavailableError: package or voice are missing, or what describes the voice is broken.
    """
    from telephony.engines import piper

    _require("piper", "piper-tts")
    try:
        engine = piper.PiperEngine(model_path, voices_dir, max_loaded, config_path)
    except SynthesisError as error:
        raise EngineUnavailableError(str(error)) from error
    log.info("engine_found", engine=engine.name, voice=engine.voices()[0].name, voices=len(engine.voices()))
    return engine


def warm_up(engine: Engine) -> None:
    """Loads the model of an engine that would load it with its first text. Takes seconds; any thread.

    Raises:
        EngineUnavailableError: it cannot be loaded.
    """
    if not isinstance(engine, Loadable):
        return
    try:
        engine.load()
    except SynthesisError as error:
        raise EngineUnavailableError(str(error)) from error


def _require(module: str, package: str) -> None:
    """Raises EngineUnavailableError where a package is not installed; imports nothing."""
    if importlib.util.find_spec(module) is None:
        raise EngineUnavailableError(f"package {package} is missing: install the requirements again")
