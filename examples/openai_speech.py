"""OpenAI's SDK, with this service in the place of OpenAI's. python examples/openai_speech.py [text] [file.wav]"""

import os
import sys
import time
import wave

from openai import OpenAI

URL = f"http://127.0.0.1:{os.environ.get('KOKORO_HTTP_PORT', '8000')}/v1"


def main(text: str = "Hello. How can I help you today?", path: str = "openai.wav") -> None:
    client = OpenAI(base_url=URL, api_key=os.environ.get("API_KEY", "none"))
    audio = b""
    started = time.monotonic()
    with client.audio.speech.with_streaming_response.create(
        model="kokoro", voice="af_sky", input=text, response_format="pcm"
    ) as answer:
        for piece in answer.iter_bytes():  # 16-bit PCM, 24,000 Hz
            if not audio:
                print(f"first audio after {time.monotonic() - started:.3f} s")
            audio += piece
    with wave.open(path, "wb") as wav:
        wav.setparams((1, 2, 24_000, 0, "NONE", ""))
        wav.writeframes(audio)


main(*sys.argv[1:])
