"""Packed records in Redis: one string per entity and view, read by a single MGET.

The comparison that keeps an older record from replacing a newer one runs inside Redis, so that
two writers cannot pass each other. Redis has no transaction over many round trips: while a view
is materialised a reader may see new records of some entities and old ones of others, but never
half a record and never an entity without one. One Redis, not a cluster.
"""

import struct
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

import redis
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

from feature_repo.stores.packed_rows import RowFormat, cleared_bytes, microseconds
from governance.errors import InputError, StateError

KEYS_A_CALL = 2_000  # a call of 2,000 records holds Redis for about 5 ms
STATE = struct.Struct("<8sq")  # schema, microseconds materialised to
NEVER = -(1 << 63)

# KEYS: records' keys, then the member set. ARGV: replace_until or "", then records, then members.
WRITE = """
local n = #KEYS - 1
local function is_before(a, b, first, last)
    for i = first, last do
        local x, y = a:byte(i), b:byte(i)
        if x ~= y then return x < y end
    end
    return false
end
for i = 1, n do
    local record, old = ARGV[1 + i], redis.call('get', KEYS[i])
    if not old or not is_before(record, old, 1, 16) or record:sub(17, 24) ~= old:sub(17, 24)
        or (ARGV[1] ~= '' and not is_before(ARGV[1], old, 1, 8)) then
        redis.call('set', KEYS[i], record)
    end
    redis.call('sadd', KEYS[n + 1], ARGV[1 + n + i])
end
"""


class RedisBackend:
    """The same promises as ``packed_sqlite.SqliteBackend``, less the transaction (see above)."""

    def __init__(self, url: str, project: str) -> None:
        self._redis = _connect(url)
        self._project = project.encode()
        self._write = self._redis.register_script(WRITE)
        self._local = threading.local()

    def prepare(self, row_format: RowFormat) -> None:
        """Make the place of a view; what it holds stays, unless its columns are others now."""
        schema, until = self.states([row_format.view]).get(row_format.view, (b"", None))
        self._set_state(row_format, until if schema == row_format.schema else None)

    def drop(self, view: str) -> None:
        """Forget a view and its records."""
        members, prefix = self._members(view), self._prefix(view)
        for part in _batches(self._redis.sscan_iter(members, count=KEYS_A_CALL)):
            self._redis.delete(*(prefix + key for key in part))
        self._redis.delete(members)
        self._redis.hdel(self._state_key(), view)

    @contextmanager
    def writing(self, row_format: RowFormat, *, replace_until: datetime | None) -> Iterator[None]:
        """With ``replace_until`` what the store held until then makes way, or goes at the end."""
        members = self._members(row_format.view)
        self._local.until, self._local.members = b"", members
        if replace_until is None:
            yield
            return
        _, held_to = self.states([row_format.view]).get(row_format.view, (b"", None))
        fresh, until = members + b":new", cleared_bytes(replace_until, held_to)
        self._redis.delete(fresh)
        self._local.until, self._local.members = until, fresh
        yield
        self._remove_stale(row_format.view, fresh, until=until)
        self._set_state(row_format, microseconds(replace_until))

    def extend(self, row_format: RowFormat, *, start: datetime, end: datetime) -> None:
        """Say that a window was added; it counts if it begins where the store already was."""
        _, until = self.states([row_format.view]).get(row_format.view, (b"", None))
        if until is not None and until >= microseconds(start):
            self._set_state(row_format, max(until, microseconds(end)))

    def write(self, row_format: RowFormat, keys: Sequence[bytes], records: Sequence[bytes]) -> None:
        """Upsert inside :meth:`writing`; an older record never takes a newer one's place."""
        prefix, until, members = (
            self._prefix(row_format.view),
            self._local.until,
            self._local.members,
        )
        for start in range(0, len(keys), KEYS_A_CALL):
            part = keys[start : start + KEYS_A_CALL]
            names = [*(prefix + key for key in part), members]
            self._write(keys=names, args=[until, *records[start : start + KEYS_A_CALL], *part])

    def read(self, formats: Sequence[RowFormat], keys: Sequence[bytes]) -> list[list[bytes | None]]:
        """For each format, the records of ``keys`` in order."""
        if not keys:
            return [[] for _ in formats]
        prefixes = [self._prefix(row_format.view) for row_format in formats]
        flat = self._redis.mget([prefix + key for prefix in prefixes for key in keys])
        return [flat[i * len(keys) : (i + 1) * len(keys)] for i in range(len(formats))]

    def states(self, views: Sequence[str]) -> dict[str, tuple[bytes, int | None]]:
        """For each prepared view its schema and the instant it is materialised to."""
        packed = self._redis.hmget(self._state_key(), list(views))
        known = {v: STATE.unpack(p) for v, p in zip(views, packed, strict=True) if p is not None}
        return {v: (schema, None if to == NEVER else to) for v, (schema, to) in known.items()}

    def _remove_stale(self, view: str, fresh: bytes, *, until: bytes) -> None:
        """Delete what was there and was not written again, unless it is newer than ``until``."""
        members, stale, prefix = self._members(view), fresh + b":stale", self._prefix(view)
        self._redis.sdiffstore(stale, [members, fresh])
        for part in _batches(self._redis.sscan_iter(stale, count=KEYS_A_CALL)):
            records = self._redis.mget([prefix + key for key in part])
            old = [k for k, r in zip(part, records, strict=True) if r is None or r[:8] <= until]
            if old:
                self._redis.delete(*(prefix + key for key in old))
                self._redis.srem(members, *old)
        self._redis.sunionstore(members, [members, fresh])
        self._redis.delete(stale, fresh)

    def _set_state(self, row_format: RowFormat, until: int | None) -> None:
        packed = STATE.pack(row_format.schema, NEVER if until is None else until)
        self._redis.hset(self._state_key(), row_format.view, packed)

    def _prefix(self, view: str) -> bytes:
        return self._project + b":" + view.encode() + b":"

    def _members(self, view: str) -> bytes:
        return self._project + b":members:" + view.encode()

    def _state_key(self) -> bytes:
        return self._project + b":view_state"


def _batches(keys: Iterator[bytes]) -> Iterator[list[bytes]]:
    part: list[bytes] = []
    for key in keys:
        part.append(key)
        if len(part) == KEYS_A_CALL:
            yield part
            part = []
    if part:
        yield part


def _connect(url: str) -> redis.Redis:
    address, *options = url.split(",")
    host, _, port = address.rpartition(":")
    given = dict(option.split("=", 1) for option in options if "=" in option)
    if not host or not port.isdigit() or set(given) - {"db", "password"}:
        raise InputError(
            f"redis_url {address} cannot be read",
            where="COUNTERFOIL_REDIS_URL",
            next_step="write host:port[,db=N][,password=...]",
        )
    client = redis.Redis(
        host=host,
        port=int(port),
        db=int(given.get("db", 0)),
        password=given.get("password"),
        socket_timeout=30,  # a call of KEYS_A_CALL records takes milliseconds
        retry=Retry(ExponentialBackoff(cap=0.2, base=0.02), retries=3),  # the default waits 8 s
    )
    try:
        client.ping()
    except redis.RedisError as error:
        raise StateError(
            f"Redis at {address} does not answer",
            where="COUNTERFOIL_REDIS_URL",
            why=str(error),
            next_step="start it, or unset COUNTERFOIL_ONLINE_STORE to use SQLite",
        ) from None
    return client
