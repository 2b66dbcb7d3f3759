"""Materialisation: the newest rows of a feature table into the online store, chunk by chunk.

In the byte order of the entity keys, each chunk committed with its checkpoint; what the store held
between two keys and the source no longer has goes with the chunk. Killed anywhere and run again it
goes on behind the last checkpoint and ends in the same state; where files, window or schema are
others, it starts over. Until the end the store keeps saying that the view is materialised to where
it was, so that a predictor that was ready stays ready, and one that was not does not become so.
Memory is bounded by a chunk here, by a part of the table in ``newest_rows.py``. Feast-free.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from feature_repo.stores.checkpoint import Checkpoint
from feature_repo.stores.newest_rows import NewestRows
from feature_repo.stores.packed_rows import RowFormat

CHUNK_ROWS = 20_000  # 20 k records of 20 features: 5 MB; a transaction of about 0.2 s

CopyProgress = Callable[[int, int], None]  # (rows done, rows in all), after every chunk


class Copying(Protocol):
    """One view of one backend; see ``packed_sqlite_copying.py`` for what each method promises."""

    def begin(self, *, source: str, is_whole: bool, end: datetime) -> Checkpoint: ...
    def replace(
        self, checkpoint: Checkpoint, keys: list[bytes], records: Sequence[bytes]
    ) -> Checkpoint: ...
    def finish(self, checkpoint: Checkpoint, *, start: datetime, end: datetime) -> None: ...


def copy_newest(
    copying: Copying,
    layout: RowFormat,
    rows: NewestRows,
    *,
    is_whole: bool,
    progress: CopyProgress | None = None,
) -> int:
    """Copy ``rows``; with ``is_whole`` they replace what the store knew by the window's end.

    How many rows the store has been given, by this run and by those killed before it.
    """
    source = rows.source(layout.schema, is_whole=is_whole)
    checkpoint = copying.begin(source=source, is_whole=is_whole, end=rows.end)
    left = rows.find(after=checkpoint.after)
    total, table = checkpoint.done + left, rows.table
    for keys, batch in rows.chunks(left):
        records = layout.pack(batch, event_at=table.event_at, created_at=table.created_at)
        checkpoint = copying.replace(checkpoint, keys, records)
        if progress:
            progress(checkpoint.done, total)
    copying.finish(checkpoint, start=rows.start, end=rows.end)
    return checkpoint.done
