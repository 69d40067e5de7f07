"""The page behind a real nginx and a real Caddy, as docs/deployment.md has them configured."""

from __future__ import annotations

import base64
import shutil
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.browser import Open, ready
from tests.clients import TIMEOUT_S, tone_samples
from tests.conftest import StartService
from tests.reverse_proxies import NAMES, PREFIX, documented, reverse_proxy

pytestmark = pytest.mark.slow

KEY = "correct horse"
# What somebody writes who has read no document: WebSockets work, and Host is nginx's own.
DEFAULT_NGINX = """
location / {
    proxy_pass http://127.0.0.1:8000;
    proxy_http_version 1.1;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection "upgrade";
}
"""


def skip_without(name: str) -> None:
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed (on Debian: apt-get install {name})")


@pytest.mark.parametrize("prefix", [True, False], ids=["under a prefix, TLS, key", "alone, plain, no key"])
@pytest.mark.parametrize("name", NAMES)
def test_the_page_speaks_behind_a_proxy(
    service: StartService, visit: Open, tmp_path: Path, name: str, prefix: bool
) -> None:
    skip_without(name)
    settings: dict[str, Any] = {"api_key": KEY, "root_path": PREFIX} if prefix else {}
    door = service(http_port=0, **settings)
    with reverse_proxy(name, documented(name), door.http_port, tmp_path, prefix=prefix, tls=prefix) as proxy:
        new = visit(door, errors_expected=prefix, url=proxy.url, ignore_https_errors=True)
        if prefix:
            new.page.get_by_label("API key").fill(KEY)
            new.page.get_by_label("API key").press("Enter")
        ready(new).speak("Hello.")
        new.wait_state("finished")
        assert new.measured("samplesPlayed") == tone_samples("Hello.")
        for title in ("Session WebSocket", "OpenAI speech"):
            new.page.get_by_role("button", name=f"Test {title}").click()
            new.page.get_by_role("status").filter(has_text=f"{title}: Answered").wait_for()
        new.page.locator('[data-name="session"] summary').click()
        snippet = new.page.locator('[data-name="session"] pre', has_text="service_url")
        assert f"{proxy.url.replace('http', 'ws', 1)}ws/tts" in str(snippet.text_content())
        with new.page.expect_download() as download:
            new.page.get_by_role("button", name="Save MP3").click()
        assert Path(download.value.path()).stat().st_size > 500
        if prefix:
            bare = httpx.get(proxy.url.rstrip("/"), verify=False, timeout=TIMEOUT_S)
            assert bare.status_code in (301, 302, 308)
            headers = {"Authorization": f"Bearer {KEY}"}
            described = httpx.get(f"{proxy.url}openapi.json", headers=headers, verify=False, timeout=TIMEOUT_S)
            assert described.json()["servers"] == [{"url": PREFIX}]
        new.page.close()
    log = proxy.access_log.read_text()
    assert "/v1/audio/speech/stream/ws" in log
    assert "horse" not in log
    assert base64.b64encode(KEY.encode()).decode().rstrip("=") not in log
    assert "api_key" not in log


def test_a_proxy_that_hides_the_host_is_named_as_the_cause_and_the_key_stays(
    service: StartService, visit: Open, tmp_path: Path
) -> None:
    skip_without("nginx")
    door = service(http_port=0, api_key=KEY)
    with reverse_proxy("nginx", DEFAULT_NGINX, door.http_port, tmp_path, prefix=False, tls=False) as proxy:
        new = visit(door, errors_expected=True, url=proxy.url)
        new.page.get_by_label("API key").fill(KEY)
        new.page.get_by_label("API key").press("Enter")
        ready(new).speak("Hello.")
        new.wait_state("failed")
        assert "The service says: origin refused: 'http://127.0.0.1" in new.text("#failure")
        assert "--allowed-origins" in new.text("#failure")
        assert new.page.get_by_label("API key").is_hidden()
        assert new.page.evaluate("sessionStorage.getItem('api-key')") == KEY
        new.page.close()
