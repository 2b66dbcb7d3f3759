"""Packed records in one SQLite file: a table per set of keys, a row per entity, a column per view.

Measured on 60 k items x 3 views, reading 300 ids: one row per entity 1.1 ms, one row per entity
and view 2.4 ms, one table per view 2.6 ms; so all views of an entity lie together. WAL lets a
server read while a materialisation writes; each materialisation of a view is one transaction.
"""

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from feature_repo.stores.packed_rows import NEWER_BYTES, RowFormat, cleared_bytes, microseconds

IDS_A_QUERY = 10_000  # SQLite takes 32,766 variables in a statement
STATE_TABLE = """
    create table if not exists view_state (
        view text primary key, keys text not null, schema blob not null, materialised_to integer
    )
"""


class SqliteBackend:
    """One connection per thread on ``path``; every method may be called from any thread."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._local = threading.local()

    def prepare(self, row_format: RowFormat) -> None:
        """Make the place of a view; what it holds stays, unless its columns are others now."""
        connection, table = self._connection(), _table(row_format.keys)
        column = _quoted(row_format.view)
        with _transaction(connection):
            connection.execute(STATE_TABLE)
            connection.execute(
                f"create table if not exists {table} (entity_key blob primary key) without rowid"
            )
            present = {row[1] for row in connection.execute(f"pragma table_info({table})")}
            if row_format.view not in present:
                connection.execute(f"alter table {table} add column {column} blob")
            connection.execute(
                "insert into view_state (view, keys, schema) values (?, ?, ?)"
                " on conflict (view) do update set schema = excluded.schema, materialised_to ="
                " case when schema = excluded.schema then materialised_to end",
                (row_format.view, table, row_format.schema),
            )

    def drop(self, view: str) -> None:
        """Forget a view and its records."""
        connection = self._connection()
        with _transaction(connection):
            connection.execute(STATE_TABLE)
            state = "select keys from view_state where view = ?"
            for (table,) in connection.execute(state, (view,)).fetchall():
                connection.execute(f"update {table} set {_quoted(view)} = null")
                connection.execute("delete from view_state where view = ?", (view,))

    @contextmanager
    def writing(self, row_format: RowFormat, *, replace_until: datetime | None) -> Iterator[None]:
        """One transaction; with ``replace_until`` what the store held until then makes way."""
        connection = self._connection()
        column = _quoted(row_format.view)
        with _transaction(connection):
            if replace_until is not None:
                _, held_to = self.states([row_format.view]).get(row_format.view, (b"", None))
                connection.execute(
                    f"update {_table(row_format.keys)} set {column} = null"
                    f" where substr({column}, 1, 8) <= ?",
                    (cleared_bytes(replace_until, held_to),),
                )
            yield
            if replace_until is not None:
                connection.execute(
                    "update view_state set materialised_to = ? where view = ?",
                    (microseconds(replace_until), row_format.view),
                )

    def extend(self, row_format: RowFormat, *, start: datetime, end: datetime) -> None:
        """Say that a window was added; it counts if it begins where the store already was."""
        self._connection().execute(
            "update view_state set materialised_to = max(materialised_to, ?)"
            " where view = ? and materialised_to >= ?",
            (microseconds(end), row_format.view, microseconds(start)),
        )

    def write(self, row_format: RowFormat, keys: Sequence[bytes], records: Sequence[bytes]) -> None:
        """Upsert inside :meth:`writing`; an older record never takes a newer one's place."""
        column = _quoted(row_format.view)
        self._connection().executemany(
            f"""
            insert into {_table(row_format.keys)} (entity_key, {column}) values (?, ?)
            on conflict (entity_key) do update set {column} = excluded.{column}
            where {column} is null
                or substr(excluded.{column}, 1, {NEWER_BYTES}) >= substr({column}, 1, {NEWER_BYTES})
                or substr(excluded.{column}, 17, 8) <> substr({column}, 17, 8)
            """,
            zip(keys, records, strict=True),
        )

    def read(self, formats: Sequence[RowFormat], keys: Sequence[bytes]) -> list[list[bytes | None]]:
        """For each format, the records of ``keys`` in order; all formats share their keys."""
        columns = ", ".join(_quoted(row_format.view) for row_format in formats)
        connection, table = self._connection(), _table(formats[0].keys)
        found: dict[bytes, tuple[bytes | None, ...]] = {}
        for start in range(0, len(keys), IDS_A_QUERY):
            part = keys[start : start + IDS_A_QUERY]
            marks = ", ".join("?" * len(part))
            rows = connection.execute(
                f"select {columns}, entity_key from {table} where entity_key in ({marks})", part
            )
            found.update((row[-1], row) for row in rows)
        nothing = (None,) * len(formats)
        whole = [found.get(key, nothing) for key in keys]
        return [[row[index] for row in whole] for index in range(len(formats))]

    def states(self, views: Sequence[str]) -> dict[str, tuple[bytes, int | None]]:
        """For each prepared view its schema and the instant it is materialised to."""
        marks = ", ".join("?" * len(views))
        query = f"select view, schema, materialised_to from view_state where view in ({marks})"
        try:
            rows = self._connection().execute(query, list(views)).fetchall()
        except sqlite3.OperationalError:  # nothing was ever prepared in this file
            return {}
        return {view: (schema, until) for view, schema, until in rows}

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(self.path, isolation_level=None, timeout=60)
            connection.execute("pragma journal_mode = wal")
            connection.execute("pragma synchronous = normal")
            connection.execute("pragma mmap_size = 268435456")
            self._local.connection = connection
        return connection


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("begin immediate")
    try:
        yield
        connection.execute("commit")
    except BaseException:
        connection.execute("rollback")
        raise


def _table(keys: tuple[str, ...]) -> str:
    return _quoted("rows_by_" + "_and_".join(sorted(keys)))


def _quoted(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'
