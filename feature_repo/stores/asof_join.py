"""Point-in-time join of label rows with feature tables, in DuckDB, by ASOF join.

What a label row may see of a feature table, and the test oracle says the same in plain Python:
the newest row of its keys whose event time is at or before the label's; of rows with that same
event time the one created last, and of those the last in the file; nothing, if that row is older
than the ttl (an age equal to the ttl still counts). With ``known_only`` a feature row also has
to have been created by the label's time. Every label row comes back once, in its place.

Only keys, times and the place on disk are sorted and joined; features are fetched once, by place.
Feast-free, so that it can be tested without Feast's import; ``asof_offline.py`` gives it to Feast.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from feature_repo.stores.feature_table import FeatureTable, columns_sql, quoted
from feature_repo.stores.label_keys import EARLIEST, key_pairs, number_keys, take_labels
from feature_repo.stores.label_rows import LabelRows, refuse_bad_labels
from governance.files import atomic_path


def point_in_time_join(
    connection: duckdb.DuckDBPyConnection,
    labels: LabelRows,
    tables: Sequence[FeatureTable],
    *,
    label_at: str,
    known_only: bool = False,
) -> pa.Table:
    """``labels`` as they are, then the features of each table in order; missing is null."""
    answers: dict[int, pa.Table] = {}
    for place, query in _answers(
        connection, labels, tables, label_at=label_at, known_only=known_only
    ):
        answers[place] = connection.sql(query).to_arrow_table()
    joined = labels.table()
    for _, features in sorted(answers.items()):
        for column, values in zip(features.column_names, features.columns, strict=True):
            joined = joined.append_column(column, values)
    return joined


def point_in_time_join_to_parquet(
    connection: duckdb.DuckDBPyConnection,
    labels: LabelRows,
    tables: Sequence[FeatureTable],
    path: Path,
    *,
    label_at: str,
    known_only: bool = False,
    chunk_rows: int,
) -> int:
    """The same rows into one Parquet file, whole or not at all; returns their number.

    Memory holds a few chunks of rows and what ``connection`` may take; DuckDB spills the rest.
    """
    answers = []
    for place, query in _answers(
        connection, labels, tables, label_at=label_at, known_only=known_only
    ):
        connection.execute(f"create or replace temp table answer_{place} as {query}").fetchall()
        answers.append(place)
    features = _glued(connection, tables, answers, chunk_rows) if answers else None
    schema = pa.schema([*labels.schema, *(features.schema if features else ())])
    rows = 0
    with atomic_path(path) as beside, pq.ParquetWriter(beside, schema) as writer:
        for chunk in _side_by_side(labels.batches(chunk_rows=chunk_rows), features, schema):
            writer.write_table(chunk, row_group_size=chunk_rows)
            rows += chunk.num_rows
    return rows


def _side_by_side(
    labels: Iterator[pa.RecordBatch], features: pa.RecordBatchReader | None, schema: pa.Schema
) -> Iterator[pa.Table]:
    """Each batch of labels with as many rows of features; both come in the labels' order."""
    if features is None:
        yield from (pa.Table.from_batches([batch], schema) for batch in labels)
        return
    waiting = features.schema.empty_table()
    for batch in labels:
        while waiting.num_rows < batch.num_rows:
            more = pa.Table.from_batches([features.read_next_batch()])
            waiting = pa.concat_tables([waiting, more])
        columns = [*batch.columns, *waiting.slice(0, batch.num_rows).columns]
        waiting = waiting.slice(batch.num_rows)
        yield pa.Table.from_arrays(columns, schema=schema)


def _glued(
    connection: duckdb.DuckDBPyConnection,
    tables: Sequence[FeatureTable],
    answers: Sequence[int],
    chunk_rows: int,
) -> pa.RecordBatchReader:
    """The features of all tables side by side, in the order that they are asked for in."""
    sides = " positional join ".join(f"answer_{place}" for place in sorted(answers))
    outputs = ", ".join(quoted(out) for table in tables for out, _ in table.features)
    return connection.sql(f"select {outputs} from {sides}").to_arrow_reader(chunk_rows)


def _answers(
    connection: duckdb.DuckDBPyConnection,
    labels: LabelRows,
    tables: Sequence[FeatureTable],
    *,
    label_at: str,
    known_only: bool,
) -> Iterator[tuple[int, str]]:
    """A table's place, and the SQL of its features for every label, in the labels' order.

    To be run before the next one is asked for, which replaces what it reads. Tables of the same
    keys follow each other; one of no features is left out.
    """
    refuse_bad_labels(labels.schema, tables, label_at)
    kinds = take_labels(connection, labels, tables, label_at)
    wanted = [table for table in tables if table.features]
    pairs = [key_pairs(connection, table, kinds) for table in wanted]
    for group in dict.fromkeys(tuple(label for label, _ in pair) for pair in pairs):
        first, last = number_keys(connection, group)
        for place, (table, pair) in enumerate(zip(wanted, pairs, strict=True)):
            if tuple(label for label, _ in pair) == group:
                sources = [source for _, source in pair]
                _newest_rows(
                    connection, table, sources, known_only=known_only, first=first, last=last
                )
                yield place, _answer_sql(table)


def _newest_rows(
    connection: duckdb.DuckDBPyConnection,
    table: FeatureTable,
    sources: Sequence[str],
    *,
    known_only: bool,
    first: datetime,
    last: datetime,
) -> None:
    """Per key and time at which a row became known: the best row(event_at, created_at, spot)."""
    has_older = table.ttl is not None and first - EARLIEST > table.ttl
    oldest = first - table.ttl if has_older and table.ttl else EARLIEST
    same = " and ".join(f"{source} = k.part_{i}" for i, source in enumerate(sources)) or "true"
    late = f"greatest({table.event_sql}, {table.created_sql})"
    connection.execute(
        f"""
        create or replace temp table newest as
        select
            k.key_id,
            {late if known_only else table.event_sql} as known_at,
            max(row({table.event_sql}, {table.created_sql}, {table.spot_sql})) as best,
        from {table.relation} as s inner join label_keys as k on {same}
        where {table.event_sql} between ? and ?
        group by all
        """,
        [oldest, last],
    ).fetchall()
    if connection.execute("select 1 from newest where known_at > best[1] limit 1").fetchall():
        connection.execute(_DROP_OUTDATED).fetchall()


# A late row counts from its creation on, unless a newer one was known before. Rows of one key and
# event time differ in known_at here, and the later known is the better one.
_DROP_OUTDATED = """
    create or replace temp table newest as
    select *
    from newest
    qualify best[1] >= max(best[1]) over (
        partition by key_id
        order by known_at
        rows unbounded preceding
    )
"""


def _answer_sql(table: FeatureTable) -> str:
    """The features of every label, in the labels' order."""
    spot = "n.best[3]"
    if table.ttl is not None:
        age = "epoch_us(l.label_at) - epoch_us(n.best[1])"
        spot = f"case when {age} <= {table.ttl // timedelta(microseconds=1)} then {spot} end"
    return f"""
        with seen as (
            select l.place, {spot} as spot
            from label_rows as l
            asof left join newest as n on l.key_id = n.key_id and l.label_at >= n.known_at
        )
        select {columns_sql(table, keys=False)}
        from seen left join {table.relation} as s on seen.spot = {table.spot_sql}
        order by seen.place
    """
