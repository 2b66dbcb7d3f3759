"""What the shop knew at any moment: real order lines in time order, counted and drawn causally.

Pure core of the simulator. Every question takes the number of lines known so far (``known``), so
that nothing a session shows or does can depend on an order placed after the session began.
Dimensions: L lines in time order, O orders, I items, Q askers.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
NOBODY = -1  # the user code of a guest


class BeforeIndex:
    """Groups of lines (say, by item) that can be counted and drawn from up to a moment."""

    def __init__(self, groups: Ints) -> None:
        self._width = len(groups) + 1
        self._lines = np.argsort(groups, kind="stable")
        self._keys = groups[self._lines] * self._width + self._lines

    def count(self, groups: Ints, *, known: Ints) -> Ints:
        """How many of the first ``known`` lines are in each group."""
        return self._bounds(groups, known)[1]

    def draw(self, groups: Ints, *, known: Ints, uniform: Floats) -> Ints:
        """A line of each group among the first ``known``, by ``uniform`` in [0, 1); -1 for none."""
        start, count = self._bounds(groups, known)
        if not len(self._lines):
            return np.full(groups.shape, -1, dtype=np.int64)
        picked = np.minimum(start + (uniform * count).astype(np.int64), len(self._lines) - 1)
        return np.where(count > 0, self._lines[picked], -1)

    def _bounds(self, groups: Ints, known: Ints) -> tuple[Ints, Ints]:
        start = np.searchsorted(self._keys, groups * self._width)
        stop = np.searchsorted(self._keys, groups * self._width + known)
        return start, stop - start


@dataclass(frozen=True)
class History:
    """Bought lines as codes. Items are coded by id order, so two runs agree on every code."""

    order_ids: pa.Array  # O, sorted
    user_ids: pa.Array  # sorted
    item_ids: pa.Array  # I, sorted
    order_user: Ints  # O; NOBODY for a guest
    order_at: Ints  # O; microseconds since 1970, UTC
    line_order: Ints  # L
    line_item: Ints  # L
    item_type: Ints  # I; the last level of the category, or the title's last word
    item_department: Ints  # I; the first level, or 0

    @cached_property
    def line_at(self) -> Ints:
        return self.order_at[self.line_order]

    @cached_property
    def line_user(self) -> Ints:
        return self.order_user[self.line_order]

    @cached_property
    def by_item(self) -> BeforeIndex:
        return BeforeIndex(self.line_item)

    @cached_property
    def by_type(self) -> BeforeIndex:
        return BeforeIndex(self.item_type[self.line_item])

    @cached_property
    def by_department(self) -> BeforeIndex:
        return BeforeIndex(self.item_department[self.line_item])

    @cached_property
    def by_user(self) -> BeforeIndex:
        return BeforeIndex(self.line_user)

    @cached_property
    def basket_starts(self) -> Ints:
        """O + 1; the lines of order o are ``basket_lines[starts[o]:starts[o + 1]]``."""
        counts = np.bincount(self.line_order, minlength=len(self.order_ids))
        return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)

    @cached_property
    def basket_items(self) -> Ints:
        """L; items grouped by order, in item order within each."""
        return self.line_item[np.lexsort((self.line_item, self.line_order))]

    @cached_property
    def _basket_keys(self) -> Ints:
        return np.sort(self.line_order * len(self.item_ids) + self.line_item)

    @cached_property
    def _pairs(self) -> tuple[Ints, BeforeIndex]:
        keys = self.line_user * len(self.item_ids) + self.line_item
        values, codes = np.unique(keys, return_inverse=True)
        return values, BeforeIndex(codes.astype(np.int64))

    def known_at(self, at: Ints) -> Ints:
        """How many lines had been bought strictly before ``at``."""
        return np.searchsorted(self.line_at, at, side="left").astype(np.int64)

    def own_orders(self, users: Ints, items: Ints, *, known: Ints) -> Ints:
        """How often each user had bought the item; 0 for guests."""
        values, index = self._pairs
        keys = users * len(self.item_ids) + items
        codes = np.minimum(np.searchsorted(values, keys), len(values) - 1)
        is_known = (values[codes] == keys) & (users != NOBODY)
        return np.where(is_known, index.count(codes, known=known), 0)

    def is_in_basket(self, orders: Ints, items: Ints) -> Bools:
        keys = orders * len(self.item_ids) + items
        found = np.searchsorted(self._basket_keys, keys)
        found = np.minimum(found, len(self._basket_keys) - 1)
        return np.asarray(self._basket_keys[found] == keys)


def sorted_items(items: pa.Table) -> pa.Table:
    """``items`` with an id, in id order, ids and texts as plain strings."""
    columns = ["item_id", "title", "brand", "category_path"]
    plain = pa.table({name: items[name].cast(pa.string()) for name in columns})
    return plain.filter(pc.is_valid(plain["item_id"])).sort_by("item_id")


def read_history(order_lines: pa.Table, items: pa.Table) -> History:
    """Code the purchases; ``items`` as :func:`sorted_items` gives them, codes are its rows."""
    item_ids = _flat(items["item_id"])
    lines = _purchases(order_lines, item_ids)
    orders = lines.group_by("order_id").aggregate([("ordered_at", "min"), ("user_id", "min")])
    orders = orders.sort_by("order_id")
    order_ids, order_user_ids = _flat(orders["order_id"]), _flat(orders["user_id_min"])
    user_ids = _sorted_unique(order_user_ids)
    order_at = _numbers(orders["ordered_at_min"].cast(pa.int64()))
    line_order = _codes(lines["order_id"], order_ids)
    line_item = _codes(lines["item_id"], item_ids)
    keys = np.unique(line_order * max(len(item_ids), 1) + line_item)  # each item once a basket
    line_order, line_item = keys // max(len(item_ids), 1), keys % max(len(item_ids), 1)
    in_time = np.lexsort((line_item, line_order, order_at[line_order]))
    item_type, item_department = _kinds(items)
    return History(
        order_ids=order_ids,
        user_ids=user_ids,
        item_ids=item_ids,
        order_user=_codes(order_user_ids, user_ids),
        order_at=order_at,
        line_order=line_order[in_time],
        line_item=line_item[in_time],
        item_type=item_type,
        item_department=item_department,
    )


def _purchases(order_lines: pa.Table, item_ids: pa.Array) -> pa.Table:
    """Lines with a known order, item and time, quantity and unit price above 0."""
    ids = ("order_id", "user_id", "item_id")
    lines = pa.table({name: order_lines[name].cast(pa.string()) for name in ids})
    lines = lines.append_column("ordered_at", order_lines["ordered_at"].cast(pa.timestamp("us")))
    is_purchase = pc.greater(order_lines["quantity"], 0)
    for condition in (
        pc.greater(order_lines["unit_price"], 0.0),
        pc.is_valid(lines["order_id"]),
        pc.is_valid(lines["ordered_at"]),
        pc.is_in(lines["item_id"], value_set=item_ids),
    ):
        is_purchase = pc.and_(is_purchase, condition)
    return lines.filter(is_purchase)


def _kinds(items: pa.Table) -> tuple[Ints, Ints]:
    """Type and department codes of each item, from its category path or its title."""
    types: list[str] = []
    departments: list[str] = []
    paths, titles = items["category_path"].to_pylist(), items["title"].to_pylist()
    for path, title in zip(paths, titles, strict=True):
        types.append(path or (title or "").casefold().split(" ")[-1])
        departments.append(types[-1].split(" > ")[0])
    return _coded(types), _coded(departments)


def _coded(names: list[str]) -> Ints:
    codes: dict[str, int] = {}
    return np.array([codes.setdefault(name, len(codes)) for name in names], dtype=np.int64)


def _flat(column: pa.ChunkedArray) -> pa.Array:
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)


def _sorted_unique(values: pa.Array) -> pa.Array:
    unique = pc.drop_null(pc.unique(values))
    return unique.take(pc.sort_indices(unique))


def _codes(values: pa.Array | pa.ChunkedArray, ids: pa.Array) -> Ints:
    """The place of each value in ``ids``; NOBODY for null."""
    return _numbers(pc.fill_null(pc.index_in(values, value_set=ids), NOBODY))


def _numbers(values: pa.Array | pa.ChunkedArray) -> Ints:
    return np.asarray(values.to_numpy(), dtype=np.int64)
