"""The newest row of each key, in the byte order of the online store's keys: what is materialised.

Three passes, each linear in what it reads. The first finds where each key's newest row lies. The
second reads whole rows once, in the order of the files, and lays each into the part on disk that
its key belongs to; the third sorts part after part and hands on chunks. Memory does not grow with
the keys: DuckDB spills what does not fit into ``MEMORY_BYTES`` and ``FEATURE_BYTES`` a feature (or
its configured limit, if that is less), and beside it lie one part and one chunk. Feast-free.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from glob import glob
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from feature_repo.stores.feature_table import FeatureTable, columns_sql, naive_utc, quoted
from feature_repo.stores.packed_rows import key_bytes
from governance.files import digest_of, sha256_file

PART_BYTES = 8 << 20  # 50 k rows of 16 numbers, held twice while they are sorted
MEMORY_BYTES = 64 << 20  # the places of 3 M keys are found and sorted in it
FEATURE_BYTES = 2 << 20  # what a thread decompresses of a column at a time
MOST_PARTS = 500  # each is an open file while they are laid out
_PLACE = "place in order"
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
        self._bound_memory()
        noted = pa.RecordBatchReader.from_batches(_NOTED, self._places(after))
        self.connection.register("noted", noted)
        self.connection.execute("""
            create or replace temp table newest as
            select row_number() over () - 1 as place, spot
            from (select spot from noted order by entity_key)
        """).fetchall()
        self.connection.unregister("noted")
        [(count,)] = self.connection.execute("select count(*) from newest").fetchall()
        return int(count)

    def chunks(self, count: int) -> Iterator[tuple[list[bytes], pa.RecordBatch]]:
        """After :meth:`find`: keys and their rows, in key order."""
        names = [source for _, source in self.table.keys]
        entities = [entity for entity, _ in self.table.keys]
        with TemporaryDirectory(prefix="counterfoil-") as folder:
            for path in self._lay_out(Path(folder), count):
                with pa.OSFile(str(path)) as file:
                    rows = pa.ipc.open_stream(file).read_all()
                path.unlink()
                rows = rows.take(np.argsort(rows.column(_PLACE).to_numpy())).combine_chunks()
                for batch in rows.drop_columns(_PLACE).to_batches(self.chunk_rows):
                    keys = key_bytes(entities, [batch.column(name).to_pylist() for name in names])
                    yield keys, batch

    def _lay_out(self, folder: Path, count: int) -> list[Path]:
        """Every newest row into its part, which are in key order; rows within a part are not."""
        query = f"""
            select n.place as {quoted(_PLACE)}, {columns_sql(self.table)}
            from {self.table.relation} as s
            inner join newest as n on {self.table.spot_sql} = n.spot
        """
        size = max(self._part_rows, -(-count // MOST_PARTS))
        paths = [folder / f"{part}.arrow" for part in range(-(-count // size))]
        # a second thread would only take memory: what comes after takes longer than reading
        self.connection.execute("set threads = 1").fetchall()
        with ExitStack() as stack:
            reader = stack.enter_context(
                self.connection.sql(query).to_arrow_reader(self.chunk_rows)
            )
            parts = [
                stack.enter_context(pa.ipc.new_stream(sink, reader.schema))
                for sink in (stack.enter_context(pa.OSFile(str(path), "wb")) for path in paths)
            ]
            for batch in reader:
                owners = batch.column(_PLACE).to_numpy() // size
                for part in np.unique(owners):
                    parts[part].write_batch(batch.filter(pa.array(owners == part)))
        return paths

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
