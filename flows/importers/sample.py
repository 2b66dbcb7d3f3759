"""A sample of the default shop: its own files, cut down to the first households by number.

For tests and ``make demo-spark``, which want real rows but not all of them. The result is a
``--source`` for ``counterfoil import complete_journey``.
"""

from pathlib import Path

import duckdb

from flows.importers.complete_journey import package_folder

_PROMOTED_ITEMS = "product_id % 20 = 0"  # 20.9 M rows of promotions are one million then


def cut_sample(folder: Path, *, households: int) -> Path:
    """Write every file of the shop to ``folder``, with the rows of ``households`` only."""
    source = package_folder()
    folder.mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as con:
        con.execute(
            "create table kept as select distinct household_id "
            f"from '{source}/transactions.parquet' order by household_id limit {households}"
        ).fetchall()
        for path in sorted(source.glob("*.parquet")):
            where = _kept_rows(path, con)
            con.execute(
                f"copy (select * from '{path}' where {where}) to '{folder / path.name}'"
            ).fetchall()
    return folder


def _kept_rows(path: Path, con: duckdb.DuckDBPyConnection) -> str:
    columns = {row[0] for row in con.execute(f"describe select * from '{path}'").fetchall()}
    if "household_id" in columns:
        return "household_id in (from kept)"
    return _PROMOTED_ITEMS if path.stem == "promotions" else "true"
