"""Point-in-time join of label rows with feature tables, in DuckDB, by ASOF join.

What a label row may see of a feature table, and the test oracle says the same in plain Python:
the newest row of its keys whose event time is at or before the label's; of rows with that same
event time the one created last, and of those the last in the file; nothing, if that row is older
than the ttl (an age equal to the ttl still counts). With ``only_created`` a feature row also has
to have been created by the label's time. Every label row comes back once, in its place.

Feast-free, so that it can be tested without Feast's import; ``asof_offline.py`` gives it to Feast.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from feature_repo.stores.feature_table import FeatureTable, columns_sql, quoted
from governance.errors import InputError

MICROSECONDS = pa.timestamp("us")
EARLIEST = datetime(1, 1, 1)  # noqa: DTZ001  the files hold naive UTC


def point_in_time_join(
    connection: duckdb.DuckDBPyConnection,
    labels: pa.Table,
    tables: Sequence[FeatureTable],
    *,
    label_at: str,
    only_created: bool = False,
) -> pa.Table:
    """``labels`` as they are, then the features of each table in order; missing is null."""
    _refuse_bad_labels(labels, tables, label_at)
    found: dict[int, pa.Table] = {}
    for keys in dict.fromkeys(table.keys for table in tables):
        label_keys = [label for label, _ in keys]
        places = _make_points(connection, labels, label_keys, label_at)
        for index, table in enumerate(tables):
            if table.keys == keys:
                at_points = _features_at_points(connection, table, only_created=only_created)
                found[index] = at_points.take(places)
    for index in range(len(tables)):
        for column, values in zip(found[index].column_names, found[index].columns, strict=True):
            labels = labels.append_column(column, values)
    return labels


def _make_points(
    connection: duckdb.DuckDBPyConnection, labels: pa.Table, keys: list[str], label_at: str
) -> pa.Array:
    """Distinct (keys, time) of the labels as temp tables; returns each label's point or null."""
    narrow = {f"key_{i}": labels[key] for i, key in enumerate(keys)}
    narrow |= {"label_at": _microseconds(labels[label_at]), "place": pa.array(range(len(labels)))}
    connection.register("narrow_labels", pa.table(narrow))
    names = [f"key_{i}" for i in range(len(keys))]
    using = ", ".join(names)
    connection.execute(f"""
        create or replace temp table label_rows as
        select {", ".join(f"cast({key} as varchar) as {key}" for key in names)}, label_at, place
        from narrow_labels;
        create or replace temp table label_keys as
        select row_number() over () as key_id, *
        from (
            select distinct {using} from label_rows
            where {" and ".join(f"{key} is not null" for key in names)}
        );
        create or replace temp table points as
        select row_number() over () - 1 as point_id, *
        from (
            select distinct key_id, label_at
            from label_rows inner join label_keys using ({using})
            where label_at is not null
        );
    """)
    places = connection.sql(f"""
        select point_id
        from label_rows
        left join label_keys using ({using})
        left join points using (key_id, label_at)
        order by place
    """).to_arrow_table()
    connection.unregister("narrow_labels")
    return places["point_id"].combine_chunks()


def _features_at_points(
    connection: duckdb.DuckDBPyConnection, table: FeatureTable, *, only_created: bool
) -> pa.Table:
    """The features of every point, in point order; null where no row is seen."""
    _make_source_rows(connection, table)
    late = "select 1 from source_rows where created_at > event_at limit 1"
    if only_created and connection.execute(late).fetchall():
        connection.execute(_BEST_CREATED)
    else:
        connection.execute(_BEST)
    ttl = "true"
    if table.ttl is not None:
        ttl = f"epoch_us(label_at) - epoch_us(best[1]) <= {table.ttl // timedelta(microseconds=1)}"
    return connection.sql(f"""
        with seen as (
            select point_id, {columns_sql(table, keys=False)}
            from best
            inner join {table.relation} as s
                on s.file_index = best[3] and s.file_row_number = best[4]
            where {ttl}
        )
        select {", ".join(f"seen.{quoted(out)}" for out, _ in table.features)}
        from points left join seen using (point_id)
        order by points.point_id
    """).to_arrow_table()


def _make_source_rows(connection: duckdb.DuckDBPyConnection, table: FeatureTable) -> None:
    """The feature rows that any label could see, narrow: key, times and place on disk."""
    first, last = _label_range(connection)
    has_older = table.ttl is not None and first - EARLIEST > table.ttl
    oldest = first - table.ttl if has_older and table.ttl else EARLIEST
    pairs = enumerate(source for _, source in table.keys)
    on = " and ".join(f"cast(s.{quoted(key)} as varchar) = k.key_{i}" for i, key in pairs)
    connection.execute(
        f"""
        create or replace temp table source_rows as
        select
            k.key_id,
            {table.event_sql} as event_at,
            {table.created_sql} as created_at,
            s.file_index,
            s.file_row_number,
        from {table.relation} as s inner join label_keys as k on {on}
        where {table.event_sql} between ? and ?
        """,
        [oldest, last],
    )


def _label_range(connection: duckdb.DuckDBPyConnection) -> tuple[datetime, datetime]:
    """The first and last time of any point; no points: a range that holds no row."""
    first, last = connection.execute("select min(label_at), max(label_at) from points").fetchall()[
        0
    ]
    return first or EARLIEST, last or EARLIEST


# best: point -> row(event_at, created_at, file_index, file_row_number) of the row it sees.
_BEST = """
    create or replace temp table best as
    with matched as (
        select p.point_id, p.key_id, p.label_at, s.event_at
        from points as p
        asof join source_rows as s on p.key_id = s.key_id and p.label_at >= s.event_at
    )
    select
        point_id,
        label_at,
        max(row(event_at, created_at, file_index, file_row_number)) as best,
    from matched inner join source_rows using (key_id, event_at)
    group by all
"""

# A row is known from the later of its two times; the best row known so far is a running maximum.
_BEST_CREATED = """
    create or replace temp table best as
    with known as (
        select
            key_id,
            greatest(event_at, created_at) as known_at,
            max(row(event_at, created_at, file_index, file_row_number)) over (
                partition by key_id
                order by greatest(event_at, created_at)
            ) as best,
        from source_rows
    )
    select p.point_id, p.label_at, k.best
    from points as p
    asof join known as k on p.key_id = k.key_id and p.label_at >= k.known_at
"""


def _microseconds(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.cast(column, MICROSECONDS, safe=False)


def _refuse_bad_labels(labels: pa.Table, tables: Sequence[FeatureTable], label_at: str) -> None:
    keys = {label for table in tables for label, _ in table.keys}
    if missing := sorted({label_at, *keys} - set(labels.column_names)):
        raise InputError(
            f"the label rows have no column {missing[0]}",
            why=f"their columns are {', '.join(labels.column_names)}",
            next_step=f"give every label row {', '.join(sorted(keys))} and {label_at}",
        )
    if not pa.types.is_timestamp(labels.schema.field(label_at).type):
        raise InputError(
            f"{label_at} of the label rows is {labels.schema.field(label_at).type}",
            why="a point-in-time join needs a timestamp",
            next_step="cast it to timestamp[us], naive and in UTC",
        )
    outputs = [*labels.column_names, *(out for table in tables for out, _ in table.features)]
    if repeated := sorted({column for column in outputs if outputs.count(column) > 1}):
        raise InputError(
            f"column {repeated[0]} would appear twice in the joined rows",
            why="label columns and features share one table",
            next_step="rename the label column, or ask for full feature names",
        )
