"""The sentence WebSocket: each sentence answered under its own id. python examples/sentences.py [text] [file.wav]"""

import json
import os
import re
import sys
import time
import wave

from websockets.sync.client import connect

URL = f"ws://127.0.0.1:{os.environ.get('KOKORO_HTTP_PORT', '8000')}/v1/audio/speech/stream/ws"
HEADERS = {"X-API-Key": os.environ.get("API_KEY", "")}


def main(text: str = "Hello there. How can I help you today?", path: str = "sentences.wav") -> None:
    sentences = re.split(r"(?<=[.?!]) ", text)
    audio = b""
    with connect(URL, additional_headers=HEADERS) as socket:
        socket.send(json.dumps({"type": "start", "voice": "female", "format": "pcm", "sample_rate": 16_000}))
        started = time.monotonic()
        for number, sentence in enumerate(sentences):  # all at once: the service speaks them in this order
            socket.send(json.dumps({"type": "speak", "request_id": str(number), "text": sentence}))
        ended = 0
        while ended < len(sentences):
            message = socket.recv()
            if isinstance(message, bytes):  # of the request of the last started_speak
                if not audio:
                    print(f"first audio after {time.monotonic() - started:.3f} s")
                audio += message
            elif (event := json.loads(message))["type"] == "error":
                sys.exit(event["message"])
            elif event["type"] == "done":
                print(f"{sentences[int(event['request_id'])]!r} took {event['duration_s']:.2f} s")
                ended += 1
        socket.send(json.dumps({"type": "stop"}))
    with wave.open(path, "wb") as wav:
        wav.setparams((1, 2, 16_000, 0, "NONE", ""))
        wav.writeframes(audio)


main(*sys.argv[1:])
