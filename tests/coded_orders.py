"""A shop for training made from a few rows: (user, order, item, time in microseconds)."""

import pyarrow as pa
import pyarrow.compute as pc

from training.shop_data import code_shop
from training.training_set import feature_columns

_ITEMS = pa.schema(
    [(n, pa.string()) for n in ("item_id", "title", "department", "category", "product_type")]
)
_SHOWN = pa.schema(
    [
        ("user_id", pa.string()),
        ("item_id", pa.string()),
        ("order_id", pa.string()),
        ("at_us", pa.int64()),
        ("is_synthetic", pa.bool_()),
        ("is_bought", pa.bool_()),
        ("is_clicked", pa.bool_()),  # carts are not logged
    ]
)


def coded_orders(orders, shown=()):
    """``shown``: simulated impressions, (user, item, order, time, whether clicked and bought)."""
    user_id, order_id, item_id, at_us = zip(*sorted(orders, key=_by_time), strict=True)
    lines = pa.table(
        {
            "user_id": user_id,
            "order_id": order_id,
            "item_id": item_id,
            "at_us": pa.array(at_us, pa.int64()),
            "quantity": pa.array([1] * len(orders)),
            "unit_price": pa.array([2.0] * len(orders)),
            "is_discounted": pa.array([False] * len(orders)),
        }
    )
    names = sorted({*item_id})
    nothing = [None] * len(names)
    levels = {"department": nothing, "category": nothing, "product_type": nothing}
    items = pa.table({"item_id": names, "title": names} | levels, schema=_ITEMS)
    rows = [(u, i, o, at, True, bought, bought) for u, i, o, at, bought in sorted(shown)]
    impressions = pa.Table.from_pylist(
        [dict(zip(_SHOWN.names, row, strict=True)) for row in rows], schema=_SHOWN
    )
    return code_shop(lines=lines, judge=lines, items=items, impressions=impressions)


def fake_features(rows, service):
    """Every feature of an item or user is the length of its id: a function of the keys alone."""
    for column in feature_columns(service):
        values = pc.cast(pc.utf8_length(rows[column.entity]), pa.float64())
        rows = rows.append_column(column.name, values)
    return rows


def _by_time(row):
    user, order, _, at = row
    return user, at, order, row[2]
