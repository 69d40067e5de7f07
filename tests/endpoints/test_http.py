"""The HTTP door as a whole: health, figures, what a defect answers, connections that say nothing, start and end."""

from __future__ import annotations

import contextlib
import fcntl
import math
import socket
import sys
import termios
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from telephony import __version__
from telephony.endpoints import http, websocket_server
from telephony.engines import gpu
from telephony.engines.base import Engine
from telephony.engines.tone import ToneEngine
from telephony.service import Service, StartError
from telephony.settings import Settings
from telephony.voices.selector import Loaders
from tests.clients import TIMEOUT_S, EventLog, TextHost, Throttle, figure, until, wait_figure
from tests.conftest import StartService
from tests.doors import open_stub_door

READY_PATHS = ("/health/ready", "/health/startup", "/readyz")
LIVE_PATHS = ("/health/live", "/healthz")


@pytest.fixture(autouse=True)
def _stub_door(monkeypatch: pytest.MonkeyPatch) -> None:
    open_stub_door(monkeypatch)


def get(door: Service, path: str, **options: Any) -> httpx.Response:
    return httpx.get(f"http://127.0.0.1:{door.http_port}{path}", timeout=TIMEOUT_S, **options)


def dial(door: Service, path: str) -> Any:
    return connect(f"ws://127.0.0.1:{door.http_port}{path}", open_timeout=TIMEOUT_S)


# What all answers have in common


@pytest.mark.parametrize("path", ["/", "/readyz", "/healthz", "/metrics", "/v1/voices", "/v1/status", "/openapi.json"])
def test_head_is_answered_where_get_is(service: StartService, path: str) -> None:
    url = f"http://127.0.0.1:{service(http_port=0).http_port}{path}"
    head, whole = httpx.head(url, timeout=TIMEOUT_S), httpx.get(url, timeout=TIMEOUT_S)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["Content-Type"] == whole.headers["Content-Type"]
    assert whole.content


def test_head_of_what_is_only_posted_is_405(service: StartService) -> None:
    url = f"http://127.0.0.1:{service(http_port=0).http_port}/v1/audio/speech"
    assert httpx.head(url, timeout=TIMEOUT_S).status_code == 405


@pytest.mark.parametrize("path", ["/", "/readyz", "/v1/voices", "/nowhere", "/stub/fail"])
def test_no_answer_may_be_taken_for_another_type(service: StartService, path: str) -> None:
    assert get(service(http_port=0), path).headers.get_list("X-Content-Type-Options") == ["nosniff"]


def test_what_is_no_request_is_answered_with_a_type_too(service: StartService) -> None:
    with socket.create_connection(("127.0.0.1", service(http_port=0).http_port), timeout=TIMEOUT_S) as client:
        client.sendall(b"This is no HTTP.\r\n\r\n")
        assert b"\r\nx-content-type-options: nosniff\r\n" in client.recv(1000).lower()


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
def test_no_page_needs_scripts_from_elsewhere(service: StartService, path: str) -> None:
    assert get(service(http_port=0), path).status_code == 404


# Health


@pytest.mark.parametrize("path", LIVE_PATHS)
def test_it_lives(service: StartService, path: str) -> None:
    answer = get(service(http_port=0), path)
    assert answer.status_code == 200
    assert answer.json() == {"status": "alive", "version": __version__}


@pytest.mark.parametrize("path", READY_PATHS)
def test_it_is_ready_and_says_who_speaks_where(service: StartService, path: str) -> None:
    answer = get(service(http_port=0), path)
    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ready",
        "engine": "tone",
        "device": "cpu",
        "voice": "af_sky",
        "stalled": [],
        "version": __version__,
    }


def test_while_the_engine_loads_it_lives_but_is_not_ready(events: EventLog) -> None:
    seen: dict[str, httpx.Response] = {}

    def load() -> Engine:
        seen.update({path: get(door, path) for path in (*LIVE_PATHS, *READY_PATHS)})
        return ToneEngine()

    settings = Settings(tcp_port=0, udp_port=0, http_port=0, request_log=None, phrase_cache_mb=0)
    door = Service(settings, Loaders(load, lambda path: ToneEngine()))
    door.start()
    try:
        assert {path: answer.status_code for path, answer in seen.items()} == {
            **dict.fromkeys(LIVE_PATHS, 200),
            **dict.fromkeys(READY_PATHS, 503),
        }
        assert seen["/readyz"].json()["status"] == "starting"
        assert seen["/readyz"].json()["engine"] is None
        assert get(door, "/readyz").status_code == 200
    finally:
        door.stop()


def test_while_it_stops_it_lives_but_is_not_ready(service: StartService, events: EventLog) -> None:
    throttle = Throttle()
    door = service(ToneEngine(on_render=throttle), http_port=0)
    with TextHost(door.tcp_port, "1") as host:
        host.say("Not heard to its end yet.")
        throttle.wait_asked(1)
        stopper = threading.Thread(target=door.stop)
        stopper.start()
        events.wait("stopping")
        answer = get(door, "/readyz")
        alive = get(door, "/healthz")
        throttle.open()
        stopper.join()
    assert (answer.status_code, answer.json()["status"]) == (503, "stopping")
    assert alive.status_code == 200


# Figures


def samples(door: Service) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    answer = get(door, "/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_prometheus_can_read_the_figures(service: StartService) -> None:
    door = service(http_port=0)
    with TextHost(door.tcp_port, "1") as host:
        host.say("Hello.")
        host.read_frame()
    wait_figure(door, "tts_queue_depth", lambda depth: depth == 0)
    found = samples(door)
    labels = (("door", "telephone"), ("engine", "tone"))
    assert found["tts_time_to_first_audio_seconds_count", labels] == 1
    assert found["tts_realtime_factor_count", labels] == 1
    bounds = [dict(each)["le"] for name, each in found if name == "tts_time_to_first_audio_seconds_bucket"]
    assert (bounds[0], bounds[-2:]) == ("0.025", ["10.0", "+Inf"])
    assert found["tts_queue_depth", ()] == 0
    assert found["tts_gpu_utilization_percent", ()] == 0  # none is in use


@pytest.mark.model
def test_the_real_engine_says_where_it_runs_and_is_measured(service: StartService, kokoro: Engine) -> None:
    door = service(kokoro, http_port=0)
    state = get(door, "/readyz").json()
    assert (state["status"], state["engine"], state["device"], state["voice"]) == (
        "ready",
        "kokoro",
        str(kokoro.device),
        "af_sky",
    )
    body = {"model": "kokoro", "input": "Hello there.", "voice": "af_sky", "response_format": "pcm"}
    answer = httpx.post(f"http://127.0.0.1:{door.http_port}/v1/audio/speech", json=body, timeout=60.0)
    assert answer.status_code == 200
    found = samples(door)
    labels = (("door", "openai"), ("engine", "kokoro"))
    assert found["tts_time_to_first_audio_seconds_count", labels] == 1
    assert found["tts_time_to_first_audio_seconds_sum", labels] > 0
    assert found["tts_realtime_factor_count", labels] == 1


def test_the_use_of_the_gpu_is_a_figure_where_it_is_known(
    service: StartService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpu, "utilization_percent", lambda: 42.0)
    assert samples(service(http_port=0))["tts_gpu_utilization_percent", ()] == 42.0


@pytest.mark.parametrize(
    ("initialised", "answer", "percent"),
    [(True, lambda: 73, 73.0), (True, None, math.nan), (False, lambda: 73, 0.0)],
)
def test_the_gpu_is_asked_only_where_it_is_in_use(
    monkeypatch: pytest.MonkeyPatch, initialised: bool, answer: Callable[[], int] | None, percent: float
) -> None:
    class Cuda:
        @staticmethod
        def is_initialized() -> bool:
            return initialised

        @staticmethod
        def utilization() -> int:
            if answer is None:
                raise ModuleNotFoundError("nvidia-ml-py does not seem to be installed")
            return answer()

    class Torch:
        cuda = Cuda

    monkeypatch.setitem(sys.modules, "torch", Torch)
    assert gpu.utilization_percent() == pytest.approx(percent, nan_ok=True)


def test_requests_are_counted_by_door_and_status(service: StartService) -> None:
    door = service(http_port=0)
    for path in ("/healthz", "/healthz", "/readyz", "/nowhere", "/stub", "/stub/fail"):
        get(door, path)
    get(door, "/metrics")
    found = samples(door)
    counted = {
        tuple(dict(labels).values()): count
        for (name, labels), count in found.items()
        if name == "tts_http_requests_total"
    }
    assert counted == {
        ("health", "200"): 3,
        ("none", "404"): 1,
        ("gateway", "405"): 1,
        ("gateway", "500"): 1,
        ("metrics", "200"): 1,
    }


def test_websockets_are_counted_by_door(service: StartService) -> None:
    door = service(http_port=0)
    with dial(door, "/stub/ws"), dial(door, "/stub/ws"):
        assert figure(door, "tts_websockets_open", door="gateway") == 2
    wait_figure(door, "tts_websockets_open", lambda count: count == 0, door="gateway")
    assert figure(door, "tts_websocket_connections_total", door="gateway") == 2


def test_a_websocket_where_there_is_no_door_is_refused(service: StartService) -> None:
    with pytest.raises(InvalidStatus) as refused:
        dial(service(http_port=0), "/nowhere")
    assert refused.value.response.status_code == 404


# Ids


def test_every_answer_has_an_id(service: StartService) -> None:
    door = service(http_port=0)
    ids = [get(door, path).headers["X-Request-ID"] for path in ("/healthz", "/nowhere")]
    assert len({uuid.UUID(each) for each in ids}) == 2


@pytest.mark.parametrize(("wanted", "kept"), [("call-7:1.b_C", True), ("a b", False), ("x" * 129, False), ("", False)])
def test_a_client_may_name_its_request(service: StartService, wanted: str, kept: bool) -> None:
    answer = get(service(http_port=0), "/healthz", headers={"X-Request-ID": wanted})
    assert (answer.headers["X-Request-ID"] == wanted) is kept


# Defects


def test_a_defect_is_answered_with_an_id_and_logged_once_without_what_was_said(
    service: StartService, events: EventLog, caplog: pytest.LogCaptureFixture
) -> None:
    door = service(http_port=0)
    answer = get(door, "/stub/fail?text=secret")
    assert answer.status_code == 500
    assert answer.json() == {"detail": "internal error", "request_id": answer.headers["X-Request-ID"]}
    event = events.wait("request_failed")
    assert (event["level"], event["door"], event["error"]) == ("error", "gateway", "KeyError")
    assert event["request_id"] == answer.headers["X-Request-ID"]
    assert "in fail" in event["trace"]
    assert "secret" not in repr(event)
    get(door, "/healthz")
    assert len(events.found("request_failed")) == 1
    assert caplog.records == []


def test_an_answer_that_breaks_off_is_not_taken_for_whole(service: StartService, events: EventLog) -> None:
    door = service(http_port=0)
    with pytest.raises(httpx.RemoteProtocolError):
        get(door, "/stub/break?text=secret")
    assert "secret" not in repr(events.wait("request_failed"))


def test_a_defect_on_a_websocket_closes_it_with_1011(service: StartService, events: EventLog) -> None:
    with dial(service(http_port=0), "/stub/ws/fail") as connection:
        connection.send("secret")
        with pytest.raises(ConnectionClosed) as closed:
            connection.recv(TIMEOUT_S)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1011
    event = events.wait("request_failed")
    assert event["error"] == "KeyError"
    assert "secret" not in repr(event)


# Connections


def raw(door: Service, data: bytes) -> bytes:
    """All that is answered to these bytes until the service closes the connection."""
    with socket.create_connection(("127.0.0.1", door.http_port or 0), TIMEOUT_S) as connection:
        answer = b""
        try:
            connection.sendall(data)
            while received := connection.recv(65_536):
                answer += received
        except ConnectionResetError:
            pass  # what was not read yet is answered with a reset
        return answer


@pytest.mark.parametrize("data", [b"", b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: "])
def test_a_connection_without_a_whole_request_is_cut(service: StartService, data: bytes) -> None:
    assert raw(service(http_port=0, hello_timeout_s=0.2), data) == b""


def test_a_body_that_does_not_come_is_408(service: StartService) -> None:
    door = service(http_port=0, hello_timeout_s=0.2)
    head = b"POST /stub HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n"
    assert raw(door, head + b'{"text": ').startswith(b"HTTP/1.1 408 ")


def test_an_answer_may_take_longer_than_the_request(service: StartService) -> None:
    throttle = Throttle()
    door = service(ToneEngine(on_render=throttle), http_port=0, hello_timeout_s=0.2)
    answers: list[httpx.Response] = []
    body = {"model": "tts-1", "input": "Hello.", "voice": "tone", "response_format": "pcm"}

    def ask() -> None:
        answers.append(httpx.post(f"http://127.0.0.1:{door.http_port}/v1/audio/speech", json=body, timeout=TIMEOUT_S))

    asking = threading.Thread(target=ask)
    asking.start()
    throttle.wait_asked(1)
    assert raw(door, b"") == b""  # it came later, and its time is over
    throttle.open()
    asking.join()
    assert [answer.status_code for answer in answers] == [200]


def test_a_connection_that_has_been_served_is_cut_as_well(service: StartService) -> None:
    door = service(http_port=0, hello_timeout_s=0.2)
    answer = raw(door, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 ")


def test_a_websocket_is_not_cut_for_saying_nothing(service: StartService) -> None:
    door = service(http_port=0, hello_timeout_s=0.2)
    with dial(door, "/stub/ws") as connection:
        assert raw(door, b"") == b""  # it came later, and its time is over
        connection.send("Still there?")
        assert connection.recv(TIMEOUT_S) == "Still there?"


@contextlib.contextmanager
def raw_websocket(door: Service) -> Iterator[socket.socket]:
    """A WebSocket that takes little without reading, of which nothing but the handshake was read."""
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(TIMEOUT_S)
        client.connect(("127.0.0.1", door.http_port or 0))
        client.sendall(
            b"GET /stub/ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += client.recv(1)
        yield client


def test_pings_of_a_client_that_never_reads_are_not_kept(service: StartService) -> None:
    door = service(http_port=0)
    with raw_websocket(door) as client:
        assert door._http_endpoint is not None
        [connection] = door._http_endpoint._server.server_state.connections
        transport = connection.transport
        for number in range(16_000):
            client.sendall(b"\x89\xfd" + bytes(4) + b"%0125d" % number)
        descriptor = transport.get_extra_info("socket").fileno()
        until(lambda: not any(fcntl.ioctl(descriptor, termios.FIONREAD, bytes(4))))  # all of it was read
        assert transport.get_write_buffer_size() < 100_000
        answers = b""
        while b"%0125d" % number not in answers[-1000:]:
            received = client.recv(65_536)
            assert received, "the connection was closed"
            answers += received


def test_fragments_of_a_message_are_bounded_in_number(service: StartService) -> None:
    first, middle, last = (bytes([head, 0x80]) + bytes(4) for head in (0x01, 0x00, 0x80))
    with raw_websocket(service(http_port=0)) as client:
        client.sendall(first + middle * (websocket_server.MAX_FRAGMENTS - 2) + last)
        assert client.recv(100) == b"\x81\x00"  # the empty message comes back
        client.sendall(first + middle * websocket_server.MAX_FRAGMENTS)
        answer = b""
        with contextlib.suppress(ConnectionResetError):  # by what was sent and not read any more
            while received := client.recv(100):
                answer += received
    assert answer[2:].startswith(b"\x03\xf0a message has at most")


def test_the_head_of_a_request_is_bounded(service: StartService) -> None:
    head = b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + b"X-Long: " + b"x" * 1000
    answer = raw(service(http_port=0), head + b"x" * 1_000_000)
    assert not answer or answer.startswith(b"HTTP/1.1 400 ")  # cut long before its time is over
    assert raw(service(http_port=0), head + b"\r\nConnection: close\r\n\r\n").startswith(b"HTTP/1.1 200 ")


def test_what_is_no_http_is_answered_and_cut(service: StartService) -> None:
    assert raw(service(http_port=0), b"\x00\x00\x00\x01A\r\n\r\n").startswith(b"HTTP/1.1 400 ")


def test_connections_that_say_nothing_are_bounded_in_number(
    service: StartService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "_SPARE_CONNECTIONS", 1)
    door = service(http_port=0, max_http_connections=1)
    assert door.http_port is not None
    silent = [socket.create_connection(("127.0.0.1", door.http_port), TIMEOUT_S) for _ in range(2)]
    try:
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            get(door, "/healthz")
    finally:
        for connection in silent:
            connection.close()


# Start and end


def test_http_port_in_use_is_one_line(events: EventLog) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        settings = Settings(tcp_port=0, udp_port=0, http_port=port, request_log=None, phrase_cache_mb=0)
        with pytest.raises(StartError, match=f"port {port} .HTTP.") as raised:
            Service(settings, Loaders(ToneEngine, lambda path: ToneEngine())).start()
    assert "\n" not in str(raised.value)
    assert "--http-port" in str(raised.value)


def test_the_port_is_free_after_stopping_with_connections_open(service: StartService) -> None:
    door = service(http_port=0)
    port = door.http_port
    assert port is not None
    with dial(door, "/stub/ws") as connection, httpx.Client() as client:
        assert client.get(f"http://127.0.0.1:{port}/healthz").status_code == 200
        door.stop()
        with pytest.raises(ConnectionClosed):
            connection.recv(TIMEOUT_S)
        with socket.create_server(("127.0.0.1", port)):
            pass


def test_the_ready_line_names_the_http_port(service: StartService) -> None:
    door = service(http_port=0)
    assert f"HTTP and WebSocket on 127.0.0.1:{door.http_port}" in door.describe()


def test_http_is_served_on_an_ipv6_address(service: StartService, tmp_path: Path) -> None:
    if not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    door = service(http_port=0, http_host="::1")
    assert httpx.get(f"http://[::1]:{door.http_port}/healthz").status_code == 200
