"""Phrases that are already spoken: never the wrong one, made once, and whatever happens to a store costs no caller."""

from __future__ import annotations

import contextlib
import dataclasses
import http.server
import json
import multiprocessing
import os
import resource
import shutil
import signal
import socket
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from telephony.cache import __main__ as command_line
from telephony.cache import cache as cache_module
from telephony.cache.cache import PhraseCache
from telephony.cache.files import FileStore
from telephony.cache.in_flight import CUT_OFF, PhraseReader, PhraseWriter
from telephony.cache.key import PhraseKey, code_revision, normalised
from telephony.cache.memory import MemoryStore
from telephony.cache.phrase import CorruptError, Phrase, Piece, decode, encode
from telephony.cache.prerender import PhraseRequest, PrerenderError, PrerenderResult, load_requests, prerender
from telephony.cache.redis_store import RedisStore
from telephony.cache.stores import Store, StoreError
from telephony.speech import Samples, Word
from telephony.telemetry.cache_figures import CacheFigures
from tests.clients import EventLog
from tests.conftest import StartService
from tests.redis_server import RedisServer

LONG_S = 20.0
"""Until a test that hangs fails."""
PAUSE_S = 5.0
"""For how long a failing store is left alone."""
MIB = 2**20


def key(text: str = "Please hold the line.", **changes: Any) -> PhraseKey:
    return dataclasses.replace(PhraseKey(text, "tone", "r1", "af_sky", 1.0, "en-US", "streamed", 24_000), **changes)


def samples(count: int, seed: int = 0) -> Samples:
    # Beyond full scale as well, where 16 bits would clip.
    return np.random.default_rng(seed).uniform(-1.2, 1.2, count).astype(np.float32)


def phrase(count: int = 6_000, seed: int = 0, sample_rate: int = 24_000) -> Phrase:
    sound = samples(count, seed)
    words = (Word("Please", 0.0, 0.1), Word("hören „Sie“", 0.1, 0.25))
    return Phrase(sample_rate, (Piece(sound[: count // 3], words), Piece(sound[count // 3 :], (), last=True)))


def sound(pieces: Sequence[Piece]) -> bytes:
    return np.concatenate([piece.samples for piece in pieces]).tobytes()


class Clock:
    """Stands still until a test moves it."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Room:
    """A cache over the given stores, and its figures."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.figures = CacheFigures(self.registry)
        self.clock = Clock()
        self._caches: list[PhraseCache] = []

    def cache(self, *stores: Store) -> PhraseCache:
        cache = PhraseCache(stores, self.figures, self.clock)
        self._caches.append(cache)
        return cache

    def files(self, directory: Path, max_bytes: int = 64 * MIB) -> FileStore:
        return FileStore(directory, max_bytes, self.figures)

    def figure(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(name, labels) or 0.0

    def errors(self, store: str) -> float:
        return self.figure("tts_cache_errors_total", store=store)

    def hits(self, store: str) -> float:
        return self.figure("tts_cache_hits_total", store=store)

    def close(self) -> None:
        for cache in self._caches:
            cache.close()


@pytest.fixture
def room() -> Iterator[Room]:
    room = Room()
    yield room
    room.close()


class Memory:
    """A store that does what a test wants."""

    name = "memory"
    slow_to_fail = False

    def __init__(self, on_get: Callable[[], None] = lambda: None) -> None:
        self.kept: dict[str, bytes] = {}
        self.gets = 0
        self.puts = 0
        self._on_get = on_get

    def get(self, name: str) -> bytes | None:
        self.gets += 1
        self._on_get()
        return self.kept.get(name)

    def put(self, name: str, data: bytes) -> bool:
        self.puts += 1
        self.kept[name] = data
        return True

    def delete(self, name: str) -> None:
        self.kept.pop(name, None)

    def clear(self) -> int:
        count = len(self.kept)
        self.kept.clear()
        return count

    def stats(self) -> Mapping[str, int | str]:
        return {"phrases": len(self.kept)}

    def close(self) -> None:
        pass


class Listener:
    """Hears one phrase."""

    def __init__(self, cache: PhraseCache, wanted: PhraseKey) -> None:
        self._changed = threading.Condition()
        self._changes = 0
        self.heard: list[Piece] = []
        self.reader: PhraseReader = cache.open(wanted, self._on_change)

    def _on_change(self) -> None:
        with self._changed:
            self._changes += 1
            self._changed.notify_all()

    def wait(self, until: Callable[[], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(until, LONG_S)

    def hear(self) -> list[Piece]:
        """Everything that is there now."""
        while (piece := self.reader.next()) is not None:
            self.heard.append(piece)
        return self.heard

    @property
    def ended(self) -> bool:
        self.hear()
        return bool(self.heard) and self.heard[-1].last

    def hear_all(self) -> bytes:
        self.wait(lambda: self.ended)
        return sound(self.heard)

    def claim(self) -> PhraseWriter:
        self.wait(lambda: not self.reader.sought)
        writer = self.reader.claim()
        assert writer is not None
        return writer


# Keys


@pytest.mark.parametrize(
    "change",
    [
        {"text": "Please hold the lime."},
        {"engine": "piper"},
        {"revision": "r2"},
        {"voice": "af_sky*0.6+af_nicole*0.4"},
        {"speed": 1.1},
        {"language": "en-GB"},
        {"form": "exact"},
        {"sample_rate": 8_000},
    ],
    ids=lambda change: next(iter(change)),
)
def test_whatever_changes_the_sound_changes_the_name(change: dict[str, Any]) -> None:
    assert key(**change).name != key().name


def test_a_name_is_the_same_every_time_and_says_nothing_of_the_text() -> None:
    assert key().name == key().name
    prefix, digest = key().name.split(":")
    assert prefix == "tts"
    assert len(bytes.fromhex(digest)) == 32


def test_what_one_field_ends_with_is_not_what_the_next_begins_with() -> None:
    assert key(engine="ab", revision="c").name != key(engine="a", revision="bc").name
    assert key(voice='a", "b', speed=1.0).name != key(voice="a", speed=1.0).name


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  Hello,\t  world. ", "Hello, world."),
        ("One.\r\n\r\n  Two.", "One.\nTwo."),
        ("One \n two", "One\ntwo"),
        ("5\u00a0000 €", "5\u00a0000 €"),
        ("HELLO  World!?  ...", "HELLO World!? ..."),
        ("\n \n", ""),
    ],
)
def test_only_white_space_is_evened_out(text: str, expected: str) -> None:
    assert normalised(text) == expected
    assert normalised(expected) == expected


def test_the_code_s_revision_is_stable() -> None:
    before = code_revision()
    code_revision.cache_clear()
    assert code_revision() == before
    assert len(before) == 16


# The bytes of a phrase


def test_a_phrase_comes_back_to_the_last_bit() -> None:
    original = phrase()
    back = decode(key(), encode(key(), original))
    assert back.sample_rate == original.sample_rate
    assert [piece.samples.tobytes() for piece in back.pieces] == [piece.samples.tobytes() for piece in original.pieces]
    assert [piece.words for piece in back.pieces] == [piece.words for piece in original.pieces]
    assert [piece.last for piece in back.pieces] == [False, True]
    assert back.duration_s == pytest.approx(0.25)
    with pytest.raises(ValueError, match="read-only"):
        back.pieces[0].samples[0] = 0.0


def test_any_broken_byte_is_noticed() -> None:
    data = encode(key(), phrase(50))
    for position in range(len(data)):
        broken = bytearray(data)
        broken[position] ^= 1
        with pytest.raises(CorruptError):
            decode(key(), bytes(broken))


def test_any_missing_end_is_noticed() -> None:
    data = encode(key(), phrase(50))
    for length in range(len(data)):
        with pytest.raises(CorruptError):
            decode(key(), data[:length])
    with pytest.raises(CorruptError):
        decode(key(), data + b"\0")


def test_another_phrase_s_bytes_are_refused() -> None:
    with pytest.raises(CorruptError, match="another"):
        decode(key("Something else."), encode(key(), phrase()))


# Files


def test_files_keep_what_they_were_given(room: Room, tmp_path: Path) -> None:
    files = room.files(tmp_path / "phrases")
    assert files.get(key().name) is None
    assert files.stats()["phrases"] == 0
    assert files.put(key().name, b"first")
    assert files.put(key().name, b"second")
    assert room.files(tmp_path / "phrases").get(key().name) == b"second"
    assert files.stats()["phrases"] == 1
    assert (tmp_path / "phrases").stat().st_mode & 0o077 == 0
    files.delete(key().name)
    files.delete(key().name)
    assert files.get(key().name) is None


def test_files_not_used_for_the_longest_time_make_room(room: Room, tmp_path: Path) -> None:
    files = room.files(tmp_path, max_bytes=20_000)
    names = [key(str(number)).name for number in range(40)]
    for name in names[:15]:
        assert files.put(name, bytes(1_000))
    assert files.get(names[0]) is not None  # used: now the youngest
    for name in names[15:]:
        assert files.put(name, bytes(1_000))
        assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 20_000
        assert files.get(names[0]) is not None
    kept = [name for name in names if files.get(name) is not None]
    assert kept == [names[0], *names[-(len(kept) - 1) :]]
    assert len(kept) >= 17
    assert room.figure("tts_cache_evictions_total") == 40 - len(kept)
    assert room.figure("tts_cache_bytes") == 1_000 * len(kept)


def test_a_file_too_large_for_the_bound_is_not_kept(room: Room, tmp_path: Path) -> None:
    files = room.files(tmp_path, max_bytes=20_000)
    assert not files.put(key().name, bytes(1_001))
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_writer_left_is_deleted_and_what_a_living_one_writes_is_not(room: Room, tmp_path: Path) -> None:
    left, written = tmp_path / "a-1-00.tmp", tmp_path / "b-2-00.tmp"
    for path in (left, written):
        path.write_bytes(b"half a phr")
    os.utime(left, (time.time() - 7200, time.time() - 7200))
    room.files(tmp_path).put(key().name, b"whole")
    assert not left.exists()
    assert written.exists()


def test_a_broken_file_is_counted_deleted_and_replaced(room: Room, tmp_path: Path) -> None:
    cache = room.cache(room.files(tmp_path))
    cache.put(key(), phrase())
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:-1])
    listener = Listener(cache, key())
    writer = listener.claim()
    assert not path.exists()
    assert room.figure("tts_cache_corrupt_total", store="files") == 1
    writer.record(samples(100, seed=7), last=True)
    listener.reader.close()
    cache.close()
    again = room.cache(room.files(tmp_path)).get(key())
    assert again is not None
    assert sound(again.pieces) == samples(100, seed=7).tobytes()


@contextlib.contextmanager
def full_disk() -> Iterator[None]:
    """No file of this process may grow beyond nothing: what a full disk does to a writer."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_counted_once_and_old_phrases_are_still_found(
    room: Room, tmp_path: Path, events: EventLog
) -> None:
    cache = room.cache(room.files(tmp_path))
    cache.put(key("old"), phrase())
    with full_disk():
        cache.put(key("new"), phrase())
        cache.put(key("newer"), phrase())
        assert cache.get(key("old")) is not None
    assert room.errors("files") == 1
    assert not list(tmp_path.glob("*.tmp"))
    cache.put(key("too early"), phrase())
    assert cache.get(key("too early")) is None
    room.clock.now += PAUSE_S
    cache.put(key("later"), phrase())
    assert cache.get(key("later")) is not None


def test_a_directory_that_is_taken_away_is_made_again(room: Room, tmp_path: Path) -> None:
    cache = room.cache(room.files(tmp_path / "phrases"))
    cache.put(key(), phrase())
    shutil.rmtree(tmp_path / "phrases")
    assert cache.get(key()) is None
    cache.put(key(), phrase())
    room.clock.now += PAUSE_S
    cache.put(key(), phrase())
    assert cache.get(key()) is not None


def _share(directory: Path, seed: int, barrier: Any) -> None:
    """One of two processes: writes one phrase over and over, reads what both have written. Exits 0 if it was whole."""
    files = FileStore(directory, 64 * MIB, CacheFigures(CollectorRegistry()))
    data = encode(key(), phrase(100_000, seed))
    barrier.wait(LONG_S)
    seen = set()
    for _ in range(300):
        files.put(key().name, data)
        found = files.get(key().name)
        if found is None:
            raise SystemExit(2)
        try:
            seen.add(sound(decode(key(), found).pieces)[:16])
        except CorruptError:
            raise SystemExit(3) from None
    barrier.wait(LONG_S)
    if not seen <= {sound(phrase(100_000, known).pieces)[:16] for known in (1, 2)}:
        raise SystemExit(4)


def _fill(directory: Path, seed: int, barrier: Any) -> None:
    """One of two processes that write more than there is room for. Exits 0 if the bound held all the time."""
    files = FileStore(directory, MIB, CacheFigures(CollectorRegistry()))
    barrier.wait(LONG_S)
    for number in range(200):
        name = key(f"{seed} {number}").name
        files.put(name, bytes(20_000))
        if int(files.stats()["bytes"]) > MIB:
            raise SystemExit(5)
        files.get(name)


@pytest.mark.slow
@pytest.mark.parametrize("work", [_share, _fill])
def test_two_processes_share_a_directory(work: Callable[[Path, int, Any], None], tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    barrier = spawn.Barrier(2)
    workers = [spawn.Process(target=work, args=(tmp_path, seed, barrier)) for seed in (1, 2)]
    try:
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(2 * LONG_S)
        assert [worker.exitcode for worker in workers] == [0, 0]
    finally:
        for worker in workers:
            worker.kill()
            worker.join()
            worker.close()


# Redis


def store_of(server: RedisServer, max_value_bytes: int = MIB, read_timeout_s: float = LONG_S) -> RedisStore:
    """Patient, so that a busy machine is no outage; where the time matters, the test says so."""
    return RedisStore(server.url, 3600.0, max_value_bytes, read_timeout_s)


def test_redis_keeps_a_phrase_for_an_hour(room: Room, redis_server: RedisServer) -> None:
    cache = room.cache(store_of(redis_server))
    assert cache.get(key()) is None
    cache.put(key(), phrase())
    found = cache.get(key())
    assert found is not None
    assert sound(found.pieces) == sound(phrase().pieces)
    assert room.hits("redis") == 1
    with redis_server.client() as client:
        assert client.keys() == [key().name.encode()]
        assert 3_590_000 < int(client.pttl(key().name)) <= 3_600_000
    assert cache.stats()["redis"]["phrases"] == 1


def test_a_phrase_too_large_for_redis_is_in_the_files(room: Room, redis_server: RedisServer, tmp_path: Path) -> None:
    cache = room.cache(store_of(redis_server, max_value_bytes=1_000), room.files(tmp_path))
    cache.put(key(), phrase())
    assert cache.get(key()) is not None
    assert (room.hits("redis"), room.hits("files")) == (0, 1)
    assert cache.stats()["redis"]["phrases"] == 0


def test_what_redis_has_lost_or_broken_comes_from_the_files_and_goes_back(
    room: Room, redis_server: RedisServer, tmp_path: Path
) -> None:
    cache = room.cache(store_of(redis_server), room.files(tmp_path))
    cache.put(key(), phrase())
    with redis_server.client() as client:
        client.set(key().name, b"TTSP, or so it says")
        assert cache.get(key()) is not None
        cache.close()
        assert decode(key(), client.get(key().name))  # type: ignore[arg-type]
    assert room.figure("tts_cache_corrupt_total", store="redis") == 1
    assert (room.hits("redis"), room.hits("files")) == (0, 1)


def test_what_somebody_else_wrote_to_redis_is_not_spoken(room: Room, redis_server: RedisServer) -> None:
    ours = RedisStore(redis_server.url, 3600.0, MIB, LONG_S, secret="ours")
    cache = room.cache(ours)
    forged = encode(key(), phrase(seed=13))  # well-formed: everybody can compute its name and its checksum
    with redis_server.client() as client:
        for value in (forged, bytes(32) + forged):
            client.set(key().name, value)
            assert cache.get(key()) is None
            assert client.get(key().name) is None
        cache.put(key(), phrase())
        signed = client.get(key().name)
        found = cache.get(key())
        assert found is not None
        assert sound(found.pieces) == sound(phrase().pieces)
        # The value of one phrase under the name of another.
        client.set(key("another").name, signed)  # type: ignore[arg-type]
        assert cache.get(key("another")) is None
    theirs = room.cache(RedisStore(redis_server.url, 3600.0, MIB, LONG_S, secret="theirs"))
    assert theirs.get(key()) is None
    assert room.figure("tts_cache_corrupt_total", store="redis") == 4


@pytest.mark.parametrize(("settings", "signed"), [({}, False), ({"api_key": "k"}, True), ({"redis_secret": "s"}, True)])
def test_a_service_signs_what_it_gives_to_redis(
    service: StartService, redis_server: RedisServer, settings: dict[str, Any], signed: bool
) -> None:
    door = service(http_port=0, redis_url=redis_server.url, **settings)
    body, headers = {"text": "Please hold the line."}, {"X-API-Key": settings.get("api_key", "")}
    httpx.post(f"http://127.0.0.1:{door.http_port}/synthesize", json=body, headers=headers, timeout=LONG_S)
    door.stop()
    with redis_server.client() as client:
        (name,) = client.keys()
        value = client.get(name)
    assert isinstance(value, bytes)
    assert value.startswith(b"TTSP") is not signed
    assert value[32:].startswith(b"TTSP") is signed


def test_killing_redis_changes_nothing_but_a_counter(
    room: Room, redis_server: RedisServer, tmp_path: Path, events: EventLog
) -> None:
    cache = room.cache(store_of(redis_server), room.files(tmp_path))
    cache.put(key(), phrase())
    assert cache.get(key()) is not None
    assert room.hits("redis") == 1
    redis_server.kill()
    for _ in range(20):
        found = cache.get(key())
        assert found is not None
        assert sound(found.pieces) == sound(phrase().pieces)
    cache.put(key("another"), phrase(seed=2))
    assert cache.get(key("another")) is not None
    assert room.errors("redis") == 1
    assert room.hits("files") == 21
    assert len(events.found("cache_store_failing")) == 1

    redis_server.start()
    room.clock.now += PAUSE_S
    assert cache.get(key()) is not None  # out of the files, and back to Redis behind it
    cache.close()
    assert len(events.found("cache_store_recovered")) == 1
    assert room.errors("redis") == 1
    before = room.hits("redis")
    assert room.cache(store_of(redis_server)).get(key()) is not None
    assert room.hits("redis") == before + 1


def test_a_frozen_redis_is_waited_for_once(room: Room, redis_server: RedisServer, tmp_path: Path) -> None:
    cache = room.cache(store_of(redis_server, read_timeout_s=0.5), room.files(tmp_path))
    cache.put(key(), phrase())
    assert cache.get(key()) is not None
    redis_server.signal(signal.SIGSTOP)
    started = time.monotonic()
    for _ in range(50):
        assert cache.get(key()) is not None
    # 50 waits would take 25 s.
    assert 0.5 <= time.monotonic() - started < 5.0
    assert room.errors("redis") == 1
    assert room.hits("files") == 50
    room.clock.now += PAUSE_S
    assert cache.get(key()) is not None  # nor does a caller find out whether it is back: that is the keeper's
    redis_server.signal(signal.SIGCONT)
    cache.close()


def test_a_redis_that_was_never_there_is_an_error_and_nothing_else(room: Room, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    cache = room.cache(RedisStore(f"redis://127.0.0.1:{port}", 60.0, MIB), room.files(tmp_path))
    cache.put(key(), phrase())
    assert cache.get(key()) is not None
    assert room.errors("redis") >= 1
    assert "error" in cache.stats()["redis"]
    with pytest.raises(StoreError):
        cache.clear()


def test_a_name_service_that_hangs_holds_up_no_caller(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = threading.Event()

    def hang(*arguments: object, **more: object) -> list[object]:
        assert answer.wait(LONG_S)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    cache = room.cache(RedisStore("redis://redis.invalid:6379", 60.0, MIB))
    monkeypatch.setattr(socket, "getaddrinfo", hang)
    try:
        assert [cache.get(key()) for _ in range(20)] == [None] * 20
        assert room.errors("redis") == 1
    finally:
        answer.set()
        cache.close()


def test_clearing_deletes_phrases_and_nothing_else(room: Room, redis_server: RedisServer, tmp_path: Path) -> None:
    files = room.files(tmp_path / "phrases")
    cache = room.cache(store_of(redis_server), files)
    cache.put(key("a"), phrase())
    cache.put(key("b"), phrase())
    with redis_server.client() as client:
        client.set("somebody else's", "value")
        assert cache.clear() == 4
        assert client.keys() == [b"somebody else's"]
    assert cache.get(key("a")) is None
    assert files.stats()["bytes"] == 0


# A phrase in the making


def test_a_phrase_that_is_kept_is_heard_as_it_was_made(room: Room) -> None:
    cache = room.cache(Memory())
    cache.put(key(), phrase())
    listener = Listener(cache, key())
    assert listener.hear_all() == sound(phrase().pieces)
    assert [piece.words for piece in listener.heard] == [piece.words for piece in phrase().pieces]
    assert listener.reader.claim() is None
    assert listener.reader.next() is None


def test_many_at_once_hear_a_phrase_that_is_made_once(room: Room) -> None:
    memory = Memory()
    cache = room.cache(memory)
    listeners = [Listener(cache, key()) for _ in range(5)]
    writer = listeners[2].claim()
    assert [listener.reader.claim() for listener in listeners] == [None] * 5
    writer.record(samples(10, seed=1), (Word("a", 0.0, 0.1),))
    assert [len(listener.hear()) for listener in listeners] == [1] * 5
    late = Listener(cache, key())
    assert late.reader.claim() is None
    writer.record(samples(20, seed=2), last=True)
    expected = samples(10, seed=1).tobytes() + samples(20, seed=2).tobytes()
    assert [listener.hear_all() for listener in [*listeners, late]] == [expected] * 6
    cache.close()
    assert (memory.gets, memory.puts) == (1, 1)
    assert room.figure("tts_cache_misses_total") == 1
    assert room.figure("tts_cache_joined_total") == 5
    kept = decode(key(), memory.kept[key().name])
    assert kept.pieces[0].words == (Word("a", 0.0, 0.1),)


def test_a_phrase_is_looked_for_once_at_a_time(room: Room) -> None:
    looking, go_on = threading.Event(), threading.Event()

    def wait() -> None:
        looking.set()
        assert go_on.wait(LONG_S)

    memory = Memory(wait)
    cache = room.cache(memory)
    memory.kept[key().name] = encode(key(), phrase())
    listeners = [Listener(cache, key()) for _ in range(3)]
    assert looking.wait(LONG_S)
    assert all(listener.reader.sought and listener.reader.claim() is None for listener in listeners)
    go_on.set()
    assert {listener.hear_all() for listener in listeners} == {sound(phrase().pieces)}
    assert memory.gets == 1


def test_threads_that_race_for_a_phrase_make_it_once(room: Room) -> None:
    cache = room.cache(Memory())
    begin = threading.Barrier(16)
    made: list[int] = []
    heard: list[bytes] = []

    def client(number: int) -> None:
        begin.wait(LONG_S)
        listener = Listener(cache, key())
        listener.wait(lambda: not listener.reader.sought)
        writer = listener.reader.claim()
        if writer is not None:
            made.append(number)
            for index in range(50):
                writer.record(samples(100, seed=index), last=index == 49)
        heard.append(listener.hear_all())
        listener.reader.close()

    threads = [threading.Thread(target=client, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG_S)
    assert len(made) == 1
    assert heard == [b"".join(samples(100, seed=index).tobytes() for index in range(50))] * 16


def test_a_first_listener_who_goes_takes_nothing_from_the_others(room: Room) -> None:
    memory = Memory()
    cache = room.cache(memory)
    first, second = Listener(cache, key()), Listener(cache, key())
    writer = first.claim()
    writer.record(samples(10, seed=1))
    first.reader.close()
    first.reader.close()
    assert writer.wanted
    writer.record(samples(10, seed=2), last=True)
    assert second.hear_all() == samples(10, seed=1).tobytes() + samples(10, seed=2).tobytes()
    second.reader.close()
    assert not writer.wanted
    cache.close()
    assert memory.puts == 1


def test_a_phrase_that_nobody_makes_any_more_is_made_anew_by_who_has_heard_nothing(room: Room) -> None:
    memory = Memory()
    cache = room.cache(memory)
    first, halfway, patient = (Listener(cache, key()) for _ in range(3))
    writer = first.claim()
    writer.record(samples(10, seed=1))
    halfway.hear()
    first.reader.close()
    writer.abandon()
    writer.record(samples(10, seed=2), last=True)  # a window that was still in the device
    assert halfway.reader.ready
    assert halfway.hear_all() == samples(10, seed=1).tobytes()
    assert halfway.heard[-1] is CUT_OFF
    assert halfway.reader.next() is None
    again = patient.claim()
    again.record(samples(10, seed=3), last=True)
    again.abandon()  # too late to matter
    assert patient.hear_all() == samples(10, seed=3).tobytes()
    cache.close()
    assert sound(decode(key(), memory.kept[key().name]).pieces) == samples(10, seed=3).tobytes()


def test_silence_is_not_kept(room: Room) -> None:
    memory = Memory()
    cache = room.cache(memory)
    listener = Listener(cache, key())
    listener.claim().record(np.zeros(0, np.float32), last=True)
    assert listener.hear_all() == b""
    cache.close()
    assert memory.puts == 0


def test_nothing_is_remembered_of_phrases_that_nobody_hears(room: Room) -> None:
    cache = room.cache(Memory())
    for number in range(10):
        listener = Listener(cache, key(str(number)))
        writer = listener.claim()
        if number % 2:
            writer.record(samples(10), last=True)
        else:
            writer.abandon()
        listener.reader.close()
    cache.close()
    assert cache._in_flight == {}


def test_a_store_with_a_defect_costs_a_synthesis(room: Room, events: EventLog) -> None:
    def defect() -> None:
        raise ZeroDivisionError

    with Listener(room.cache(Memory(defect)), key()).reader as reader:
        pass
    listener = Listener(room.cache(Memory(defect)), key())
    assert listener.claim() is not None
    assert reader.next() is None
    assert len(events.found("cache_lookup_failed")) == 2


def test_phrases_beyond_those_that_may_wait_are_heard_and_not_kept(room: Room) -> None:
    started, go_on = threading.Event(), threading.Event()

    class Slow(Memory):
        def put(self, name: str, data: bytes) -> bool:
            started.set()
            assert go_on.wait(LONG_S)
            return super().put(name, data)

    memory = Slow()
    cache = room.cache(memory)
    for number in range(70):
        listener = Listener(cache, key(str(number)))
        listener.claim().record(samples(10), last=True)
        assert listener.hear_all() == samples(10).tobytes()
        listener.reader.close()
    assert started.is_set()
    go_on.set()
    cache.close()
    assert memory.puts == 64
    assert room.figure("tts_cache_not_kept_total") == 6


def test_memory_forgets_what_was_not_used_for_the_longest_time(room: Room) -> None:
    memory = MemoryStore(100, room.figures)
    for name in "abcdefgh":
        assert memory.put(name, bytes(12))
    assert memory.get("a") == bytes(12)
    assert memory.put("i", bytes(12))
    assert memory.put("c", bytes(4))  # in place of what was there
    assert (memory.get("b"), memory.get("a"), memory.get("c")) == (None, bytes(12), bytes(4))
    assert memory.stats() == {"phrases": 8, "bytes": 88}
    assert room.figure("tts_cache_memory_bytes") == 88
    assert room.figure("tts_cache_memory_evictions_total") == 1
    assert not memory.put("large", bytes(13))
    memory.delete("a")
    assert memory.get("a") is None
    assert memory.clear() == 7
    assert (memory.stats()["bytes"], room.figure("tts_cache_memory_bytes")) == (0, 0)


def test_a_phrase_in_memory_is_there_within_ten_milliseconds(room: Room) -> None:
    cache = room.cache(MemoryStore(64 * MIB, room.figures))
    cache.put(key(), phrase(10 * 24_000))
    waits_s = []
    for _ in range(20):
        there = threading.Event()
        began_s = time.perf_counter()
        with cache.open(key(), there.set) as reader:
            assert there.wait(LONG_S)
            assert reader.ready
        waits_s.append(time.perf_counter() - began_s)
    assert statistics.median(waits_s) < 0.01


def test_after_the_end_phrases_are_made_and_not_kept(room: Room) -> None:
    memory = Memory()
    cache = room.cache(memory)
    cache.close()
    listener = Listener(cache, key())
    listener.claim().record(samples(10), last=True)
    assert listener.hear_all() == samples(10).tobytes()
    assert memory.puts == 0


# Prerendering


def test_a_list_is_rendered_whatever_a_phrase_of_it_meets(events: EventLog) -> None:
    clock = Clock()

    def say(wanted: PhraseRequest) -> bool:
        clock.now += 3.0
        if wanted.text == "broken":
            raise RuntimeError("no voice")
        return wanted.text != "there"

    phrases = [PhraseRequest(text) for text in ("a", "there", "broken", "b")]
    assert prerender(phrases, say, clock=clock) == PrerenderResult(made=2, there=1, failed=1, left=0)
    assert len(events.found("prerender_failed")) == 1
    assert len(events.found("prerender_progress")) == 2
    assert len(events.found("prerender_done")) == 1


def test_a_list_can_be_stopped_between_two_phrases() -> None:
    said: list[str] = []

    def say(wanted: PhraseRequest) -> bool:
        said.append(wanted.text)
        return True

    phrases = [PhraseRequest(text) for text in "abcd"]
    assert prerender(phrases, say, lambda: len(said) == 2) == PrerenderResult(made=2, there=0, failed=0, left=2)
    assert said == ["a", "b"]


def test_the_list_is_read_from_the_configuration(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(
        "voice: x\nprerender:\n  - Please hold.\n  - {text: Olá., voice: pf_dora, speed: 1, language: pt-BR}\n",
        encoding="utf-8",
    )
    assert load_requests(path) == [PhraseRequest("Please hold."), PhraseRequest("Olá.", "pf_dora", 1.0, "pt-BR")]
    path.write_text("voice: x\n", encoding="utf-8")
    assert load_requests(path) == []


@pytest.mark.parametrize(
    ("switch", "texts"), [("", ["Please hold."]), ("enabled: true, ", ["Please hold."]), ("enabled: false, ", [])]
)
def test_the_phrases_of_a_gateway_are_read_as_they_are(switch: str, texts: list[str], tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    content = f"prerender: {{{switch}cache_dir: /x, ttl_seconds: 3600, common_phrases: [Please hold.]}}"
    path.write_text(content, encoding="utf-8")
    assert load_requests(path) == [PhraseRequest(text) for text in texts]


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("prerender: Hello.", "must be a list"),
        ("prerender: ['']", r"prerender\[0\] must be a text"),
        ("prerender: [a, {voice: x}]", r"prerender\[1\] must be a text"),
        ("prerender: [{text: a, pitch: 2}]", "'pitch'"),
        ("prerender: [{text: a, speed: fast}]", "speed must be"),
        ("prerender: [{text: a, voice: 3}]", "voice must be"),
        ("prerender: {common_phrases: Hello.}", "common_phrases must be a list"),
        ("prerender: {common_phrases: ['']}", r"prerender\.common_phrases\[0\] must be a text"),
        ("prerender: [", "config.yaml"),
    ],
)
def test_a_malformed_list_is_an_error_that_says_where(document: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(document, encoding="utf-8")
    with pytest.raises(PrerenderError, match=message):
        load_requests(path)


# The command line


def test_the_command_line_counts_and_clears(
    room: Room, redis_server: RedisServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = tmp_path / "phrases"
    room.cache(store_of(redis_server), room.files(directory)).put(key(), phrase())
    places = ["--dir", str(directory), "--redis-url", redis_server.url]
    assert command_line.main(["stats", *places]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["files"]["phrases"] == figures["redis"]["phrases"] == 1
    assert figures["files"]["bytes"] == figures["redis"]["bytes"] > 24_000
    assert command_line.main(["clear", *places]) == 0
    assert capsys.readouterr().out == "2 phrases deleted\n"
    redis_server.kill()
    assert command_line.main(["clear", *places]) == 1
    assert capsys.readouterr().err.startswith("error: ")


def test_the_command_line_has_the_service_render_a_list(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked: list[tuple[str, str | None, object]] = []

    class Door(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked.append((self.path, self.headers["Authorization"], body))
            self.send_response(400 if body["text"] == "bad" else 200)
            self.end_headers()
            self.wfile.write(b"\0\0\0\0")

        def log_message(self, format: str, *values: object) -> None:
            pass

    config = tmp_path / "config.yaml"
    config.write_text("prerender: [{text: Hello., voice: af_sky}, bad]", encoding="utf-8")
    with http.server.HTTPServer(("127.0.0.1", 0), Door) as door:
        thread = threading.Thread(target=door.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            url = f"http://127.0.0.1:{door.server_port}"
            status = command_line.main(["prerender", "--config", str(config), "--url", url, "--api-key", "secret"])
        finally:
            door.shutdown()
            thread.join()
    assert status == 1
    assert asked == [
        ("/synthesize", "Bearer secret", {"text": "Hello.", "voice": "af_sky", "prerender": True}),
        ("/synthesize", "Bearer secret", {"text": "bad", "prerender": True}),
    ]
    assert "1 of 2 phrases" in capsys.readouterr().out


def test_the_command_line_says_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line.main(["prerender", "--config", str(tmp_path / "none.yaml")]) == 1
    assert "none.yaml" in capsys.readouterr().err
    assert command_line.main(["stats", "--dir", str(tmp_path), "--redis-url", "http://nowhere"]) == 1
    assert capsys.readouterr().err.startswith("error: ")


# What hangs


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs here")
def test_a_fifo_in_place_of_a_phrase_is_an_error_at_once(tmp_path: Path) -> None:
    store = FileStore(tmp_path, MIB, CacheFigures(CollectorRegistry()))
    store.put("tts:phrase", b"kept")
    (tmp_path / "phrase.phrase").unlink()
    os.mkfifo(tmp_path / "phrase.phrase")
    failures: list[StoreError] = []

    def get() -> None:
        try:
            store.get("tts:phrase")
        except StoreError as error:
            failures.append(error)

    reader = threading.Thread(target=get)
    reader.start()
    reader.join(2.0)
    hung = reader.is_alive()
    if hung:
        os.close(os.open(tmp_path / "phrase.phrase", os.O_WRONLY | os.O_NONBLOCK))  # lets it go
    reader.join()
    assert not hung
    assert [str(error) for error in failures] == ["not a regular file"]
    assert store.put("tts:phrase", b"kept again")
    assert store.get("tts:phrase") == b"kept again"


def test_closing_does_not_wait_for_a_store_that_hangs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, events: EventLog
) -> None:
    monkeypatch.setattr(cache_module, "_CLOSE_S", 0.05)
    asked, answer = threading.Event(), threading.Event()

    class Hanging(FileStore):
        def get(self, name: str) -> bytes | None:
            asked.set()
            answer.wait(LONG_S)
            return None

    figures = CacheFigures(CollectorRegistry())
    cache = PhraseCache([Hanging(tmp_path, MIB, figures)], figures)
    cache.open(key(), lambda: None)
    assert asked.wait(LONG_S)
    closer = threading.Thread(target=cache.close)
    closer.start()
    closer.join(LONG_S / 4)
    hung = closer.is_alive()
    answer.set()
    closer.join()
    assert not hung
    events.wait("cache_left_hanging")
