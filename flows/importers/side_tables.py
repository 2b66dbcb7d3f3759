"""Tables beside a shop's own, each from a file, CSV or Parquet, with the shop contract's columns.

Commands: ``counterfoil import SHOP --reviews FILE``, ``--stock FILE``. The shops that ship have
neither. The columns in ``wanted`` have to be there, those in ``optional`` may be; others are left
out. Times with an offset become UTC, those without one are UTC.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from flows.importers.raw_select import RawSelect
from flows.importers.source_files import open_source
from governance.files import digest_of, sha256_file

Types = Mapping[str, str]  # column -> type in DuckDB


@dataclass(frozen=True)
class SideTable:
    """A raw table that a file can hold; rows land in the order of ``order_by``."""

    wanted: Types
    order_by: tuple[str, ...]
    optional: Types = field(default_factory=dict)


SIDE_TABLES: Mapping[str, SideTable] = {
    "reviews": SideTable(
        wanted={
            "review_id": "VARCHAR",
            "item_id": "VARCHAR",
            "body": "VARCHAR",
            "reviewed_at": "TIMESTAMP",
        },
        optional={"user_id": "VARCHAR", "rating": "DOUBLE", "title": "VARCHAR"},
        order_by=("reviewed_at", "review_id"),
    ),
    "stock": SideTable(
        wanted={"item_id": "VARCHAR", "on_hand": "DOUBLE", "snapshot_at": "TIMESTAMP"},
        order_by=("snapshot_at", "item_id"),
    ),
}


def side_select(con: duckdb.DuckDBPyConnection, table: str, path: Path, *, name: str) -> RawSelect:
    """The file as the raw ``table``; ``name`` is what the person called it."""
    side = SIDE_TABLES[table]
    scan = open_source(con, path, side.wanted).scan
    there = {str(row[0]) for row in con.execute(f"describe select * from {scan}").fetchall()}
    given = {**side.wanted, **{c: kind for c, kind in side.optional.items() if c in there}}
    open_source(con, path, given)
    columns = [_cast(column, kind) for column, kind in given.items()]
    columns += [f"null::{kind} as {c}" for c, kind in side.optional.items() if c not in given]
    return RawSelect(
        table=table,
        sql=f"select {', '.join(columns)}, false as is_synthetic from {scan}"
        f" order by {', '.join(side.order_by)}",
        source=name,
        source_sha256=digest_of([sha256_file(path)]),
    )


def _cast(column: str, kind: str) -> str:
    if kind == "TIMESTAMP":  # a plain cast would leave an offset out
        return f"timezone('UTC', \"{column}\"::timestamptz) as {column}"
    return f'"{column}"::{kind} as {column}'
