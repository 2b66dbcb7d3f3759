"""Compare engines: every mart and feature table of DuckDB against the one that Spark built.

Row by row: the same columns, types and values to the last bit of a double, each row as often.
"""

from dataclasses import dataclass

import duckdb

from flows.importers.source_files import quoted
from flows.stages import Progress, StepResult
from governance.errors import GateRefused
from governance.settings import Settings

_TABLES = """
    select table_name from information_schema.tables
    where table_schema = 'main' and table_type = 'BASE TABLE' order by table_name
"""


@dataclass(frozen=True)
class Comparison:
    """One table on both engines; ``sample`` is the first row that only one of them has."""

    table: str
    rows: int
    only_duckdb: int
    only_spark: int
    sample: str = ""

    @property
    def is_same(self) -> bool:
        return not (self.only_duckdb or self.only_spark or self.sample)


def run(settings: Settings, progress: Progress, _source: str | None = None) -> StepResult:
    """Compare all tables; GateRefused with a line per table that differs."""
    found = compare_all(settings, progress)
    if different := [comparison for comparison in found if not comparison.is_same]:
        raise GateRefused(
            f"{len(different)} of {len(found)} tables differ between DuckDB and Spark",
            where=f"{settings.warehouse_path} and {settings.spark_dir}",
            rows=[(comparison.table, _difference(comparison)) for comparison in different],
            next_step="write the SQL so that both engines compute the same; see dbt/macros",
        )
    return StepResult(
        f"{len(found)} tables, {sum(comparison.rows for comparison in found):,} rows, 0 differ",
        facts={comparison.table: comparison.rows for comparison in found},
    )


def compare_all(settings: Settings, progress: Progress) -> list[Comparison]:
    """Every table that dbt materialised in the warehouse, against its twin on Spark."""
    options = {"threads": settings.threads, "memory_limit": settings.duckdb_memory_limit}
    with duckdb.connect(str(settings.warehouse_path), read_only=True, config=options) as con:
        names = [str(row[0]) for row in con.execute(_TABLES).fetchall()]
        found = []
        for name in names:
            progress(name)
            files = quoted(settings.spark_dir / "tables" / name / "*.parquet")
            found.append(compare(con, name, f"select * from read_parquet({files})"))
        return found


def compare(con: duckdb.DuckDBPyConnection, table: str, spark_sql: str) -> Comparison:
    """The rows of ``table`` that Spark lacks and those that it has beyond; types come first."""
    columns, spark_columns = _columns(con, f"select * from {table}"), _columns(con, spark_sql)
    if columns != spark_columns:
        odd = next(iter(set(columns) ^ set(spark_columns)), columns[0])
        return Comparison(table, 0, 0, 0, sample=f"column {' '.join(odd)} on one engine only")
    ours, sparks = f"(select * from {table})", f"({spark_sql})"
    rows = int(con.execute(f"select count(*) from {table}").fetchall()[0][0])
    only_duckdb, first = _left_over(con, f"{ours} except all {sparks}")
    only_spark, other = _left_over(con, f"{sparks} except all {ours}")
    return Comparison(table, rows, only_duckdb, only_spark, sample=first or other)


def _columns(con: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[str, str]]:
    return [(str(row[0]), str(row[1])) for row in con.execute(f"describe {sql}").fetchall()]


def _left_over(con: duckdb.DuckDBPyConnection, sql: str) -> tuple[int, str]:
    con.execute(f"create or replace temp table left_over as {sql}").fetchall()
    count = con.execute("select count(*) from left_over").fetchall()[0][0]
    first = con.execute("select * from left_over order by all limit 1").fetchall()
    return int(count), ", ".join(map(str, first[0])) if first else ""


def _difference(comparison: Comparison) -> str:
    return (
        f"{comparison.only_duckdb:,} rows only on DuckDB, {comparison.only_spark:,} only on"
        f" Spark, such as: {comparison.sample}"
    )
