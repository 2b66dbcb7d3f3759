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
from feature_repo.stores.label_rows import LabelRows, refuse_bad_labels
from governance.files import atomic_path

EARLIEST = datetime(1, 1, 1)  # noqa: DTZ001  the files hold naive UTC


def point_in_time_join(
    connection: duckdb.DuckDBPyConnection,
    labels: LabelRows,
    tables: Sequence[FeatureTable],
    *,
    label_at: str,
    known_only: bool = False,
) -> pa.Table:
    """``labels`` as they are, then the features of each table in order; missing is null."""
    answers = _answers(connection, labels, tables, label_at=label_at, known_only=known_only)
    joined = labels.table()
    if answers is not None:
        features = answers.to_arrow_table()
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
    answers = _answers(connection, labels, tables, label_at=label_at, known_only=known_only)
    features = answers.to_arrow_reader(chunk_rows) if answers is not None else None
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


def _answers(
    connection: duckdb.DuckDBPyConnection,
    labels: LabelRows,
    tables: Sequence[FeatureTable],
    *,
    label_at: str,
    known_only: bool,
) -> duckdb.DuckDBPyRelation | None:
    """The features of every label, in the labels' order; None where no feature is asked for."""
    refuse_bad_labels(labels.schema, tables, label_at)
    kinds = _take_labels(connection, labels, tables, label_at)
    wanted = [table for table in tables if table.features]
    pairs = [_key_pairs(connection, table, kinds) for table in wanted]
    for group in dict.fromkeys(tuple(label for label, _ in pair) for pair in pairs):
        first, last = _number_keys(connection, group)
        for place, (table, pair) in enumerate(zip(wanted, pairs, strict=True)):
            if tuple(label for label, _ in pair) == group:
                sources = [source for _, source in pair]
                _newest_rows(
                    connection, table, sources, known_only=known_only, first=first, last=last
                )
                connection.execute(_answer_sql(table, place))
    if not wanted:
        return None
    sides = " positional join ".join(f"answer_{place}" for place in range(len(wanted)))
    outputs = [quoted(out) for table in wanted for out, _ in table.features]
    return connection.sql(f"select {', '.join(outputs)} from {sides}")


def _take_labels(
    connection: duckdb.DuckDBPyConnection,
    labels: LabelRows,
    tables: Sequence[FeatureTable],
    label_at: str,
) -> dict[str, tuple[str, str]]:
    """Keys, times and places of the labels into a table; each key's column there and its type."""
    keys = list(dict.fromkeys(label for table in tables for label, _ in table.keys))
    connection.register("narrow_reader", labels.narrow(keys, label_at))
    connection.execute(
        "create or replace temp table narrow_labels as select * from narrow_reader"
    ).fetchall()
    connection.unregister("narrow_reader")
    described = connection.sql("describe narrow_labels").fetchall()
    kinds = {name: str(kind) for name, kind, *_ in described}
    return {key: (f"key_{place}", kinds[f"key_{place}"]) for place, key in enumerate(keys)}


def _key_pairs(
    connection: duckdb.DuckDBPyConnection, table: FeatureTable, kinds: dict[str, tuple[str, str]]
) -> list[tuple[str, str]]:
    """SQL of both sides of each key, comparable: as they are if of one type, else as text."""
    sources = ", ".join(quoted(source) for _, source in table.keys) or "1"
    described = connection.sql(f"describe select {sources} from {table.relation}").fetchall()
    pairs = []
    for (label, source), (_, source_kind, *_) in zip(table.keys, described, strict=False):
        column, kind = kinds[label]
        if kind == source_kind and kind not in _FLOATS:
            pairs.append((column, f"s.{quoted(source)}"))
        else:
            source_text = _key_text(f"s.{quoted(source)}", str(source_kind))
            pairs.append((_key_text(column, kind), source_text))
    return pairs


_FLOATS = ("FLOAT", "DOUBLE")


def _key_text(column: str, kind: str) -> str:
    """A key as text: 1.0 is '1' (pandas makes floats of integers with nulls), NaN is no key."""
    if kind in _FLOATS:
        whole = f"{column} = trunc({column}) and abs({column}) < 1e18"
        return (
            f"case when {whole} then cast(cast({column} as bigint) as varchar)"
            f" when not isnan({column}) then cast({column} as varchar) end"
        )
    if kind.startswith("TIMESTAMP") or kind == "DATE":
        return f"cast(cast({column} as timestamp) as varchar)"
    return f"cast({column} as varchar)"


def _number_keys(
    connection: duckdb.DuckDBPyConnection, group: tuple[str, ...]
) -> tuple[datetime, datetime]:
    """A number for each distinct key of the labels; returns the first and last time of a label."""
    named = ", ".join(f"{key} as part_{i}" for i, key in enumerate(group))
    known = " and ".join(f"({key}) is not null" for key in group) or "true"
    same = " and ".join(f"({key}) = k.part_{i}" for i, key in enumerate(group)) or "true"
    connection.execute(f"""
        create or replace temp table label_keys as
        select row_number() over () as key_id, *
        from (select distinct {named or "true as part_0"} from narrow_labels where {known});
        create or replace temp table label_rows as
        select k.key_id, l.label_at, l.place
        from narrow_labels as l left join label_keys as k on {same};
    """).fetchall()
    query = "select min(label_at), max(label_at) from label_rows"
    [(first, last)] = connection.execute(query).fetchall()
    return first or EARLIEST, last or EARLIEST


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


def _answer_sql(table: FeatureTable, place: int) -> str:
    """The features of every label as table ``answer_<place>``, in the labels' order."""
    spot = "n.best[3]"
    if table.ttl is not None:
        age = "epoch_us(l.label_at) - epoch_us(n.best[1])"
        spot = f"case when {age} <= {table.ttl // timedelta(microseconds=1)} then {spot} end"
    return f"""
        create or replace temp table answer_{place} as
        with seen as (
            select l.place, {spot} as spot
            from label_rows as l
            asof left join newest as n on l.key_id = n.key_id and l.label_at >= n.known_at
        )
        select {columns_sql(table, keys=False)}
        from seen left join {table.relation} as s on seen.spot = {table.spot_sql}
        order by seen.place
    """
