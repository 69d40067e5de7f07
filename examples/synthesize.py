"""`POST /synthesize`: raw float32, as it is spoken. python examples/synthesize.py [text] [file.wav]"""

import json
import os
import sys
import time
import urllib.request

import numpy as np
import soundfile

URL = f"http://127.0.0.1:{os.environ.get('KOKORO_HTTP_PORT', '8000')}/synthesize"
HEADERS = {"Content-Type": "application/json", "X-API-Key": os.environ.get("API_KEY", "")}


def main(text: str = "Hello. How can I help you today?", path: str = "synthesize.wav") -> None:
    body = json.dumps({"text": text, "voice": "af_sky", "speed": 1.0}).encode()
    audio = b""
    started = time.monotonic()
    with urllib.request.urlopen(urllib.request.Request(URL, body, HEADERS)) as answer:
        while piece := answer.read1():  # what is there, instead of waiting for the end
            if not audio:
                print(f"first audio after {time.monotonic() - started:.3f} s")
            audio += piece
        sample_rate = int(answer.headers["X-Sample-Rate"])
    soundfile.write(path, np.frombuffer(audio, "<f4"), sample_rate)


main(*sys.argv[1:])
