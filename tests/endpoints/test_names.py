"""Names of voices and models where Open WebUI looks for them, with a key and without one."""

from __future__ import annotations

import httpx
import pytest

from telephony.endpoints.openai import MODELS
from tests.clients import TIMEOUT_S
from tests.conftest import StartService


@pytest.mark.parametrize(("path", "some"), [("voices", "af_sky"), ("models", MODELS[0])])
def test_names_are_shown_without_a_key_only_where_that_is_asked_for(
    service: StartService, path: str, some: str
) -> None:
    for settings, keyless in (({}, 200), ({"api_key": "k"}, 401), ({"api_key": "k", "open_names": True}, 200)):
        door = service(http_port=0, **settings)
        url = f"http://127.0.0.1:{door.http_port}/v1/audio/{path}"
        assert httpx.get(url, timeout=TIMEOUT_S).status_code == keyless
        named = httpx.get(url, headers={"X-API-Key": "k"}, timeout=TIMEOUT_S).json()
        assert list(named) == [path]
        assert {"id": some, "name": some} in named[path]
        assert all(set(each) == {"id", "name"} for each in named[path])


def test_what_needs_no_key_keeps_all_other_rules(service: StartService) -> None:
    door = service(http_port=0, api_key="k", open_names=True, requests_per_minute=2)
    url = f"http://127.0.0.1:{door.http_port}/v1"
    foreign = httpx.get(f"{url}/audio/voices", headers={"Origin": "https://elsewhere.example"}, timeout=TIMEOUT_S)
    assert foreign.status_code == 403
    assert httpx.get(f"{url}/voices", timeout=TIMEOUT_S).status_code == 401
    assert [httpx.get(f"{url}/audio/voices", timeout=TIMEOUT_S).status_code for _ in range(2)] == [200, 429]
