"""Kokoro for phone calls as the voice of a LiveKit agent."""

from .tts import DEFAULT_URL, SAMPLE_RATE, SUPERTONIC_VOICES, KokoroTTS, SupertonicTTS

__all__ = ["DEFAULT_URL", "SAMPLE_RATE", "SUPERTONIC_VOICES", "KokoroTTS", "SupertonicTTS"]
