"""The newest row of each key, in the byte order of the online store's keys: what is materialised.

Two passes. The first finds where each key's newest row lies (DuckDB spills what does not fit into
its memory limit) and keeps a key and a place for every entity. The second reads whole rows, so
many keys at a time that they take ``PART_BYTES``: for every such part the table is scanned once.
Rows are handed on in chunks. Memory is bounded by ``MEMORY_BYTES`` and ``FEATURE_BYTES`` a feature
for DuckDB (or its configured limit, if that is less), and by a chunk outside it. Feast-free.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from glob import glob
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from feature_repo.stores.feature_table import FeatureTable, columns_sql, naive_utc, quoted
from feature_repo.stores.packed_rows import key_bytes
from governance.files import digest_of, sha256_file

PART_BYTES = 48 << 20  # 300 k rows of 16 numbers; larger parts mean fewer scans of the table
MEMORY_BYTES = 192 << 20  # DuckDB sorts the places of 1 M keys in it
FEATURE_BYTES = 4 << 20  # what two threads decompress of a column at a time
_NOTED = pa.schema([("entity_key", pa.binary()), ("spot", pa.int64())])


@dataclass(frozen=True, eq=False)
class NewestRows:
    """The rows of ``start <= event time <= end`` as known at ``end``; one connection, one use."""

    connection: duckdb.DuckDBPyConnection
    table: FeatureTable
    start: datetime
    end: datetime
    chunk_rows: int

    def source(self, schema: bytes, *, is_whole: bool) -> str:
        """What is read, as one text: a run may only go on where the same was read before."""
        return digest_of(
            {
                "files": [sha256_file(path) for path in self._files()],
                "window": [naive_utc(self.start).isoformat(), naive_utc(self.end).isoformat()],
                "schema": schema.hex(),
                "is_whole": is_whole,
            }
        )

    def find(self, *, after: bytes) -> int:
        """Note each key's newest row; how many keys lie behind ``after``."""
        noted = pa.RecordBatchReader.from_batches(_NOTED, self._places(after))
        self._bound_memory()
        self.connection.register("noted", noted)
        self.connection.execute("""
            create or replace temp table newest as
            select row_number() over (order by entity_key) - 1 as place, entity_key, spot
            from noted
        """).fetchall()
        self.connection.unregister("noted")
        [(count,)] = self.connection.execute("select count(*) from newest").fetchall()
        return int(count)

    def chunks(self, count: int) -> Iterator[tuple[list[bytes], pa.RecordBatch]]:
        """After :meth:`find`: keys and their rows, in key order."""
        for first in range(0, count, self._part_rows):
            query = f"""
                with part as (
                    from newest where place >= {first} and place < {first + self._part_rows}
                )
                select p.entity_key as "entity key", {columns_sql(self.table)}
                from part as p
                inner join {self.table.relation} as s on {self.table.spot_sql} = p.spot
                order by p.place
            """
            for batch in self.connection.sql(query).to_arrow_reader(self.chunk_rows):
                yield batch.column("entity key").to_pylist(), batch

    @cached_property
    def _part_rows(self) -> int:
        width = 8 * (len(self.table.features) + 2 * len(self.table.keys) + 4)
        return max(self.chunk_rows, PART_BYTES // width)

    def _bound_memory(self) -> None:
        [(configured,)] = self.connection.execute(
            "select current_setting('memory_limit')"
        ).fetchall()
        number, unit = configured.split()
        sizes = {"bytes": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}
        wanted = MEMORY_BYTES + FEATURE_BYTES * len(self.table.features)
        limit = min(wanted, int(float(number) * sizes[unit]))
        self.connection.execute(f"set memory_limit = '{limit >> 10}KiB'")

    def _files(self) -> list[Path]:
        given = [
            [path] if Path(path).is_file() else sorted(glob(path)) for path in self.table.paths
        ]
        return [Path(path) for paths in given for path in paths]

    def _places(self, after: bytes) -> Iterator[pa.RecordBatch]:
        """(key as the online store has it, place on disk) of each key's newest row."""
        names = [source for _, source in self.table.keys]
        entities = [entity for entity, _ in self.table.keys]
        keys = ", ".join(map(quoted, names))
        query = f"""
            select {keys}, {self.table.spot_sql} as "spot"
            from {self.table.relation}
            where {self.table.event_sql} between $start and $end
                and {self.table.created_sql} <= $end
                and {" and ".join(f"{quoted(name)} is not null" for name in names)}
            qualify row_number() over (
                partition by {keys}
                order by {self.table.event_sql} desc, {self.table.created_sql} desc, "spot" desc
            ) = 1
        """
        window = {"start": naive_utc(self.start), "end": naive_utc(self.end)}
        with self.connection.cursor() as cursor:
            cursor.execute("set timezone = 'UTC'")
            for batch in cursor.sql(query, params=window).to_arrow_reader(self.chunk_rows):
                found = key_bytes(entities, [batch.column(name).to_pylist() for name in names])
                columns = [pa.array(found, pa.binary()), batch["spot"]]
                noted = pa.record_batch(columns, schema=_NOTED)  # refuses what is not of it
                yield noted.filter(pc.greater(noted["entity_key"], pa.scalar(after, pa.binary())))
