"""Keys of label rows in DuckDB: taken from the labels, made comparable with a table's, numbered.

Part of ``asof_join.py``: joins go by a number for each distinct key of the labels, not by its text
or its parts. Feast-free.
"""

from collections.abc import Sequence
from datetime import datetime

import duckdb

from feature_repo.stores.feature_table import FeatureTable, quoted
from feature_repo.stores.label_rows import LabelRows

EARLIEST = datetime(1, 1, 1)  # noqa: DTZ001  the files hold naive UTC


def take_labels(
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


def key_pairs(
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


def number_keys(
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
