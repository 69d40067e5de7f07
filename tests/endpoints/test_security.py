"""Who may use the HTTP and WebSocket doors: keys, origins, rates, sizes and numbers; nothing private in an answer."""

from __future__ import annotations

import hmac
import json
import socket
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from telephony.endpoints import security
from telephony.endpoints.keys import Keys
from telephony.endpoints.security import Hosts, Origins, Rates, is_loopback
from telephony.endpoints.tickets import LIFETIME_S, MAX_TICKETS, Tickets
from telephony.engines.tone import ToneEngine
from telephony.service import Service, StartError
from telephony.settings import Settings
from telephony.tools import check
from telephony.voices.selector import Loaders
from tests.clients import TIMEOUT_S, EventLog, figure, wait_figure
from tests.conftest import StartService
from tests.doors import open_stub_door

SECRET = "My card number is 4929, and some more."
KEY = "correct horse"


@pytest.fixture(autouse=True)
def _stub_door(monkeypatch: pytest.MonkeyPatch) -> None:
    open_stub_door(monkeypatch)


def url(door: Service, path: str = "/stub") -> str:
    return f"http://127.0.0.1:{door.http_port}{path}"


def post(door: Service, headers: dict[str, str] | None = None, text: str = "Hello.") -> httpx.Response:
    return httpx.post(url(door), json={"text": text}, headers=headers, timeout=TIMEOUT_S)


def dial(
    door: Service, path: str = "/stub/ws", headers: dict[str, str] | None = None, **options: Any
) -> AbstractContextManager[ClientConnection]:
    connection: AbstractContextManager[ClientConnection] = connect(
        f"ws://127.0.0.1:{door.http_port}{path}", additional_headers=headers, open_timeout=TIMEOUT_S, **options
    )
    return connection


def refused(
    door: Service, path: str = "/stub/ws", headers: dict[str, str] | None = None, **options: Any
) -> tuple[list[Any], int]:
    """What a WebSocket hears that is refused: messages, and the code it is closed with."""
    with dial(door, path, headers, **options) as socket:
        messages = []
        try:
            while True:
                messages.append(json.loads(socket.recv(TIMEOUT_S)))
        except ConnectionClosed as closed:
            assert closed.rcvd is not None
            return messages, closed.rcvd.code


def echo(socket: ClientConnection) -> bool:
    socket.send("Are you there?")
    return socket.recv(TIMEOUT_S) == "Are you there?"


# Keys


def test_without_a_key_the_doors_are_open(service: StartService) -> None:
    door = service(http_port=0)
    assert post(door).status_code == 200
    with dial(door) as socket:
        assert echo(socket)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-API-Key": "wrong"},
        {"X-API-Key": KEY + ","},
        {"Authorization": f"Bearer {KEY}x"},
        {"Authorization": f"Basic {KEY}"},
        {"Authorization": KEY},
    ],
)
def test_http_without_a_valid_key_is_401(service: StartService, headers: dict[str, str]) -> None:
    door = service(http_port=0, api_key=f"another, {KEY}")
    answer = post(door, headers)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert "key" in answer.json()["detail"]
    assert figure(door, "tts_requests_refused_total", why="key") == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"X-API-Key": KEY},
        {"Authorization": f"Bearer {KEY}"},
        {"authorization": f"bearer  {KEY}"},
        {"X-API-Key": "another"},
    ],
)
def test_http_with_any_of_the_keys_is_served(service: StartService, headers: dict[str, str]) -> None:
    assert post(service(http_port=0, api_key=f"another, {KEY}"), headers).status_code == 200


def test_http_takes_no_key_from_the_address(service: StartService) -> None:
    # Addresses end up in the logs of proxies.
    door = service(http_port=0, api_key="k")
    assert httpx.post(url(door, "/stub?api_key=k"), json={"text": "x"}).status_code == 401


@pytest.mark.parametrize("path", ["/metrics", "/openapi.json", "/v1/voices", "/v1/models", "/nowhere"])
def test_no_page_is_shown_without_the_key(service: StartService, path: str) -> None:
    door = service(http_port=0, api_key=KEY)
    assert httpx.get(url(door, path)).status_code == 401


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/health/startup", "/healthz", "/readyz"])
def test_health_needs_no_key(service: StartService, path: str) -> None:
    assert httpx.get(url(service(http_port=0, api_key=KEY), path)).status_code == 200


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/stub/ws", {}),
        ("/stub/ws?api_key=wrong", {}),
        ("/stub/ws?api_key=", {}),
        ("/stub/ws", {"X-API-Key": "wrong"}),
        ("/nowhere", {}),
    ],
)
def test_websocket_without_a_valid_key_is_closed_with_1008(
    service: StartService, path: str, headers: dict[str, str]
) -> None:
    door = service(http_port=0, api_key=KEY)
    assert refused(door, path, headers) == ([], 1008)


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/stub/ws?api_key=correct%20horse", {}),
        ("/stub/ws?api_key=wrong&api_key=correct+horse", {}),
        ("/stub/ws", {"X-API-Key": KEY}),
        ("/stub/ws", {"Authorization": f"Bearer {KEY}"}),
    ],
)
def test_websocket_with_the_key_is_served(service: StartService, path: str, headers: dict[str, str]) -> None:
    with dial(service(http_port=0, api_key=KEY), path, headers) as socket:
        assert echo(socket)


def test_a_ticket_opens_one_websocket_in_place_of_the_key(service: StartService) -> None:
    door = service(http_port=0, api_key=KEY)
    assert httpx.post(url(door, "/v1/tickets")).status_code == 401
    answer = httpx.post(url(door, "/v1/tickets"), headers={"Authorization": f"Bearer {KEY}"})
    assert answer.status_code == 200
    path = f"/stub/ws?ticket={answer.json()['ticket']}"
    with dial(door, path) as socket:
        assert echo(socket)
    assert refused(door, path) == ([], 1008)
    assert refused(door, "/stub/ws?ticket=guessed") == ([], 1008)
    ticket = httpx.post(url(door, "/v1/tickets"), headers={"X-API-Key": KEY}).json()["ticket"]
    assert httpx.post(url(door, f"/stub?ticket={ticket}"), json={"text": "x"}).status_code == 401


def test_a_ticket_has_the_rate_of_its_key(service: StartService) -> None:
    door = service(http_port=0, api_key="one,two", requests_per_minute=2)
    ticket = httpx.post(url(door, "/v1/tickets"), headers={"X-API-Key": "two"}).json()["ticket"]
    with dial(door, f"/stub/ws?ticket={ticket}") as socket:
        assert echo(socket)
    assert [post(door, {"X-API-Key": key}).status_code for key in ("one", "two")] == [200, 429]


def test_tickets_end_in_time_and_are_bounded_in_number() -> None:
    clock = Clock()
    tickets = Tickets(clock)
    old, kept = tickets.issue(0), tickets.issue(1)
    clock.now_s += LIFETIME_S - 1
    assert tickets.redeem(old) == 0
    clock.now_s += 1
    assert tickets.redeem(kept) is None
    first, second, *_ = [tickets.issue(3) for _ in range(MAX_TICKETS + 1)]
    assert (tickets.redeem(first), tickets.redeem(second)) == (None, 3)


def test_every_key_is_compared_whichever_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return one == other

    keys = Keys("a, bb ,ccc,")
    monkeypatch.setattr(hmac, "compare_digest", compare)
    for presented, found in ((b"a", 0), (b"bb", 1), (b"ccc", 2), (b"d" * 1000, None), (b"", None)):
        compared.clear()
        assert keys.find(presented) == found
        assert len(compared) == 3
        assert len({len(each) for pair in compared for each in pair}) == 1  # no length is told either


def test_keys_of_commas_only_are_none() -> None:
    assert not Keys(" , ,").required
    assert Keys("").find(b"") is None


# Beyond this machine


@pytest.mark.parametrize(
    ("host", "own"),
    [
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("", False),
        ("10.0.0.1", False),
        ("tts.example.com", False),
    ],
)
def test_what_reaches_beyond_this_machine(host: str, own: bool) -> None:
    assert is_loopback(host) is own


def beyond(**settings: Any) -> Service:
    wanted = Settings(
        tcp_port=0, udp_port=0, http_port=0, http_host="0.0.0.0", request_log=None, phrase_cache_mb=0, **settings
    )
    return Service(wanted, Loaders(ToneEngine, lambda path: ToneEngine()))


@pytest.mark.parametrize("key", ["", " , "])
def test_a_door_for_other_machines_without_a_key_ends_the_start(events: EventLog, key: str) -> None:
    with pytest.raises(StartError, match="API_KEY") as raised:
        beyond(api_key=key).start()
    assert "\n" not in str(raised.value)
    assert "--insecure" in str(raised.value)


def test_a_door_for_other_machines_is_opened_insecurely_with_a_warning(service: StartService, events: EventLog) -> None:
    door = service(http_port=0, http_host="0.0.0.0", insecure=True)
    assert post(door).status_code == 200
    assert events.wait("doors_without_key")["level"] == "warning"


def test_the_telephones_doors_for_other_machines_are_warned_of(service: StartService, events: EventLog) -> None:
    service(host="0.0.0.0")
    (warning,) = events.found("doors_without_key", level="warning", doors="telephone")
    assert warning["host"] == "0.0.0.0"


def test_a_door_for_other_machines_with_a_key_needs_no_warning(service: StartService, events: EventLog) -> None:
    door = service(http_port=0, http_host="0.0.0.0", api_key=KEY)
    assert post(door, {"X-API-Key": KEY}).status_code == 200
    assert events.found("doors_without_key") == []


def test_no_door_needs_no_key(service: StartService, events: EventLog) -> None:
    assert service(http_port=None, http_host="0.0.0.0").http_port is None


@pytest.mark.slow
def test_check_tells_of_a_door_for_other_machines_without_a_key(capsys: pytest.CaptureFixture[str]) -> None:
    check.run(Settings(tcp_port=0, udp_port=0, http_port=0, http_host="0.0.0.0", engine="tone"))
    (row,) = [line for line in capsys.readouterr().out.splitlines() if line.split()[1] == "ports"]
    assert row.startswith("FAIL")
    assert "API_KEY" in row


# Web pages


def test_pages_of_other_sites_are_refused(service: StartService) -> None:
    door = service(http_port=0)
    answer = post(door, {"Origin": "https://evil.example"})
    assert answer.status_code == 403
    assert "access-control-allow-origin" not in answer.headers
    assert refused(door, origin="https://evil.example") == ([], 1008)
    assert figure(door, "tts_requests_refused_total", why="origin") == 2


def test_pages_of_other_sites_are_refused_with_the_key_too(service: StartService) -> None:
    door = service(http_port=0, api_key=KEY)
    assert post(door, {"Origin": "https://evil.example", "X-API-Key": KEY}).status_code == 403


def test_a_preflight_of_other_sites_is_refused(service: StartService) -> None:
    headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    for door in (service(http_port=0), service(http_port=0, allowed_origins="https://good.example")):
        answer = httpx.options(url(door), headers=headers)
        assert answer.status_code in (400, 403)
        assert "access-control-allow-origin" not in answer.headers


def test_the_services_own_pages_are_served(service: StartService) -> None:
    door = service(http_port=0)
    origin = f"http://127.0.0.1:{door.http_port}"
    assert post(door, {"Origin": origin}).status_code == 200
    with dial(door, origin=origin) as socket:
        assert echo(socket)


def test_pages_of_allowed_sites_are_served_and_may_read_the_answer(service: StartService) -> None:
    door = service(http_port=0, allowed_origins="https://good.example, http://localhost:3000/", api_key=KEY)
    for origin in ("https://good.example", "http://localhost:3000"):
        answer = post(door, {"Origin": origin, "X-API-Key": KEY})
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == origin
        with dial(door, f"/stub/ws?api_key={KEY.replace(' ', '+')}", origin=origin) as socket:
            assert echo(socket)


def test_pages_of_allowed_sites_may_read_why_they_are_refused(service: StartService) -> None:
    answer = post(
        service(http_port=0, allowed_origins="https://good.example", api_key=KEY), {"Origin": "https://good.example"}
    )
    assert answer.status_code == 401
    assert answer.headers["access-control-allow-origin"] == "https://good.example"


def test_a_preflight_of_allowed_sites_needs_no_key(service: StartService) -> None:
    door = service(http_port=0, allowed_origins="https://good.example", api_key=KEY)
    answer = httpx.options(
        url(door),
        headers={
            "Origin": "https://good.example",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization, content-type",
        },
    )
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "https://good.example"
    assert "POST" in answer.headers["access-control-allow-methods"]
    assert "authorization" in answer.headers["access-control-allow-headers"]


def test_who_is_refused_is_told_which_origin_it_was(service: StartService) -> None:
    door = service(http_port=0)
    told = "origin refused: 'https://evil.example' is not the service's own: see --allowed-origins"
    assert post(door, {"Origin": "https://evil.example"}).json()["detail"] == told
    for origin, beginning in (("https://evil.example", told), ("https://" + "x" * 200, "origin refused: 'https://xxx")):
        with dial(door, origin=origin) as socket, pytest.raises(ConnectionClosed) as closed:
            socket.recv(TIMEOUT_S)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.reason.startswith(beginning)


# Behind a reverse proxy; the real ones are in test_proxies.py


PUBLIC = {"Origin": "https://tts.example", "X-Forwarded-Host": "tts.example", "X-API-Key": KEY}


def test_a_trusted_proxy_says_for_which_host_a_request_was(service: StartService) -> None:
    assert post(service(http_port=0, api_key=KEY), PUBLIC).status_code == 200
    foreign = service(http_port=0, api_key=KEY, forwarded_allow_ips="10.0.0.0/8")
    assert post(foreign, PUBLIC).status_code == 403


def test_without_a_key_the_host_that_a_proxy_names_has_to_be_listed(service: StartService) -> None:
    assert post(service(http_port=0), PUBLIC).status_code == 403
    assert post(service(http_port=0, allowed_hosts="tts.example"), PUBLIC).status_code == 200
    # A page of a site that was led here can claim to be behind a proxy.
    door = service(http_port=0)
    claim = {"Host": "evil.example", "X-Forwarded-Host": "localhost"}
    assert httpx.get(url(door, "/v1/status"), headers=claim).status_code == 403


def test_behind_a_trusted_proxy_each_client_has_its_own_rate(service: StartService) -> None:
    def served(door: Service, *clients: str) -> list[int]:
        return [post(door, {"X-Forwarded-For": client}).status_code for client in clients]

    assert served(service(http_port=0, requests_per_minute=1), "10.0.0.7", "10.0.0.8", "10.0.0.7") == [200, 200, 429]
    foreign = service(http_port=0, requests_per_minute=1, forwarded_allow_ips="10.0.0.1")
    assert served(foreign, "10.0.0.7", "10.0.0.8") == [200, 429]


def test_the_openapi_description_knows_its_prefix(service: StartService) -> None:
    door = service(http_port=0, root_path="/tts")
    assert httpx.get(url(door, "/openapi.json")).json()["servers"] == [{"url": "/tts"}]
    assert post(door).status_code == 200


@pytest.mark.parametrize(
    ("origin", "host", "allowed"),
    [
        (None, "tts.example", True),
        ("http://127.0.0.1:8000", "127.0.0.1:8000", True),
        ("http://[::1]:8000", "[::1]:8000", True),
        ("http://LOCALHOST:8000", "localhost:8000", True),
        ("http://127.0.0.1:9000", "127.0.0.1:8000", False),
        ("null", "127.0.0.1:8000", False),
        ("", "127.0.0.1:8000", False),
        ("http://[broken", "[broken", False),
        # A hostile site whose name leads to this machine.
        ("http://evil.example:8000", "evil.example:8000", False),
        ("https://good.example", "127.0.0.1:8000", True),
        ("https://GOOD.example", "127.0.0.1:8000", True),
        ("http://good.example", "127.0.0.1:8000", False),
        ("https://good.example.evil.example", "127.0.0.1:8000", False),
    ],
)
def test_which_origins_are_allowed(origin: str | None, host: str, allowed: bool) -> None:
    hosts = Hosts("*", "127.0.0.1", guarded=False)
    assert Origins("https://good.example", hosts.are_own).allow(origin, [host]) is allowed


@pytest.mark.parametrize("hosts", [Hosts("", "0.0.0.0", guarded=True), Hosts("tts.example", "0.0.0.0", guarded=False)])
def test_behind_a_key_or_if_it_is_listed_the_services_own_name_is_trusted(hosts: Hosts) -> None:
    origins = Origins("", hosts.are_own)
    assert origins.allow("https://tts.example", ["127.0.0.1:8000", "tts.example"])
    assert not origins.allow("https://tts.example", ["other.example"])


def test_a_star_allows_every_origin() -> None:
    assert Origins("*", lambda name: False).allow("https://evil.example", ["127.0.0.1:8000"])


# Names: DNS rebinding


@pytest.mark.parametrize("path", ["/v1/status", "/metrics", "/v1/voices", "/calls", "/openapi.json"])
def test_a_name_that_a_hostile_site_has_led_here_reads_nothing(service: StartService, path: str) -> None:
    door = service(http_port=0)
    answer = httpx.get(url(door, path), headers={"Host": f"evil.example:{door.http_port}"})
    assert answer.status_code == 403
    assert "--allowed-hosts" in answer.json()["detail"]
    assert figure(door, "tts_requests_refused_total", why="host") == 1


def test_a_websocket_under_a_foreign_name_is_refused(service: StartService) -> None:
    door = service(http_port=0)
    plain = socket.create_connection(("127.0.0.1", door.http_port or 0), TIMEOUT_S)
    with connect("ws://evil.example/stub/ws", sock=plain) as connection, pytest.raises(ConnectionClosed) as closed:
        connection.recv(TIMEOUT_S)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1008


def test_names_that_are_allowed_and_all_names_behind_a_key_are_served(service: StartService) -> None:
    named = service(http_port=0, allowed_hosts="tts.example, kokoro")
    for host in ("tts.example", "KOKORO:8000", "localhost", "127.0.0.1", "[::1]:8000", "10.0.0.7"):
        assert post(named, {"Host": host}).status_code == 200, host
    assert post(named, {"Host": "other.example"}).status_code == 403
    behind_a_key = service(http_port=0, api_key=KEY)
    assert post(behind_a_key, {"Host": "other.example", "X-API-Key": KEY}).status_code == 200
    both = service(http_port=0, api_key=KEY, allowed_hosts="tts.example")
    assert post(both, {"Host": "other.example", "X-API-Key": KEY}).status_code == 403


def test_health_is_shown_under_any_name(service: StartService) -> None:
    assert httpx.get(url(service(http_port=0), "/healthz"), headers={"Host": "pod.example"}).status_code == 200


@pytest.mark.parametrize(
    ("hosts", "allowed"),
    [
        ([], True),  # a browser always sends one
        (["localhost"], True),
        (["LOCALHOST.:8000"], True),
        (["speech.internal:8000"], True),
        (["[::ffff:127.0.0.1]"], True),
        (["localhost.evil.example"], False),
        (["127.0.0.1.evil.example"], False),
        (["localhost", "evil.example"], False),
        (["[broken"], False),
        ([""], False),
        (["*"], False),
    ],
)
def test_which_names_are_allowed(hosts: list[str], allowed: bool) -> None:
    assert Hosts("", "speech.internal", guarded=False).allow(hosts) is allowed


def test_a_star_allows_every_name() -> None:
    assert Hosts("*", "127.0.0.1", guarded=False).allow(["evil.example"])


# Rates


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def taken(rates: Rates, client: str, times: int) -> Sequence[bool]:
    return [rates.take(client) == 0 for _ in range(times)]


def test_a_client_may_use_its_minute_at_once_and_then_as_it_comes_back() -> None:
    clock = Clock()
    rates = Rates(60, clock)
    assert taken(rates, "a", 61) == [True] * 60 + [False]
    assert rates.take("a") == pytest.approx(1.0)
    clock.now_s += 0.75
    assert rates.take("a") == pytest.approx(0.25)
    clock.now_s += 0.25
    assert taken(rates, "a", 2) == [True, False]
    clock.now_s += 3600
    assert taken(rates, "a", 61) == [True] * 60 + [False]


def test_clients_do_not_use_up_each_others_rate() -> None:
    rates = Rates(1, Clock())
    assert taken(rates, "a", 2) == [True, False]
    assert taken(rates, "b", 2) == [True, False]


def test_0_is_no_limit() -> None:
    assert all(taken(Rates(0, Clock()), "a", 10_000))


def test_rates_of_any_number_of_clients_take_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(security, "_MAX_CLIENTS", 3)
    rates = Rates(1, Clock())
    for number in range(100):
        rates.take(f"{number}")
    assert list(rates._buckets) == ["97", "98", "99"]
    assert rates.take("99") > 0


def test_over_the_rate_http_is_429_with_when_to_try_again(service: StartService) -> None:
    door = service(http_port=0, requests_per_minute=2)
    assert [post(door).status_code for _ in range(2)] == [200, 200]
    answer = post(door)
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["Retry-After"]) <= 30
    assert figure(door, "tts_requests_refused_total", why="rate") == 1


def test_over_the_rate_a_websocket_is_told_busy_and_closed_with_1013(service: StartService) -> None:
    door = service(http_port=0, requests_per_minute=1)
    assert post(door).status_code == 200
    (message,), code = refused(door)
    assert (message["type"], message["code"], code) == ("error", "busy", 1013)
    assert "again" in message["message"]


def test_each_key_has_its_own_rate(service: StartService) -> None:
    door = service(http_port=0, requests_per_minute=1, api_key="one,two")
    assert [post(door, {"X-API-Key": key}).status_code for key in ("one", "one", "two", "two")] == [200, 429, 200, 429]


def test_guessing_keys_has_a_rate(service: StartService) -> None:
    door = service(http_port=0, requests_per_minute=2, api_key=KEY)
    assert [post(door, {"X-API-Key": guess}).status_code for guess in "abc"] == [401, 401, 429]
    assert post(door, {"X-API-Key": KEY}).status_code == 200


def test_health_has_no_rate(service: StartService) -> None:
    door = service(http_port=0, requests_per_minute=1)
    assert {httpx.get(url(door, "/healthz")).status_code for _ in range(5)} == {200}


# Sizes


def chunks(size: int) -> Iterator[bytes]:
    """A body whose length is not told."""
    yield b'{"text": "'
    for _ in range(size // 1000):
        yield b"x" * 1000
    yield b'"}'


def test_a_body_over_the_bound_is_413(service: StartService) -> None:
    door = service(http_port=0, max_message_bytes=10_000)
    answer = post(door, text="x" * 20_000)
    assert answer.status_code == 413
    assert "10000" in answer.json()["detail"]


def test_a_body_over_the_bound_whose_length_is_not_told_is_413(service: StartService) -> None:
    door = service(http_port=0, max_message_bytes=10_000)
    assert httpx.post(url(door), content=chunks(50_000)).status_code == 413
    assert httpx.post(url(door), content=chunks(2_000)).status_code == 422  # read to its end
    assert figure(door, "tts_requests_refused_total", why="size") == 1


def test_a_body_at_the_bound_is_read(service: StartService) -> None:
    body = b'{"text": "Hello."}'
    door = service(http_port=0, max_message_bytes=len(body))
    headers = {"Content-Type": "application/json"}
    assert httpx.post(url(door), content=body, headers=headers).status_code == 200
    assert httpx.post(url(door), content=body + b" ", headers=headers).status_code == 413


def test_a_websocket_message_over_the_bound_closes_it_with_1009(service: StartService) -> None:
    with dial(service(http_port=0, max_message_bytes=1000)) as socket:
        socket.send("x" * 1000)
        assert socket.recv(TIMEOUT_S) == "x" * 1000
        socket.send("x" * 1001)
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(TIMEOUT_S)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1009


# Numbers


def test_over_the_bound_of_connections_requests_are_503_and_websockets_busy(service: StartService) -> None:
    door = service(http_port=0, max_http_connections=2)
    with ExitStack() as stack:
        for socket in [stack.enter_context(dial(door)) for _ in range(2)]:
            assert echo(socket)
        answer = post(door)
        assert answer.status_code == 503
        assert answer.headers["Retry-After"] == "1"
        (message,), code = refused(door)
        assert (message["code"], code) == ("busy", 1013)
        assert httpx.get(url(door, "/healthz")).status_code == 200
        assert figure(door, "tts_requests_refused_total", why="connections") == 2
    wait_figure(door, "tts_websockets_open", lambda count: count == 0, door="gateway")
    assert post(door).status_code == 200


# Privacy


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"text": SECRET}, ["body", "text"]),
        ({"text": [SECRET]}, ["body", "text"]),
        ({"words": SECRET}, ["body", "text"]),
        ([SECRET], ["body"]),
        (SECRET, ["body"]),
    ],
)
def test_a_bad_field_is_named_and_what_was_said_is_not_repeated(
    service: StartService, body: object, field: list[str]
) -> None:
    answer = httpx.post(url(service(http_port=0)), json=body)
    assert answer.status_code == 422
    (problem,) = answer.json()["detail"]
    assert problem["loc"] == field
    assert set(problem) == {"loc", "msg", "type"}
    assert "4929" not in answer.text


def test_broken_json_is_422_and_not_repeated(service: StartService) -> None:
    content = '{"text": "' + SECRET
    answer = httpx.post(url(service(http_port=0)), content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert "4929" not in answer.text
