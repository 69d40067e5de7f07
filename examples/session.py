"""`/ws/tts`: speaks the tokens of a language model while they come. python examples/session.py [text] [file.wav]"""

import asyncio
import json
import os
import sys
import time
import wave

from websockets.asyncio.client import ClientConnection, connect

URL = f"ws://127.0.0.1:{os.environ.get('KOKORO_HTTP_PORT', '8000')}/ws/tts"
HEADERS = {"X-API-Key": os.environ.get("API_KEY", "")}


async def send(socket: ClientConnection, text: str) -> None:
    for token in text.split(" "):  # yours come from a model; cut them anywhere, the service makes sentences of them
        await socket.send(json.dumps({"type": "send_text", "text": token + " "}))
    await socket.send(json.dumps({"type": "end_session"}))


async def main(text: str = "Hello. How can I help you today?", path: str = "session.wav") -> None:
    async with connect(URL, additional_headers=HEADERS) as socket:
        await socket.send(json.dumps({"type": "start_session", "config": {"voice": "af_sky", "speed": 1.0}}))
        started, sending, audio = time.monotonic(), asyncio.create_task(send(socket, text)), b""
        async for message in socket:
            if isinstance(message, bytes):  # 16-bit PCM, 24,000 Hz, 20 ms; {"type": "cancel"} would silence it
                if not audio:
                    print(f"first audio after {time.monotonic() - started:.3f} s")
                audio += message
            elif (event := json.loads(message))["type"] == "error":
                sys.exit(event["message"])
            elif event["type"] == "session_ended":
                break
        await sending
    with wave.open(path, "wb") as wav:
        wav.setparams((1, 2, 24_000, 0, "NONE", ""))
        wav.writeframes(audio)


asyncio.run(main(*sys.argv[1:]))
