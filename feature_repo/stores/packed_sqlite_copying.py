"""A materialisation into SQLite: chunk after chunk in key order, each a transaction of its own.

The checkpoint (``checkpoint.py``) moves in the same transaction as its chunk, so that a run killed
anywhere has written a chunk and its checkpoint, or neither. Beside ``packed_sqlite.py``, which
reads and pushes. Memory: the keys of one chunk and of the stale rows between its first and last.
"""

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime

from feature_repo.stores.checkpoint import Checkpoint, refuse_other_run, started, unpacked
from feature_repo.stores.packed_rows import NEWER_BYTES, RowFormat, microseconds

CHECKPOINTS = """
    create table if not exists materialising (view text primary key, checkpoint blob not null)
"""


@dataclass(frozen=True)
class SqliteCopying:
    """One view's copying; ``transaction`` commits what is done inside it, or nothing."""

    connection: sqlite3.Connection
    transaction: Callable[[], AbstractContextManager[None]]
    layout: RowFormat
    table: str  # quoted, like the column

    def begin(self, *, source: str, is_whole: bool, end: datetime) -> Checkpoint:
        """Where to go on: behind the last chunk of a killed run of the same source, or anew."""
        view = self.layout.view
        with self.transaction():
            self.connection.execute(CHECKPOINTS)
            states = self.connection.execute(
                "select materialised_to from view_state where view = ?", (view,)
            ).fetchall()
            held_to = states[0][0] if states else None
            held = unpacked(self._held())
            now = started(held, source=source, is_whole=is_whole, end=end, held_to=held_to)
            self.connection.execute(
                "insert or replace into materialising values (?, ?)", (view, now.packed())
            )
        return now

    def replace(
        self, checkpoint: Checkpoint, keys: list[bytes], records: Sequence[bytes]
    ) -> Checkpoint:
        """Write the next chunk, in key order, and its checkpoint; what lay between makes way."""
        moved = checkpoint.moved(keys)
        with self.transaction():
            self._move(checkpoint, moved)
            self._remove_stale(checkpoint, kept=set(keys), last=keys[-1])
            upsert(
                self.connection, self.layout, self.table, keys, records, clears=checkpoint.clears
            )
        return moved

    def finish(self, checkpoint: Checkpoint, *, start: datetime, end: datetime) -> None:
        """Clear what lies behind the last key, and say what the view is materialised to.

        A window that was only added counts if it begins where the store already was.
        """
        with self.transaction():
            self._move(checkpoint, None)
            if not checkpoint.is_whole:
                self.connection.execute(
                    "update view_state set materialised_to = max(materialised_to, ?)"
                    " where view = ? and materialised_to >= ?",
                    (microseconds(end), self.layout.view, microseconds(start)),
                )
                return
            self._remove_stale(checkpoint, kept=set(), last=None)
            self.connection.execute(
                "update view_state set materialised_to = ?1,"
                " newest_event = case when newest_event > ?2 then newest_event end"
                " where view = ?3",
                (microseconds(end), checkpoint.reached, self.layout.view),
            )

    def _held(self) -> bytes | None:
        query = "select checkpoint from materialising where view = ?"
        rows = self.connection.execute(query, (self.layout.view,)).fetchall()
        return rows[0][0] if rows else None

    def _move(self, checkpoint: Checkpoint, moved: Checkpoint | None) -> None:
        view = self.layout.view
        refuse_other_run(view, expected=checkpoint.packed(), found=self._held())
        if moved is None:
            self.connection.execute("delete from materialising where view = ?", (view,))
        else:
            self.connection.execute(
                "update materialising set checkpoint = ? where view = ?", (moved.packed(), view)
            )

    def _remove_stale(
        self, checkpoint: Checkpoint, *, kept: set[bytes], last: bytes | None
    ) -> None:
        """Between two checkpoints (None: to the end) only ``kept`` and what is newer may stay."""
        if not checkpoint.is_whole:
            return
        column = quoted(self.layout.view)
        found = self.connection.execute(
            f"""
            select entity_key from {self.table}
            where entity_key > ?1 {"" if last is None else "and entity_key <= ?4"}
                and {column} is not null
                and ({_known_at(column)} <= ?2 or substr({column}, 17, 8) <> ?3)
            """,
            (checkpoint.after, checkpoint.clears, self.layout.schema, last)[: 3 + bool(last)],
        )
        stale = [(key,) for (key,) in found if key not in kept]
        views = self.connection.execute(f"pragma table_info({self.table})").fetchall()
        empty = " and ".join(f"{quoted(row[1])} is null" for row in views if row[1] != "entity_key")
        for change in (f"update {self.table} set {column} = null", f"delete from {self.table}"):
            also = f"and {empty}" if change.startswith("delete") else ""
            self.connection.executemany(f"{change} where entity_key = ? {also}", stale)


def upsert(
    connection: sqlite3.Connection,
    layout: RowFormat,
    table: str,
    keys: Sequence[bytes],
    records: Sequence[bytes],
    *,
    clears: bytes,
) -> int:
    """Write what is newer, or what takes the place of a record known by ``clears``; how many."""
    old, new = quoted(layout.view), f"excluded.{quoted(layout.view)}"
    statement = f"""
        insert into {table} (entity_key, {old}) values (?1, ?2)
        on conflict (entity_key) do update set {old} = {new}
        where {old} is null or ({new} <> {old} and (
            substr({new}, 1, {NEWER_BYTES}) >= substr({old}, 1, {NEWER_BYTES})
            or substr({new}, 17, 8) <> substr({old}, 17, 8)
            or {_known_at(old)} <= x'{clears.hex()}'
        ))
    """
    return connection.executemany(statement, zip(keys, records, strict=True)).rowcount


def quoted(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'


def _known_at(column: str) -> str:
    """The later of a record's two times."""
    return f"max(substr({column}, 1, 8), substr({column}, 9, 8))"
