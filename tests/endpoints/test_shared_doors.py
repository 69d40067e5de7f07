"""Doors that share telephone calls: two services, a real Redis, and a real HAProxy where one matters."""

from __future__ import annotations

import contextlib
import itertools
import queue
import shutil
import signal
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from telephony.engines.tone import ToneEngine
from telephony.listeners import shared_calls
from telephony.listeners.call_directory import CallDirectory
from telephony.protocols import telephone
from telephony.service import Service, StartError
from tests.clients import (
    AudioProcessor,
    Daemon,
    EventLog,
    TextHost,
    Throttle,
    chunk_ids,
    datagram,
    figure,
    free_port,
    joined,
    tone,
    tone_samples,
    until,
    wait_figure,
)
from tests.conftest import StartService
from tests.haproxy import DoorPorts, Haproxy
from tests.redis_server import RedisServer

SECRET = "only doors know it"
LONG = "x" * 200
"""A segment of ten seconds, 50 windows of 0.2 s."""

StartDoor = Callable[..., Service]


@pytest.fixture
def door(service: StartService, redis_server: RedisServer) -> StartDoor:
    """Starts a door, with an engine of its own if a test has to script it."""
    started: list[Service] = []

    def start(engine: ToneEngine | None = None) -> Service:
        new = service(
            engine,
            shared_calls=True,
            redis_url=redis_server.url,
            redis_secret=SECRET,
            balancers="127.0.0.0/8",
            stream=True,
            http_port=0,
            audiosocket_port=0,
            max_first_audio_s=0.0,
        )
        started.append(new)
        wait_listening(redis_server, len(started))
        return new

    return start


def wait_listening(redis_server: RedisServer, doors: int) -> None:
    """Until so many doors hear what others forward to them."""
    with redis_server.client() as client:
        until(lambda: len(client.pubsub_channels("telephone:door:*")) == doors)


@pytest.fixture
def doors(door: StartDoor) -> tuple[Service, Service]:
    return door(), door()


@contextlib.contextmanager
def balanced(*ports: DoorPorts, directory: Path) -> Iterator[Haproxy]:
    """HAProxy in front of doors, ready."""
    if shutil.which("haproxy") is None:
        pytest.skip("haproxy is not installed (Debian: apt-get install haproxy)")
    with Haproxy(ports, directory) as balancer:
        until(lambda: accepts(balancer.http_port) or balancer.process.poll() is not None)
        assert balancer.process.poll() is None, "it has ended: a line of its configuration is wrong"
        yield balancer


@pytest.fixture
def balancer(doors: tuple[Service, Service], tmp_path: Path) -> Iterator[Haproxy]:
    with balanced(*map(DoorPorts.of, doors), directory=tmp_path) as ready:
        yield ready


def accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Host(TextHost):
    """A telephone host whose connection comes through a balancer that says where it is."""

    def __init__(self, door: Service, call_id: str, address: str = "127.0.0.1") -> None:
        super().__init__(door.tcp_port)
        self.send(f"PROXY TCP4 {address} 127.0.0.1 40000 8090\r\n".encode())
        self.hello(call_id)


def owner(doors: tuple[Service, Service], call_id: str, host: str = "127.0.0.1") -> Service:
    """The only door that knows a call, once one does."""
    until(lambda: sum(each.calls.find(call_id, host) is not None for each in doors) == 1)
    return next(each for each in doors if each.calls.find(call_id, host))


def other(doors: tuple[Service, Service], one: Service) -> Service:
    return doors[1] if one is doors[0] else doors[0]


def wait_no_jobs(*doors: Service) -> None:
    """Until a claim of each has been answered: then all that was asked before it was."""
    for each in doors:
        assert each._shared_calls is not None
        answered = threading.Event()
        each._shared_calls._jobs.put(answered.set)
        assert answered.wait(20.0)


@contextlib.contextmanager
def held_up(door: Service) -> Iterator[queue.SimpleQueue[Callable[[], None]]]:
    """What a door asks Redis waits meanwhile, as a name service can make it. Yields the questions that wait."""
    assert door._shared_calls is not None
    jobs, begun, ended = door._shared_calls._jobs, threading.Event(), threading.Event()

    def wait() -> None:
        begun.set()
        ended.wait(20.0)

    jobs.put(wait)
    assert begun.wait(20.0)
    try:
        yield jobs
    finally:
        ended.set()


def assert_rising(ids: list[int]) -> None:
    assert all(earlier < later for earlier, later in itertools.pairwise(ids)), ids


# Through HAProxy


@pytest.mark.alone  # on a busy machine a door may miss the balancer's checks, and its calls move
def test_a_call_lands_at_the_same_door_each_time_and_calls_are_divided(
    doors: tuple[Service, Service], balancer: Haproxy, events: EventLog
) -> None:
    homes: dict[str, set[int]] = {}
    for turn in range(3):
        for call_id in map(str, range(15)):  # an odd number: taking turns would show
            with TextHost(balancer.text_port, call_id) as host:
                homes.setdefault(call_id, set()).add(owner(doors, call_id).tcp_port)
                host.bye()
                assert host.read_to_end() == []
            events.wait("disconnected", turn + 1, call=call_id)
    assert {len(ports) for ports in homes.values()} == {1}
    assert len(set.union(*homes.values())) == 2


def test_bytes_that_are_no_hello_reach_no_door(doors: tuple[Service, Service], balancer: Haproxy) -> None:
    with TextHost(balancer.text_port) as stranger:
        stranger.send(b"GET / HTTP/1.1\r\n\r\n")
        assert stranger.read_to_end() == []
    assert [figure(each, "tts_connections_total") for each in doors] == [0, 0]


@pytest.mark.parametrize("before_hello", [False, True])
def test_a_registration_at_the_other_door_leads_to_the_processor(
    doors: tuple[Service, Service], balancer: Haproxy, events: EventLog, before_hello: bool
) -> None:
    with AudioProcessor() as processor:
        with TextHost(balancer.text_port, processor.call_id) as host:  # to learn which door it is that gets the call
            home = owner(doors, processor.call_id)
            host.bye()
            assert host.read_to_end() == []
        events.wait("disconnected")
        if before_hello:
            datagram(other(doors, home), f"REGISTER:{processor.call_id}")
            events.wait("datagram_offered", answer="kept")
        with TextHost(balancer.text_port, processor.call_id) as host:
            events.wait("connected", 2)
            if not before_hello:
                datagram(other(doors, home), f"REGISTER:{processor.call_id}")
            events.wait("processor_connected")
            host.say("Over there.")
            np.testing.assert_array_equal(
                joined(processor.wait_samples(tone_samples("Over there."))), tone("Over there.")
            )
            assert owner(doors, processor.call_id) is home
            host.assert_silent()


def test_two_hosts_may_use_the_same_call_id(
    doors: tuple[Service, Service], balancer: Haproxy, events: EventLog
) -> None:
    with contextlib.ExitStack() as stack:
        ours = stack.enter_context(AudioProcessor())
        call_id = ours.call_id
        theirs = stack.enter_context(AudioProcessor(call_id=call_id, address="127.0.0.2"))
        our_host = stack.enter_context(TextHost(balancer.text_port, call_id))
        their_host = stack.enter_context(TextHost(balancer.text_port, call_id, address="127.0.0.2"))
        home = owner(doors, call_id)
        assert owner(doors, call_id, "127.0.0.2") is home, "the same bytes, the same door"
        datagram(home, f"REGISTER:{call_id}")
        datagram(other(doors, home), f"REGISTER:{call_id}", "127.0.0.2")
        events.wait("processor_connected", 2)
        our_host.say("We speak here.")
        their_host.say("They speak.")
        np.testing.assert_array_equal(joined(ours.wait_samples(tone_samples("We speak here."))), tone("We speak here."))
        np.testing.assert_array_equal(joined(theirs.wait_samples(tone_samples("They speak."))), tone("They speak."))
        datagram(other(doors, home), f"BYE:{call_id}", "127.0.0.2")
        theirs.wait(lambda each: each.receptions[0].ended)
        our_host.say("And we go on.")
        count = tone_samples("We speak here.") + tone_samples("And we go on.")
        ours.wait_samples(count)
        assert not ours.receptions[0].ended


def test_asterisk_and_the_texts_for_its_call_come_to_the_same_door(
    doors: tuple[Service, Service], balancer: Haproxy, events: EventLog
) -> None:
    calls = [uuid.uuid4() for _ in range(8)]
    with contextlib.ExitStack() as stack, httpx.Client() as client:
        for call_id in calls:
            pbx = stack.enter_context(socket.create_connection(("127.0.0.1", balancer.audiosocket_port)))
            pbx.sendall(b"\x01\x00\x10" + call_id.bytes)
            events.wait("connected", door="audiosocket", call=str(call_id))
            url = f"http://127.0.0.1:{balancer.http_port}/calls/{call_id}"
            assert client.get(url).json()["state"] == "connected"
            assert client.get(url.replace(str(call_id), str(call_id).upper())).json()["state"] == "connected"
        assert sum(figure(each, "tts_active_sessions", door="audiosocket") for each in doors) == len(calls)


# At the wrong door


def test_cancel_and_goodbye_at_the_wrong_door(door: StartDoor, events: EventLog) -> None:
    throttle = Throttle()
    home, away = door(ToneEngine(on_render=throttle)), door()
    with AudioProcessor() as processor, Host(home, processor.call_id) as host:
        events.wait("connected")
        datagram(away, f"REGISTER:{processor.call_id}")
        events.wait("processor_connected")
        host.say(LONG)
        throttle.allow(2)
        processor.wait(lambda each: len(each.frames) == 2)
        datagram(away, f"CANCEL:{processor.call_id}")
        assert events.wait("call_interrupted")["known"]
        throttle.open()
        host.say("Now this.")
        count = tone_samples("Now this.")
        processor.wait(lambda each: each.sample_count >= count + 2 * 4800)
        np.testing.assert_array_equal(joined(processor.frames)[-count:], tone("Now this."))
        assert processor.sample_count < tone_samples(LONG) / 2
        datagram(away, f"BYE:{processor.call_id}")
        processor.wait(lambda each: each.receptions[0].ended)
    # Where Redis was asked before it knew of HELLO, the registration has waited there.
    registered = events.wait("datagram_offered")["answer"]
    assert registered in ("forwarded", "kept")
    forwarded = 3 if registered == "forwarded" else 2
    wait_figure(away, "tts_shared_datagrams_total", lambda count: count == forwarded, what="forwarded")
    assert figure(home, "tts_shared_datagrams_total", what="received") == forwarded


def test_without_an_owner_a_registration_waits_and_a_goodbye_ends_that(door: StartDoor, events: EventLog) -> None:
    home, away = door(), door()
    with AudioProcessor() as processor:
        call_id = processor.call_id
        datagram(away, f"REGISTER:{call_id}")
        events.wait("datagram_offered", answer="kept")
        datagram(away, f"BYE:{call_id}")
        events.wait("datagram_offered", answer="ownerless")
        with Host(home, call_id) as host:
            host.say("Nobody has registered.")
            assert host.read_frame().chunk_id == 1
        assert processor.receptions == []


def test_registrations_that_wait_are_bounded(
    door: StartDoor, events: EventLog, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_calls, "MAX_PENDING", 3)
    away = door()
    for number in range(5):
        datagram(away, f"REGISTER:{number}")
    events.wait("datagram_offered", 3, answer="kept")
    events.wait("datagram_offered", 2, answer="ownerless")
    with redis_server.client() as client:
        kept = client.keys("telephone:call:*")
        assert isinstance(kept, list)
        assert len(kept) == 3
        assert all(0 < client.pttl(key) <= 30_000 for key in kept)


def test_a_stranger_in_redis_forges_no_datagram(door: StartDoor, events: EventLog, redis_server: RedisServer) -> None:
    home = door()
    stranger = CallDirectory(redis_server.url, "a guess")
    with contextlib.closing(stranger), Host(home, "7") as host, redis_server.client() as client:
        events.wait("connected")
        wait_no_jobs(home)
        assert stranger.offer("127.0.0.1", telephone.Goodbye("7"), keep=False) == "forwarded"
        channels = client.pubsub_channels("telephone:door:*")
        assert [client.publish(channel, b"127.0.0.1\nBYE:7") for channel in channels] == [1]
        friend = CallDirectory(redis_server.url, SECRET)
        with contextlib.closing(friend):  # behind them in the same channel
            assert friend.offer("127.0.0.1", telephone.Cancel("7"), keep=False) == "forwarded"
        events.wait("call_interrupted")
        assert figure(home, "tts_shared_datagrams_total", what="received") == 1
        assert figure(home, "tts_shared_datagrams_total", what="refused") == 2
        host.say("Still here.")
        assert host.read_frame().chunk_id == 1


@pytest.mark.parametrize("at_its_door", [True, False])
def test_a_stranger_in_redis_repeats_no_datagram(
    door: StartDoor, events: EventLog, redis_server: RedisServer, at_its_door: bool
) -> None:
    home, away = door(), door()
    with redis_server.client() as client, client.pubsub() as stranger:  # type: ignore[no-untyped-call]
        stranger.psubscribe("telephone:door:*")
        assert stranger.get_message(timeout=20.0) is not None  # it has subscribed
        with Host(home, "7"):
            events.wait("connected")
            wait_no_jobs(home)
            datagram(away, "BYE:7")
            events.wait("call_ended")
        events.wait("disconnected")
        heard = stranger.get_message(timeout=20.0)
        assert heard is not None
        with Host(home, "7") as host:
            events.wait("connected", 2)
            wait_no_jobs(home)
            channels = [heard["channel"]] if at_its_door else client.pubsub_channels("telephone:door:*")
            for channel in channels:
                client.publish(channel, heard["data"])
            wait_figure(home, "tts_shared_datagrams_total", lambda count: count == len(channels), what="refused")
            host.say("Still here.")
            assert host.read_frame().chunk_id == 1
    assert len(events.found("call_ended")) == 1


# Calls that move


def test_a_call_that_moves_takes_its_processor_along_and_its_chunk_ids_rise(
    door: StartDoor, events: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_calls, "RENEWAL_S", 600.0)  # the door that takes a call tells the other one
    first, second = door(), door()
    with AudioProcessor() as processor, Host(first, processor.call_id) as before:
        call_id = processor.call_id
        events.wait("connected")
        datagram(first, f"REGISTER:{call_id}")
        events.wait("processor_connected")
        before.say("First.")
        processor.wait_samples(tone_samples("First."))
        with Host(second, call_id) as after:
            assert before.read_to_end() == []
            events.wait("call_left", call=call_id)
            processor.wait(lambda each: len(each.receptions) == 2 and each.receptions[0].closed)
            after.say("Second.")
            processor.wait_samples(tone_samples("First.") + tone_samples("Second."))
            assert owner((first, second), call_id) is second
            with Host(first, call_id) as again:
                processor.wait(lambda each: len(each.receptions) == 3 and each.receptions[1].closed)
                again.say("Third.")
                frames = processor.wait_samples(sum(map(tone_samples, ("First.", "Second.", "Third."))))
                events.wait("call_left", 2, call=call_id)
        assert_rising(chunk_ids(frames))
        assert chunk_ids(frames)[0] == 1
        assert chunk_ids(frames)[-1] >= 2 * 65_536
        assert not any(reception.ended for reception in processor.receptions)
    moved = [figure(each, "tts_shared_calls_moved_total", where="here") for each in (first, second)]
    assert moved == [1, 1]


def test_a_host_that_comes_back_is_not_cut_off_by_what_was_before(door: StartDoor, events: EventLog) -> None:
    first, second = door(), door()
    with contextlib.ExitStack() as stack, AudioProcessor() as processor:
        call_id = processor.call_id
        stack.enter_context(Host(first, call_id))
        events.wait("connected")
        datagram(first, f"REGISTER:{call_id}")
        events.wait("processor_connected")
        wait_no_jobs(first)
        with held_up(first) as questions:
            stack.enter_context(Host(second, call_id))
            events.wait("call_taken_over")
            until(lambda: not questions.empty())  # the first door has been told
            back = stack.enter_context(Host(first, call_id))
            events.wait("connected", 3)
        events.wait("call_taken_over", 2)
        back.say("Back again.")
        processor.wait_samples(tone_samples("Back again."))
        assert_rising(chunk_ids(processor.frames))
        assert owner((first, second), call_id) is first


def test_a_door_that_stops_leaves_its_calls_to_the_other(
    door: StartDoor, events: EventLog, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_calls, "RENEWAL_S", 600.0)  # the door that stops tells how far it is
    first, second = door(), door()
    with AudioProcessor() as processor, contextlib.ExitStack() as stack:
        call_id = processor.call_id
        host = stack.enter_context(Host(first, call_id))
        events.wait("connected")
        datagram(second, f"REGISTER:{call_id}")
        events.wait("processor_connected")
        host.say("Before.")
        processor.wait_samples(tone_samples("Before."))
        first.stop()
        first.stop = lambda: None  # type: ignore[method-assign]  # the fixture's turn comes
        assert host.read_to_end() == []
        processor.wait(lambda each: each.receptions[0].closed)
        assert not processor.receptions[0].ended
        with redis_server.client() as client:
            last = client.hget(f"telephone:call:127.0.0.1/{call_id}", "chunk")
        assert last == b"%d" % processor.frames[-1].chunk_id
        host = stack.enter_context(Host(second, call_id))
        host.say("After.")
        assert_rising(chunk_ids(processor.wait_samples(tone_samples("Before.") + tone_samples("After."))))


@pytest.mark.slow
def test_after_a_kill_the_host_finds_the_other_door(redis_server: RedisServer, tmp_path: Path) -> None:
    ports = [DoorPorts(free_port(), free_port(), free_port()) for _ in range(2)]
    with contextlib.ExitStack() as stack:
        daemons = [
            stack.enter_context(
                Daemon(
                    *("--engine", "tone", "--piper", "external", "--request-log", "none", "--udp-port", "0"),
                    *("--tcp-port", str(port.text), "--http-port", str(port.http)),
                    *("--shared-calls", "--redis-url", redis_server.url, "--balancers", "127.0.0.1", "--stream"),
                    environment={"KOKORO_REDIS_SECRET": SECRET},
                )
            )
            for port in ports
        ]
        for daemon in daemons:
            daemon.wait_ready()
        balancer = stack.enter_context(balanced(*ports, directory=tmp_path))
        processor = stack.enter_context(AudioProcessor())
        host = stack.enter_context(TextHost(balancer.text_port, processor.call_id))
        until(lambda: any("event=connected " in line for daemon in daemons for line in daemon.stderr))
        (home,) = [daemon for daemon in daemons if any("event=connected " in line for line in daemon.stderr)]
        away = next(daemon for daemon in daemons if daemon is not home)
        udp_port = int(away.wait_line(r"registration on 127\.0\.0\.1:(\d+)/udp").group(1))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(f"REGISTER:{processor.call_id}".encode(), ("127.0.0.1", udp_port))
        home.wait_line(r"event=processor_connected ")
        host.say("Before.")
        processor.wait_samples(tone_samples("Before."))
        home.terminate(signal.SIGKILL)
        assert host.read_to_end() == []
        host = stack.enter_context(TextHost(balancer.text_port, processor.call_id))
        away.wait_line(r"event=call_taken_over ")
        away.wait_line(r"event=processor_connected ")
        host.say("After.")
        frames = processor.wait_samples(tone_samples("Before.") + tone_samples("After."))
        assert_rising(chunk_ids(frames))
        away.terminate()
        assert away.wait_exit() == 0


# Without Redis


@pytest.mark.slow
def test_without_redis_each_door_goes_on_with_its_own_calls(
    door: StartDoor, events: EventLog, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_calls, "RETRY_S", 0.05)
    monkeypatch.setattr(shared_calls, "RENEWAL_S", 0.05)
    home, away = door(), door()
    with contextlib.ExitStack() as stack:
        old, new = (stack.enter_context(AudioProcessor()) for _ in range(2))
        host = stack.enter_context(Host(home, old.call_id))
        events.wait("connected")
        redis_server.kill()
        events.wait("shared_calls_unreachable")
        datagram(home, f"REGISTER:{old.call_id}")
        events.wait("processor_connected", call=old.call_id)
        host.say("It goes on.")
        old.wait_samples(tone_samples("It goes on."))
        datagram(home, f"CANCEL:{old.call_id}")
        assert events.wait("call_interrupted")["known"]
        # A new call: its registration comes first, then its host; its ids are beyond all that may have been.
        datagram(home, f"REGISTER:{new.call_id}")
        events.wait("datagram_offered", call=new.call_id, answer="kept")
        guest = stack.enter_context(Host(home, new.call_id))
        events.wait("processor_connected", call=new.call_id)
        guest.say("A new one.")
        frames = new.wait_samples(tone_samples("A new one."))
        assert frames[0].chunk_id > 2**31
        datagram(away, f"CANCEL:{new.call_id}")
        events.wait("datagram_offered", call=new.call_id, answer="dropped")
        # A registration that BYE has ended waits no more; CANCEL ends none.
        for call_id, datagrams in (("gone", ("REGISTER", "BYE")), ("there", ("REGISTER", "CANCEL"))):
            for verb in datagrams:
                datagram(home, f"{verb}:{call_id}")
            events.wait("datagram_offered", call=call_id, answer="dropped")
            stack.enter_context(Host(home, call_id))
            events.wait("connected", call=call_id)
        events.wait("registered", call="there")
        assert not events.found("registered", call="gone")
        assert figure(home, "tts_shared_calls_errors_total") > 0
        # Redis comes back, and knows nothing: the doors tell it, and the other one forwards again.
        redis_server.start()
        events.wait("shared_calls_reachable")
        wait_listening(redis_server, 2)
        with redis_server.client() as client:
            until(
                lambda: client.hget(f"telephone:call:127.0.0.1/{new.call_id}", "chunk") == b"%d" % frames[-1].chunk_id
            )
        datagram(away, f"BYE:{new.call_id}")
        new.wait(lambda each: each.receptions[0].ended)
        successor = stack.enter_context(Host(away, old.call_id))
        old.wait(lambda each: len(each.receptions) == 2)
        successor.say("Moved.")
        frames = old.wait_samples(tone_samples("It goes on.") + tone_samples("Moved."))
        assert_rising(chunk_ids(frames))


def test_a_redis_that_freezes_holds_up_no_call(door: StartDoor, events: EventLog, redis_server: RedisServer) -> None:
    home = door()
    with Host(home, "1") as host, contextlib.ExitStack() as stack:
        events.wait("connected")
        wait_no_jobs(home)
        redis_server.signal(signal.SIGSTOP)
        stack.callback(redis_server.signal, signal.SIGCONT)
        begun = time.monotonic()
        host.say("Nothing is held up.")
        assert host.read_frame().chunk_id == 1
        newcomers = [stack.enter_context(Host(home, str(call))) for call in range(2, 12)]
        for newcomer in newcomers:
            newcomer.say("Nor is a newcomer.")
            assert newcomer.read_frame().chunk_id > 2**31
        assert time.monotonic() - begun < 10.0  # each waiting for Redis alone would be longer, and Redis still hangs
        events.wait("shared_calls_unreachable")


def test_a_hello_that_gets_no_answer_goes_on(door: StartDoor) -> None:
    home = door()
    with held_up(home), Host(home, "7") as host:
        host.say("It has waited long enough.")
        assert host.read_frame().chunk_id > 2**31


# What is not shared


def test_sharing_needs_a_redis_and_a_secret(service: StartService) -> None:
    incomplete: list[dict[str, Any]] = [{}, {"redis_url": "redis://127.0.0.1:1/0"}, {"redis_secret": "alone"}]
    for settings in incomplete:
        with pytest.raises(StartError, match=r"--shared-calls needs a --redis-url, and KOKORO_REDIS_SECRET"):
            service(shared_calls=True, **settings)


def test_a_balancer_has_to_say_whose_connection_it_is(service: StartService, events: EventLog) -> None:
    door = service(balancers="127.0.0.2,127.0.0.3/32", stream=True)
    with TextHost(door.tcp_port, "7") as plain:
        events.wait("connected", call="7")
        plain.say("No balancer, no line.")
        assert plain.read_frame().chunk_id == 1
    with TextHost(door.tcp_port, "8", address="127.0.0.3") as silent:
        assert silent.read_to_end() == []
    assert figure(door, "tts_wire_errors_total") == 1
    with TextHost(door.tcp_port, address="127.0.0.2") as balancer:
        for byte in b"PROXY TCP4 10.1.2.3 10.0.0.1 40000 8090\r\n\0\0\0\x019":
            balancer.send(bytes([byte]))
        events.wait("connected", call="9")
