"""The telephone's processor route: text on TCP 8090, its audio on a port that a call's audio processor registers.

python examples/telephone_processor.py [text] [file.wav] [call number]
"""

import os
import socket
import struct
import sys
import time

import numpy as np
import soundfile

SERVICE = "127.0.0.1"
TEXT_PORT = int(os.environ.get("KOKORO_TCP_PORT", "8090"))
REGISTRATION_PORT = int(os.environ.get("KOKORO_UDP_PORT", "13001"))


def frame(text: str) -> bytes:
    """HELLO or a text, as the text connection carries it."""
    return struct.pack(">I", len(text.encode())) + text.encode()


def main(text: str = "Hello. How can I help you today?", path: str = "processor.wav", call: str = "7") -> None:
    with (
        socket.create_server(("127.0.0.1", 9002 + int(call))) as processor,
        socket.create_connection((SERVICE, TEXT_PORT)) as host,
    ):
        host.sendall(frame(call))  # HELLO: shared doors connect to the processor of a call that has begun
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as registration:
            registration.sendto(f"REGISTER:{call}".encode(), (SERVICE, REGISTRATION_PORT))
        processor.settimeout(10)
        audio, _ = processor.accept()  # before the text is sent, or that may be answered on its own connection
        with audio, audio.makefile("rb") as stream:
            hello = stream.read(int.from_bytes(stream.read(4), "big"))
            assert hello.decode() == call, "the audio of another call"
            started = time.monotonic()
            host.sendall(frame(text) + b"\xff\xff\xff\xff")  # BYE: nothing more to say
            samples = b""
            while any(header := struct.unpack(">III", stream.read(12))):  # zeros are the end of the call
                if not samples:
                    print(f"first audio after {time.monotonic() - started:.3f} s")
                size_bytes, sample_rate, _ = header
                samples += stream.read(size_bytes)
    soundfile.write(path, np.frombuffer(samples, "<f4"), sample_rate)


main(*sys.argv[1:])
