"""What a shop's search is built and learns from: its warehouse, or a file with a catalogue."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.csv as pa_csv

from flows.search_tables import CLICKS_SQL, ITEMS_SQL, POPULAR_SQL, SEARCHES_SQL, SHUFFLED_SQL
from governance.errors import InputError
from training.query_help.train import SearchRow
from training.shop_data import open_warehouse
from training.text_search.catalogue import Catalogue
from training.text_search.catalogue_file import catalogue_of, read_catalogue
from training.text_search.clicks import Click
from training.text_search.learn import ClickLog
from training.text_search.position_bias import Shuffled

SIZE = "package_size"  # stands beside the title in some shops
MOST_POPULAR = 50  # items of a category that are kept for a query that finds nothing


@dataclass(frozen=True)
class Source:
    """What an index is built from; ``is_synthetic`` where searches were simulated."""

    catalogue: Catalogue
    searches: tuple[SearchRow, ...] = ()
    popular: Mapping[str, list[str]] | None = None
    is_synthetic: bool = False

    def facts(self) -> dict[str, object]:
        """For the card: what synonyms and completions come of."""
        came_of = "simulated sessions" if self.is_synthetic else "the shop's sessions"
        told = f"synonyms and completions come of {came_of}" if self.searches else (
            "no sessions: completions come of titles, there are no synonyms"
        )  # fmt: skip
        return {
            "help": {
                "searches": len(self.searches),
                "sessions": len({row.session_id for row in self.searches}),
                "is_synthetic": self.is_synthetic,
                "told": told,
            }
        }


def read_shop_source(warehouse_path: Path) -> Source:
    """Items, searches with their clicks, and what sells, from the warehouse."""
    with open_warehouse(
        warehouse_path,
        to="read items from",
        next_step="counterfoil build, or give --data a catalogue",
    ) as warehouse:
        items = warehouse.sql(ITEMS_SQL).to_arrow_table().to_pylist()
        searches = warehouse.sql(SEARCHES_SQL).to_arrow_table().to_pylist()
        sold = warehouse.sql(POPULAR_SQL.format(most=MOST_POPULAR)).fetchall()
    rows = [{**row, "attributes": {SIZE: row["package_size"]}} for row in items]
    return Source(
        catalogue_of(rows, where=str(warehouse_path)),
        tuple(_search(row) for row in searches),
        _popular(sold),
        is_synthetic=any(row["is_synthetic"] for row in searches),
    )


def read_file_source(path: Path) -> Source:
    """A catalogue of a Parquet or CSV file; without sessions."""
    if path.suffix.lower() != ".csv":
        return Source(read_catalogue(path))
    try:
        table = pa_csv.read_csv(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise InputError(
            "the catalogue cannot be read", where=str(path), why=str(error).splitlines()[0]
        ) from None
    rows = table.to_pylist()
    return Source(catalogue_of(rows, columns=table.column_names, where=str(path)))


def read_click_log(warehouse_path: Path) -> ClickLog:
    """Clicks with their positions; one whose position nobody noted is left out."""
    with duckdb.connect(str(warehouse_path), read_only=True) as warehouse:
        clicks = warehouse.sql(CLICKS_SQL).fetchall()
        shuffled = warehouse.sql(SHUFFLED_SQL).fetchall()
    return ClickLog(
        tuple(Click(query, item, int(position), at) for query, item, position, at, _ in clicks),
        Shuffled(
            shown=tuple(shown for _, shown, _ in shuffled),
            clicked=tuple(clicked for _, _, clicked in shuffled),
        ),
        is_synthetic=any(is_synthetic for *_, is_synthetic in clicks),
    )


def _search(row: Mapping[str, Any]) -> SearchRow:
    at: datetime = row["searched_at"]
    return SearchRow(
        session_id=row["session_id"],
        at=at.replace(tzinfo=UTC),
        query=row["query"],
        clicked=tuple(row["clicked"] or ()),
        user_id=row["user_id"] or "",
    )


def _popular(sold: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for category, item_id in sold:
        found.setdefault(category, []).append(item_id)
    return found
