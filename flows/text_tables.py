"""The tables of what models read of texts, as dbt finds them: the views ``texts.<table>``.

The stage ``read texts`` leaves a file of each. The views are defined before every build; where
nothing was read they are empty, and every text feature takes its declared default.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from flows.importers.source_files import quoted
from governance.files import atomic_path
from governance.settings import Settings
from training.sentiment.reading import COLUMNS as REVIEW_COLUMNS
from training.text_features.model import COLUMNS

TEXT, NUMBER = "varchar", "bigint"
_NUMBERS = dict.fromkeys(COLUMNS, NUMBER)
# The columns of each table with their types; the first is its key.
TABLES: dict[str, dict[str, str]] = {
    "items": {"item_id": TEXT, **_NUMBERS, "listing_good": NUMBER},
    "queries": {"query": TEXT, "intent": TEXT, **_NUMBERS},
    "reviews": {"review_id": TEXT, **dict.fromkeys(REVIEW_COLUMNS, NUMBER)},
}
_ARROW = {TEXT: pa.string(), NUMBER: pa.int64()}


def table_path(settings: Settings, table: str) -> Path:
    """Where the stage leaves the readings of one kind of text."""
    return settings.texts_dir / settings.shop / f"{table}.parquet"


def write_table(settings: Settings, table: str, rows: Sequence[Sequence[object]]) -> Path:
    """The rows, in the order of the table's columns, in the place of those before."""
    columns = {
        name: pa.array([row[place] for row in rows], _ARROW[kind])
        for place, (name, kind) in enumerate(TABLES[table].items())
    }
    path = table_path(settings, table)
    with atomic_path(path) as beside:
        pq.write_table(pa.table(columns), beside)
    return path


def drop_table(settings: Settings, table: str) -> None:
    """Nothing is read of such texts any more."""
    table_path(settings, table).unlink(missing_ok=True)


def define_views(settings: Settings) -> None:
    """``texts.<table>`` over the files of the stage, or empty."""
    with duckdb.connect(str(settings.warehouse_path)) as warehouse:
        warehouse.execute("create schema if not exists texts").fetchall()
        for table in TABLES:
            select = _select(table_path(settings, table), TABLES[table].items())
            warehouse.execute(f"create or replace view texts.{table} as {select}").fetchall()


def _select(path: Path, columns: Iterable[tuple[str, str]]) -> str:
    if path.is_file():
        return f"select * from read_parquet({quoted(path)})"
    return f"select {', '.join(f'null::{kind} as {name}' for name, kind in columns)} where false"
