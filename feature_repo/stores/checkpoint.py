"""Where a materialisation of one view stands: kept in the online store beside what it wrote.

Rows are written in the byte order of their keys, so one key says how far a run has come: every
entity up to ``after`` is done, also those that had to go because the source no longer has them. A
run that was killed goes on behind its last checkpoint; one of another source starts over. What
makes way and what stays is decided here, for SQLite and Redis alike. Feast-free.
"""

import json
import struct
from dataclasses import asdict, dataclass, replace
from datetime import datetime

from feature_repo.stores.packed_rows import BIAS, microseconds
from governance.errors import StateError

NEVER = -BIAS


@dataclass(frozen=True)
class Checkpoint:
    """``reached`` is the latest instant (microseconds since 1970) any batch has written up to."""

    source: str  # what is copied: window, schema and digests of the files
    is_whole: bool  # the window covers the ttl: what it does not have makes way
    reached: int
    after: bytes = b""
    done: int = 0  # rows written

    @property
    def clears(self) -> bytes:
        """As a record's times are packed: what was known by then makes way; empty: nothing does.

        Going back in time that is where the store was, since its newer batch rows are the future
        now. A row whose event or creation is later was pushed since, and stays if it is newer.
        """
        return struct.pack(">Q", self.reached + BIAS) if self.is_whole else b""

    def moved(self, keys: list[bytes]) -> "Checkpoint":
        """The same run, one chunk later."""
        return replace(self, after=keys[-1], done=self.done + len(keys))

    def packed(self) -> bytes:
        return json.dumps(asdict(self) | {"after": self.after.hex()}, sort_keys=True).encode()


def unpacked(text: bytes | None) -> Checkpoint | None:
    """What :meth:`Checkpoint.packed` wrote."""
    if text is None:
        return None
    fields = json.loads(text)
    return Checkpoint(**fields | {"after": bytes.fromhex(fields["after"])})


def started(
    held: Checkpoint | None, *, source: str, is_whole: bool, end: datetime, held_to: int | None
) -> Checkpoint:
    """Where a run begins: behind what a killed run of the same source did, else at the first key.

    ``reached`` outlives a run of another source: some of its rows are in the store.
    """
    if held is not None and held.source == source:
        return held
    known = [microseconds(end), NEVER if held_to is None else held_to]
    reached = max([*known, held.reached] if held else known)
    return Checkpoint(source=source, is_whole=is_whole, reached=reached)


def refuse_other_run(view: str, *, expected: bytes, found: bytes | None) -> None:
    """Two runs on one view would each undo the other's chunks: the second to move stops."""
    if found != expected:
        raise StateError(
            f"another materialisation of {view} is at work",
            where="the online store",
            why="its checkpoint moved while this one wrote a chunk",
            next_step="let the other one end; running again then changes nothing",
        )
