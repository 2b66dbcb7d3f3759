"""A shop's reviews from a file of their own, CSV or Parquet, with the columns of the shop contract.

Command: ``counterfoil import SHOP --reviews FILE``. The shops that ship have none, so these land
beside the shop's other tables. The columns in ``WANTED`` have to be there, those in ``OPTIONAL``
may be; others are left out. Times with an offset become UTC, those without one are UTC.
"""

from collections.abc import Mapping
from pathlib import Path

import duckdb

from flows.importers.raw_select import RawSelect
from flows.importers.source_files import open_source
from governance.files import digest_of, sha256_file

WANTED: Mapping[str, str] = {
    "review_id": "VARCHAR",
    "item_id": "VARCHAR",
    "body": "VARCHAR",
    "reviewed_at": "TIMESTAMP",
}
OPTIONAL: Mapping[str, str] = {"user_id": "VARCHAR", "rating": "DOUBLE", "title": "VARCHAR"}


def review_select(con: duckdb.DuckDBPyConnection, path: Path, *, name: str) -> RawSelect:
    """The file as the raw table ``reviews``; ``name`` is what the person called it."""
    scan = open_source(con, path, WANTED).scan
    there = {str(row[0]) for row in con.execute(f"describe select * from {scan}").fetchall()}
    given = {column: kind for column, kind in OPTIONAL.items() if column in there}
    open_source(con, path, {**WANTED, **given})
    columns = [_cast(column, kind) for column, kind in {**WANTED, **given}.items()]
    columns += [
        f"null::{OPTIONAL[column]} as {column}" for column in OPTIONAL if column not in given
    ]
    return RawSelect(
        table="reviews",
        sql=f"select {', '.join(columns)}, false as is_synthetic from {scan}"
        " order by reviewed_at, review_id",
        source=name,
        source_sha256=digest_of([sha256_file(path)]),
    )


def _cast(column: str, kind: str) -> str:
    if kind == "TIMESTAMP":  # a plain cast would leave an offset out
        return f"timezone('UTC', \"{column}\"::timestamptz) as {column}"
    return f'"{column}"::{kind} as {column}'
