"""Kokoro for phone calls as the voice of a Pipecat pipeline."""

from .tts import DEFAULT_URL, SAMPLE_RATES, KokoroWebsocketTTSService, KokoroWebsocketTTSSettings

__all__ = ["DEFAULT_URL", "SAMPLE_RATES", "KokoroWebsocketTTSService", "KokoroWebsocketTTSSettings"]
