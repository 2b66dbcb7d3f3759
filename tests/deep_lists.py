"""Generated lists for rankers: what is bought is a product of two columns, which no sum can say."""

import numpy as np
import pyarrow as pa

from training.ranker.model import FeatureColumn
from training.training_set import TrainingSet

SERVICE = (FeatureColumn("user__order_count", "user_id", "bigint", 0.0),)
RETRIEVAL = ("left", "right", "patchy", "user_mean_basket")
LIST = 12


def made_set(*, lists=60, seed=0, with_impressions=True):
    """Two of each list's items are bought: those with the largest product of left and right."""
    parts = [_window("train", lists, seed), _window("validation", lists // 2, seed + 1)]
    if with_impressions:
        parts.append(_window("train", lists // 2, seed + 2, source="impression"))
    table = pa.concat_tables(parts)
    return TrainingSet(table, RETRIEVAL, SERVICE, {})


def _window(window, lists, seed, source="order"):
    draw = np.random.default_rng(seed)
    left, right = draw.normal(size=(2, lists, LIST)).astype(np.float32)
    product = left * right
    label = product >= np.sort(product, axis=1)[:, [-2]]
    patchy = np.where(draw.random((lists, LIST)) < 0.3, np.nan, draw.normal(size=(lists, LIST)))
    is_shown = source == "impression"
    clicked = label | (product > 0.2)
    users = [f"{window}{source}{place:03}" for place in range(lists)]
    return pa.table(
        {
            "user_id": np.repeat(users, LIST),
            "item_id": [f"i{place:02}" for place in range(LIST)] * lists,
            "label": label.ravel().astype(np.int8),
            "source": [source] * (lists * LIST),
            "is_synthetic": [is_shown] * (lists * LIST),
            "is_clicked": _flags(clicked, is_shown),
            "is_carted": _flags(label, is_shown),
            "basket_items": np.full(lists * LIST, 0 if is_shown else 2, dtype=np.int32),
            "window": [window] * (lists * LIST),
            "cutoff": [window] * (lists * LIST),
            "left": left.ravel(),
            "right": right.ravel(),
            "user_mean_basket": np.full(lists * LIST, 2.0, dtype=np.float32),
            "patchy": patchy.ravel().astype(np.float32),
            "user__order_count": np.repeat(draw.integers(1, 9, lists), LIST).astype(np.float32),
        }
    )


def _flags(flags, is_known):
    values = flags.ravel().tolist() if is_known else [None] * flags.size
    return pa.array(values, pa.bool_())
