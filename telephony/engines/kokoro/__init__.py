"""The Kokoro-82M engine: weights, text to phonemes, model and streaming vocoder."""
