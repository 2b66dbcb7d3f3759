"""A materialisation into Redis: chunk after chunk in key order, each followed by its checkpoint.

Records are compared and set inside Redis, a part of a chunk at a time, and the checkpoint
(``checkpoint.py``) moves when the whole chunk is there: a run killed in between writes that chunk
again, which changes nothing. Beside ``packed_redis.py``, which reads and pushes. Memory: the keys
of one chunk, and of as many stale rows as go at a time.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import redis

from feature_repo.stores.checkpoint import Checkpoint, refuse_other_run, started, unpacked
from feature_repo.stores.packed_redis_state import PlacedState
from feature_repo.stores.packed_rows import RowFormat, microseconds

# KEYS: the checkpoints. ARGV: view, the checkpoint it must be at, and the one it moves to.
_MOVE = """
local found = redis.call('hget', KEYS[1], ARGV[1])
if found == ARGV[2] then redis.call('hset', KEYS[1], ARGV[1], ARGV[3]) end
return found
"""

StateChange = Callable[[dict[str, PlacedState]], PlacedState]


@dataclass(frozen=True)
class RedisCopying:
    """One view's copying, over what ``RedisBackend`` lends it."""

    client: redis.Redis
    layout: RowFormat
    held_to: int | None  # microseconds: where the view is materialised to
    members: bytes  # sorted set of the view's keys
    checkpoints: bytes  # hash of the views' checkpoints
    upsert: Callable[[RowFormat, Sequence[bytes], Sequence[bytes], bytes], int]
    clear: Callable[[str, list[bytes], bytes], int]
    change_state: Callable[[str, StateChange], None]
    keys_a_call: int

    def begin(self, *, source: str, is_whole: bool, end: datetime) -> Checkpoint:
        """Where to go on: behind the last chunk of a killed run of the same source, or anew."""
        held = unpacked(self._held())
        now = started(held, source=source, is_whole=is_whole, end=end, held_to=self.held_to)
        self.client.hset(self.checkpoints, self.layout.view, now.packed())
        return now

    def replace(
        self, checkpoint: Checkpoint, keys: list[bytes], records: Sequence[bytes]
    ) -> Checkpoint:
        """Write the next chunk, in key order, then its checkpoint; what lay between makes way."""
        moved, view = checkpoint.moved(keys), self.layout.view
        self.upsert(self.layout, keys, records, checkpoint.clears)
        self._remove_stale(checkpoint, kept=set(keys), last=keys[-1])
        expected = checkpoint.packed()
        found = self.client.eval(_MOVE, 1, self.checkpoints, view, expected, moved.packed())
        refuse_other_run(view, expected=expected, found=found)
        return moved

    def finish(self, checkpoint: Checkpoint, *, start: datetime, end: datetime) -> None:
        """Clear what lies behind the last key, and say what the view is materialised to.

        A window that was only added counts if it begins where the store already was. The
        checkpoint goes last: a run killed before that finishes once more.
        """
        view, until = self.layout.view, microseconds(end)
        refuse_other_run(view, expected=checkpoint.packed(), found=self._held())
        if checkpoint.is_whole:
            self._remove_stale(checkpoint, kept=set(), last=None)
            clears = checkpoint.clears
            self.change_state(view, lambda states: states[view].reached(end, cleared=clears))
        elif self.held_to is not None and self.held_to >= microseconds(start):
            to = max(self.held_to, until)
            self.change_state(view, lambda states: replace(states[view], materialised_to=to))
        self.client.hdel(self.checkpoints, view)

    def _held(self) -> bytes | None:
        held: bytes | None = self.client.hget(self.checkpoints, self.layout.view)
        return held

    def _remove_stale(
        self, checkpoint: Checkpoint, *, kept: set[bytes], last: bytes | None
    ) -> None:
        """Between two checkpoints (None: to the end) only ``kept`` and what is newer may stay."""
        if not checkpoint.is_whole:
            return
        low = b"(" + checkpoint.after if checkpoint.after else b"-"
        high = b"+" if last is None else b"[" + last
        if last is not None and self.client.zlexcount(self.members, low, high) == len(kept):
            return
        count = self.keys_a_call
        while part := self.client.zrangebylex(self.members, low, high, start=0, num=count):
            if stale := [key for key in part if key not in kept]:
                self.clear(self.layout.view, stale, checkpoint.clears)
            low = b"(" + part[-1]
