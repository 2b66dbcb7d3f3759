"""The shop as training sees it: integer-coded order lines, a judge's copy of them, impressions.

The only module of this room that opens the warehouse, read-only. Ids become places in sorted
vocabularies; times become microseconds since 1970 in UTC. ``lines`` is what a model may learn
from (sold, priced, kept by the contracts); ``judge`` is every raw line, by which it is measured.
"""

from dataclasses import dataclass, fields
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from governance.errors import InputError, StateError
from training.shop_queries import IMPRESSIONS_SQL, ITEMS_SQL, JUDGE_SQL, LINES_SQL

Ints = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]

CATEGORY_LEVELS = ("department", "category", "product_type")  # from coarse to fine
GUEST = -1  # the user code of an order without a user


@dataclass(frozen=True)
class Lines:
    """Order lines ordered by user, time, order and item; ``user`` is GUEST where unknown."""

    user: Ints
    item: Ints
    order: Ints
    at_us: Longs
    quantity: Floats
    unit_price: Floats
    is_discounted: Bools

    def where(self, kept: Bools) -> "Lines":
        return Lines(*(getattr(self, column.name)[kept] for column in fields(self)))

    def before(self, cutoff_us: int) -> "Lines":
        """What was known at ``cutoff_us``: strictly earlier lines."""
        return self.where(self.at_us < cutoff_us)


@dataclass(frozen=True)
class Impressions:
    """Logged impressions of known users; ``order`` is the judge's code of the basket they came
    from (GUEST where they came from none). Click and cart are NaN where the shop logs none."""

    user: Ints
    item: Ints
    order: Ints
    at_us: Longs
    is_bought: Bools
    is_synthetic: Bools
    is_clicked: Floats
    is_carted: Floats

    def where(self, kept: Bools) -> "Impressions":
        return Impressions(*(getattr(self, column.name)[kept] for column in fields(self)))


@dataclass(frozen=True)
class ShopData:
    """Everything training reads, coded: ``user_ids[code]``, ``item_ids[code]`` and so on."""

    user_ids: npt.NDArray[np.str_]
    item_ids: npt.NDArray[np.str_]
    order_ids: npt.NDArray[np.str_]
    titles: tuple[str, ...]
    categories: Ints  # (items, CATEGORY_LEVELS): codes, one space per level
    lines: Lines
    judge: Lines
    impressions: Impressions


def open_warehouse(
    path: Path, *, to: str, next_step: str = "counterfoil build"
) -> duckdb.DuckDBPyConnection:
    """The built shop's tables, to read; StateError, with what it is wanted ``to``, before that."""
    if not path.is_file():
        raise StateError(
            f"there is no warehouse to {to}",
            where=str(path),
            why="the shop has not been built",
            next_step=next_step,
        )
    return duckdb.connect(str(path), read_only=True)


def load_shop_data(warehouse_path: Path, *, judge_order_lines: Path | str) -> ShopData:
    """Read the warehouse; ``judge_order_lines`` is a Parquet file or a relation's name."""
    relation = _relation(judge_order_lines)
    with open_warehouse(warehouse_path, to="train from") as warehouse:
        tables = {
            "lines": LINES_SQL,
            "judge": JUDGE_SQL.format(relation=relation),
            "items": ITEMS_SQL,
            "impressions": IMPRESSIONS_SQL,
        }
        found = {name: warehouse.sql(sql).to_arrow_table() for name, sql in tables.items()}
    return code_shop(**found)


def code_shop(
    *, lines: pa.Table, judge: pa.Table, items: pa.Table, impressions: pa.Table
) -> ShopData:
    """Code ids against sorted vocabularies: users who ordered, items ever in an order line."""
    if lines.num_rows == 0:
        raise InputError(
            "there are no order lines to learn from",
            where="fct_order_lines",
            why="no line has a positive quantity and price",
            next_step="counterfoil check, then look at the quarantine",
        )
    users = _vocabulary(lines["user_id"], judge["user_id"])
    sold = _vocabulary(lines["item_id"], judge["item_id"])
    orders = _vocabulary(judge["order_id"], lines["order_id"])
    attributes = _rows_of(items, sold)
    known = impressions.filter(
        pc.and_(
            pc.is_in(impressions["user_id"], value_set=users),
            pc.is_in(impressions["item_id"], value_set=sold),
        )
    )
    return ShopData(
        user_ids=np.array(users.to_pylist(), dtype=np.str_),
        item_ids=np.array(sold.to_pylist(), dtype=np.str_),
        order_ids=np.array(orders.to_pylist(), dtype=np.str_),
        titles=tuple(title or "" for title in attributes["title"].to_pylist()),
        categories=_category_codes(attributes),
        lines=_lines(lines, users, sold, orders),
        judge=_lines(judge, users, sold, orders),
        impressions=Impressions(
            user=_codes(known["user_id"], users),
            item=_codes(known["item_id"], sold),
            order=_codes(known["order_id"], orders),
            at_us=known["at_us"].to_numpy(),
            is_bought=known["is_bought"].to_numpy(zero_copy_only=False),
            is_synthetic=known["is_synthetic"].to_numpy(zero_copy_only=False),
            is_clicked=_flags(known, "is_clicked"),
            is_carted=_flags(known, "is_carted"),
        ),
    )


def _relation(judge_order_lines: Path | str) -> str:
    if isinstance(judge_order_lines, str):
        return judge_order_lines
    if not judge_order_lines.exists():
        raise InputError(
            "the raw order lines that judge are missing",
            where=str(judge_order_lines),
            why="the file does not exist",
            next_step="counterfoil import SHOP (complete_journey or online_retail)",
        )
    quoted = str(judge_order_lines).replace("'", "''")
    return f"read_parquet('{quoted}')"


def _vocabulary(*columns: pa.ChunkedArray) -> pa.Array:
    chunks = [chunk for column in columns for chunk in column.cast(pa.string()).chunks]
    distinct = pa.chunked_array(chunks, type=pa.string()).unique().drop_null()
    return distinct.take(pc.sort_indices(distinct))


def _codes(column: pa.ChunkedArray, vocabulary: pa.Array) -> Ints:
    places = pc.index_in(column.cast(pa.string()), value_set=vocabulary)
    coded: Ints = pc.fill_null(places, GUEST).to_numpy().astype(np.int32)
    return coded


def _flags(table: pa.Table, name: str) -> Floats:
    """1, 0, or NaN where it is not known; all NaN where the table lacks the column."""
    if name not in table.column_names:
        return np.full(table.num_rows, np.nan, dtype=np.float32)
    flags: Floats = pc.cast(table[name], pa.float32()).to_numpy().astype(np.float32)
    return flags


def _lines(table: pa.Table, users: pa.Array, items: pa.Array, orders: pa.Array) -> Lines:
    return Lines(
        user=_codes(table["user_id"], users),
        item=_codes(table["item_id"], items),
        order=_codes(table["order_id"], orders),
        at_us=table["at_us"].to_numpy(),
        quantity=table["quantity"].to_numpy().astype(np.float32),
        unit_price=pc.fill_null(table["unit_price"], 0.0).to_numpy().astype(np.float32),
        is_discounted=pc.fill_null(table["is_discounted"], False).to_numpy(),
    )


def _rows_of(items: pa.Table, vocabulary: pa.Array) -> pa.Table:
    """One row per sold item, in vocabulary order; nulls where dim_items lacks it."""
    places = pc.index_in(vocabulary, value_set=items["item_id"].combine_chunks())
    return items.take(places)


def _category_codes(attributes: pa.Table) -> Ints:
    """Code the path down to each level, so that 'OTHER' of two departments stays apart."""
    paths = pa.array([""] * attributes.num_rows)
    levels = []
    for level in CATEGORY_LEVELS:
        names = pc.fill_null(attributes[level].cast(pa.string()), "").combine_chunks()
        paths = pc.binary_join_element_wise(paths, names, ">")
        levels.append(_codes(pa.chunked_array([paths]), _vocabulary(pa.chunked_array([paths]))))
    return np.column_stack(levels)
