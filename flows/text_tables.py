"""The tables of text readings as dbt finds them: the views ``texts.items`` and ``texts.queries``.

Defined before every build. Where nothing was read they are empty, and every text feature takes its
declared default.
"""

from pathlib import Path

import duckdb

from flows.importers.source_files import quoted
from governance.settings import Settings
from training.text_features.model import COLUMNS

KEYS = {"items": "item_id", "queries": "query"}
TEXTS: dict[str, tuple[str, ...]] = {"items": (), "queries": ("intent",)}


def table_path(settings: Settings, table: str) -> Path:
    """Where the stage leaves the readings of one kind of text."""
    return settings.texts_dir / settings.shop / f"{table}.parquet"


def define_views(settings: Settings) -> None:
    """``texts.<table>`` over the files of the stage, or empty."""
    with duckdb.connect(str(settings.warehouse_path)) as warehouse:
        warehouse.execute("create schema if not exists texts").fetchall()
        for table in KEYS:
            select = _select(settings, table)
            warehouse.execute(f"create or replace view texts.{table} as {select}").fetchall()


def _select(settings: Settings, table: str) -> str:
    path = table_path(settings, table)
    if path.is_file():
        return f"select * from read_parquet({quoted(path)})"
    texts = [f"null::varchar as {name}" for name in (KEYS[table], *TEXTS[table])]
    numbers = [f"null::bigint as {name}" for name in COLUMNS]
    return f"select {', '.join(texts + numbers)} where false"
