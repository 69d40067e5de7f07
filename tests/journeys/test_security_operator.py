"""The security-minded operator: no door is open by mistake, keys are asked for, and nothing is written down."""

from __future__ import annotations

import json
from collections.abc import Callable

import httpx
import pytest
from websockets.exceptions import ConnectionClosedError
from websockets.sync.client import connect

from tests.journeys.checkout import Checkout, command, first_audio_s

pytestmark = pytest.mark.slow

KEY = "a-key-of-32-characters-for-agents"
SECRET = "Your PIN is four seven one one."
# The door is the point here, not the voice.
TONE = {"KOKORO_ENGINE": "tone"}


def test_security_operator(checkout: Checkout, first_sound: Callable[[float], None]) -> None:
    start = command("README.md", "./start-kokoro.sh")
    open_door = checkout.run(start, KOKORO_HTTP_HOST="0.0.0.0", **TONE)
    assert open_door.returncode == 2
    assert open_door.stdout == ""
    assert open_door.stderr.splitlines()[-1].startswith("error: --http-host '0.0.0.0' ")

    log = checkout.root / "requests.log"
    cache = checkout.root / "cache"
    own = {"API_KEY": KEY, "KOKORO_REQUEST_LOG": str(log), "KOKORO_CACHE_DIR": str(cache), **TONE}
    with checkout.start(start, KOKORO_HTTP_HOST="0.0.0.0", KOKORO_PHRASE_MEMORY_MB="8", **own) as daemon:
        daemon.wait_ready()
        with httpx.Client(base_url=f"http://127.0.0.1:{checkout.http_port}") as client:
            speech = {"text": SECRET}
            bearer = {"Authorization": f"Bearer {KEY}"}
            assert client.get("/readyz").status_code == 200
            for refused in (client.post("/synthesize", json=speech), client.get("/metrics"), client.get("/v1/voices")):
                assert refused.status_code == 401
            wrong = client.post("/synthesize", json=speech, headers={"Authorization": "Bearer wrong"})
            assert wrong.status_code == 401
            site = client.post("/synthesize", json=speech, headers={**bearer, "Origin": "https://hostile.example"})
            assert site.status_code == 403
            assert client.post("/synthesize", json=speech, headers=bearer).status_code == 200
        with (
            connect(f"ws://127.0.0.1:{checkout.http_port}/ws/tts", proxy=None) as stranger,
            pytest.raises(ConnectionClosedError) as closed,
        ):
            stranger.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1008

        say = command("README.md", "telephony.say")
        stranger_says = checkout.run(f"{say} --voice af_sky")
        assert (stranger_says.returncode, "API_KEY" in stranger_says.stderr) == (1, True)
        said = checkout.run(f"{say} --voice af_sky", API_KEY=KEY)
        assert said.returncode == 0, said.stderr
        first_sound(first_audio_s(said.stdout))
        daemon.terminate()
        assert daemon.wait_exit() == 0
    written = "\n".join([*daemon.stdout, *daemon.stderr, log.read_text(encoding="utf-8")])
    requests = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    # Of what comes slowly through a WebSocket, each part may be a request.
    assert {request["door"] for request in requests} == {"gateway", "livekit"}
    assert not any(word in written for word in ("PIN", "hear me", KEY))
    assert not [path for path in cache.rglob("*") if path.is_file()]
