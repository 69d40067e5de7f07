"""What doors know of each other's calls: a record of each in Redis, and messages between the doors.

A record has the door that holds the call, the last chunk id that the door has told of, and whether the call's audio
processor has registered. Each step is one script, so that two doors never see half of it.
"""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import redis

from telephony.cache.redis_store import redis_client
from telephony.listeners.call import Call
from telephony.protocols import telephone
from telephony.protocols.signed import RefusedError, SignedMessages

TIMEOUT_S = 0.2
"""For an answer of Redis."""
RECORD_S = 300.0
"""How long a record outlives its door: the host may take so long to connect again."""
PENDING_S = 30.0
"""How long a registration waits for its call."""
MARGIN = 65_536
"""Chunk ids that are left out when another door goes on: more than a door gives out between two of its reports."""

_MAX_CHUNK_ID = 2**32 - 2**24
_CALL = "telephone:call:"
_DOOR = "telephone:door:"
_INBOX_POLL_S = 0.5

# KEYS: the record. ARGV: this door, the record's life, the least chunk id, the margin, the word to the door before.
_CLAIM = """
local door, chunk, registered = unpack(redis.call('HMGET', KEYS[1], 'door', 'chunk', 'registered'))
local last, known = tonumber(ARGV[3]), tonumber(chunk) or 0
if (door and door ~= ARGV[1]) or known > last then last = math.max(last, known) + tonumber(ARGV[4]) end
redis.call('HSET', KEYS[1], 'door', ARGV[1], 'chunk', last)
redis.call('PEXPIRE', KEYS[1], ARGV[2])
if door and door ~= ARGV[1] then redis.call('PUBLISH', 'telephone:door:' .. door, ARGV[5]) else door = '' end
return {door, last, (registered == '1' or registered == 'waiting') and 1 or 0}
"""
# ARGV: this door, the record's life, the last chunk id, whether registered, whether the host is connected.
_RENEW = """
local door, registered = unpack(redis.call('HMGET', KEYS[1], 'door', 'registered'))
if door and door ~= ARGV[1] then return 'lost' end
if door or ARGV[5] == '1' then
    redis.call('HSET', KEYS[1], 'door', ARGV[1], 'chunk', ARGV[3], 'registered', ARGV[4])
    redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return registered == 'waiting' and 'waiting' or 'renewed'
"""
# ARGV: this door.
_RELEASE = "if redis.call('HGET', KEYS[1], 'door') == ARGV[1] then redis.call('DEL', KEYS[1]) end"
# ARGV: this door, the message, what becomes of it without an owner ('keep', 'end' or ''), how long it is kept.
_OFFER = """
local door = redis.call('HGET', KEYS[1], 'door')
if door and door ~= ARGV[1] and redis.call('PUBLISH', 'telephone:door:' .. door, ARGV[2]) > 0 then
    return 'forwarded'
end
if ARGV[3] == 'keep' then
    redis.call('HSET', KEYS[1], 'registered', 'waiting')
    if redis.call('PTTL', KEYS[1]) < 0 then redis.call('PEXPIRE', KEYS[1], ARGV[4]) end
    return 'kept'
end
if ARGV[3] == 'end' then redis.call('DEL', KEYS[1]) end
return 'ownerless'
"""


class DirectoryError(Exception):
    """Redis does not answer."""


@dataclass(frozen=True)
class Claim:
    """What was known of a call that this door has now: `previous` is the door that had it, empty for none; chunk ids
    go on behind `chunk_id`."""

    previous: str
    chunk_id: int
    registered: bool


@dataclass(frozen=True)
class Forwarded:
    """A datagram that came to another door from `host`; `signed` is the message, to be passed on as it is."""

    host: str
    datagram: telephone.Datagram
    signed: bytes


@dataclass(frozen=True)
class Taken:
    """Another door has claimed a call."""

    host: str
    call_id: str


@dataclass(frozen=True)
class Refused:
    """A message that no door has written, or that came before."""

    why: str


Message = Forwarded | Taken | Refused


class CallDirectory:
    """The records of all calls, and this door's inbox. One thread asks, another reads `messages`.

    Args:
        url: `redis://`, `rediss://` or `unix://`.
        secret: of all doors; it signs their messages.

    Everything that asks raises DirectoryError, after `TIMEOUT_S` at most, name service apart.
    """

    def __init__(self, url: str, secret: str) -> None:
        self.door = secrets.token_hex(8)
        """The name of this door, for as long as its process lives."""
        self._signed = SignedMessages("calls in redis", secret)
        self._client = redis_client(url, TIMEOUT_S)
        self._inbox = redis_client(url, TIMEOUT_S)
        self._claim, self._renew, self._release, self._offer = map(
            self._client.register_script, (_CLAIM, _RENEW, _RELEASE, _OFFER)
        )

    def claim(self, call: Call) -> Claim:
        """This door has the call now; the door that had it is told."""
        taken = self._signed.sign(f"{call.host}\nTAKEN:{call.call_id}".encode(), time.time())
        arguments = (self.door, round(RECORD_S * 1000), call.chunk_id, MARGIN, taken)
        with _as_directory_error():
            previous, chunk_id, registered = self._claim([_key(call.host, call.call_id)], arguments)
        return Claim(previous.decode("utf-8", "replace"), min(chunk_id, _MAX_CHUNK_ID), bool(registered))

    def renew(self, calls: list[Call]) -> list[str]:
        """Tells how far calls of this door are.

        Returns for each `renewed`; `waiting` if a registration could not be forwarded to this door, and is told now;
        `lost` if another door has the call.
        """
        with _as_directory_error(), self._client.pipeline(transaction=False) as pipeline:
            for call in calls:
                state = (call.chunk_id, int(call.registered), int(call.reply is not None))
                key = _key(call.host, call.call_id)
                self._renew([key], (self.door, round(RECORD_S * 1000), *state), client=pipeline)
            answers: list[bytes] = pipeline.execute()
            return [answer.decode() for answer in answers]

    def release(self, call: Call) -> None:
        """The call is over, unless another door has it."""
        with _as_directory_error():
            self._release([_key(call.host, call.call_id)], (self.door,))

    def offer(self, host: str, datagram: telephone.Datagram, *, keep: bool, signed: bytes | None = None) -> str:
        """Forwards a datagram to the door that has its call; `signed` is the message in which it came, if it did.

        Returns `forwarded`; `kept` where there is no such door and the call's registration waits for one, for which it
        needs `keep`; else `ownerless`.
        """
        words = host.encode() + b"\n" + telephone.encode_datagram(datagram)
        message = signed or self._signed.sign(words, time.time())
        otherwise = "end" if isinstance(datagram, telephone.Goodbye) else ""
        if keep and isinstance(datagram, telephone.Register):
            otherwise = "keep"
        arguments = (self.door, message, otherwise, round(PENDING_S * 1000))
        with _as_directory_error():
            answer: bytes = self._offer([_key(host, datagram.call_id)], arguments)
        return answer.decode()

    def messages(self) -> Iterator[Message | None]:
        """What comes for this door; None now and then."""
        with _as_directory_error(), self._inbox.pubsub(ignore_subscribe_messages=True) as inbox:  # type: ignore[no-untyped-call]
            inbox.subscribe(_DOOR + self.door)
            while True:
                message: dict[str, Any] | None = inbox.get_message(timeout=_INBOX_POLL_S)
                yield self._read(message["data"]) if message is not None else None

    def close(self) -> None:
        """Closes the connections. Once nobody asks or reads any more."""
        self._client.close()
        self._inbox.close()

    def _read(self, message: bytes) -> Message:
        try:
            body = self._signed.open(message, time.time())
        except RefusedError as error:
            return Refused(str(error))
        host, _, rest = body.partition(b"\n")
        if rest.startswith(b"TAKEN:"):
            return Taken(host.decode(), rest.removeprefix(b"TAKEN:").decode())
        datagram = telephone.decode_datagram(rest)
        return Forwarded(host.decode(), datagram, message) if datagram is not None else Refused("it is no datagram")


def _key(host: str, call_id: str) -> str:
    return f"{_CALL}{host}/{call_id}"  # an address may have a colon, and no slash


@contextlib.contextmanager
def _as_directory_error() -> Iterator[None]:
    try:
        yield
    except (redis.RedisError, OSError) as error:
        raise DirectoryError(f"{type(error).__name__}: {error}") from error
