"""Phrases in Redis, for a time, which several machines may share."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from telephony.cache.stores import StoreError

READ_TIMEOUT_S = 0.05
MAX_VALUE_BYTES = 2_097_152
"""The largest phrase that is kept; a second takes 96,000 bytes."""
_WRITE_TIMEOUT_S = 2.0
# A second of speech is 96 kB: in the library's 32 kB pieces it takes twice as long to read.
_READ_BYTES = 2**20
_PATTERN = "tts:*"
_THREADS = 4
_MAC_BYTES = 32
_SCAN = 1000


class RedisStore:
    """A Redis, which may be slow, frozen or gone.

    Reads run in threads of their own, so that a caller waits `read_timeout_s` at most, whatever the network and its
    name service do. For anything else nobody waits. Nothing is tried twice. Any thread.

    Args:
        url: `redis://`, `rediss://` or `unix://`.
        ttl_s: how long a phrase is kept after it was put, in seconds.
        max_value_bytes: a larger value is not kept.
        read_timeout_s: how long a read may reader, in seconds.
        secret: of all who share these phrases; values carry a MAC by it, and what somebody else wrote is not spoken.
            Empty: who can write to that Redis can have anything said.

    Raises:
        ValueError: not a URL of Redis.
    """

    name = "redis"
    slow_to_fail = True

    def __init__(
        self,
        url: str,
        ttl_s: float,
        max_value_bytes: int = MAX_VALUE_BYTES,
        read_timeout_s: float = READ_TIMEOUT_S,
        secret: str = "",
    ) -> None:
        # Of its own, so that a MAC tells nothing of an API key used elsewhere.
        self._mac_key = hashlib.sha256(b"phrases in redis:" + secret.encode()).digest() if secret else b""
        self._ttl_ms = max(1, round(ttl_s * 1000))
        self._max_value_bytes = max_value_bytes
        self._read_timeout_s = read_timeout_s
        self._reading = redis_client(url, read_timeout_s)
        self._client = redis_client(url, _WRITE_TIMEOUT_S)
        self._readers = ThreadPoolExecutor(_THREADS, thread_name_prefix="cache-redis")

    def get(self, name: str) -> bytes | None:
        """See `Store`; waits `read_timeout_s` at most. Empty where the MAC is wrong: no phrase, which is deleted."""
        with _as_store_error():
            found = self._readers.submit(self._reading.get, name).result(self._read_timeout_s)
        if not isinstance(found, bytes) or not self._mac_key:
            return found if isinstance(found, bytes) else None
        mac, data = found[:_MAC_BYTES], found[_MAC_BYTES:]
        return data if hmac.compare_digest(mac, self._mac(name, data)) else b""

    def put(self, name: str, data: bytes) -> bool:
        """See `Store`."""
        if len(data) > self._max_value_bytes:
            return False
        with _as_store_error():
            self._client.set(name, self._mac(name, data) + data, px=self._ttl_ms)
        return True

    def delete(self, name: str) -> None:
        """See `Store`."""
        with _as_store_error():
            self._client.unlink(name)

    def clear(self) -> int:
        """See `Store`."""
        cleared = 0
        with _as_store_error():
            for name in self._names():
                cleared += int(bool(self._client.unlink(name)))
        return cleared

    def stats(self) -> Mapping[str, int | str]:
        """See `Store`."""
        with _as_store_error():
            sizes = [self._client.strlen(name) for name in self._names()]
        return {"phrases": len(sizes), "bytes": sum(size for size in sizes if isinstance(size, int))}

    def close(self) -> None:
        """See `Store`."""
        self._readers.shutdown()
        self._reading.close()
        self._client.close()

    def _mac(self, name: str, data: bytes) -> bytes:
        """Of a value under its name; empty without a secret."""
        return hmac.digest(self._mac_key, name.encode() + b"\0" + data, "sha256") if self._mac_key else b""

    def _names(self) -> set[bytes]:
        # A set, because a scan may name a key twice.
        return set(self._client.scan_iter(match=_PATTERN, count=_SCAN))


def redis_client(url: str, timeout_s: float) -> redis.Redis:
    """A client that tries nothing twice and waits `timeout_s` for an answer; a name service may take longer."""
    return redis.Redis.from_url(
        url,
        socket_timeout=timeout_s,
        socket_connect_timeout=timeout_s,
        socket_read_size=_READ_BYTES,
        retry=Retry(NoBackoff(), 0),
        protocol=2,  # fewer exchanges for a connection, and nothing that comes unasked
    )


@contextlib.contextmanager
def _as_store_error() -> Iterator[None]:
    try:
        yield
    except FutureTimeoutError:
        raise StoreError("no answer in time") from None
    except (redis.RedisError, OSError) as error:
        raise StoreError(f"{type(error).__name__}: {error}") from error
    except RuntimeError as error:  # the readers were shut down
        raise StoreError(str(error)) from error
