"""A store that fails or is late costs the features, not the answer."""

import threading
import time
from dataclasses import dataclass

import numpy as np
import pytest

from governance.declarations import Column
from serving.reading import ITEM, USER, FeatureReader

COLUMNS = {
    USER: (Column("user__order_count", "bigint", "", 1, default=0),),
    ITEM: (
        Column("item__order_count", "bigint", "", 1, default=0),
        Column("item__price_last_usd", "double", "", 2),
    ),
}


@dataclass
class Matrix:
    values: np.ndarray
    missing: np.ndarray
    columns: tuple


class Store:
    """Counts its reads; may fail or hang for one entity."""

    def __init__(self, *, fails="", hangs=""):
        self.reads = []
        self.fails, self.hangs = fails, hangs
        self.released = threading.Event()

    def __call__(self, *, entity, ids):
        self.reads.append((entity, len(ids)))
        if entity == self.fails:
            raise OSError("store is gone")
        if entity == self.hangs:
            self.released.wait(5)
        shape = (len(ids), len(COLUMNS[entity]))
        return Matrix(np.full(shape, 7.0), np.zeros(shape, bool), COLUMNS[entity])


def _read(store, *, budget_seconds=5.0, items=("a", "b", "c")):
    reader = FeatureReader(store, columns=COLUMNS, workers=2, budget_seconds=budget_seconds)
    return reader(user_ids=["1"], item_ids=list(items))


def test_one_read_for_the_user_and_one_for_all_candidates():
    store = Store()
    features = _read(store)
    assert sorted(store.reads) == [(ITEM, 3), (USER, 1)]
    assert features.items.values.shape == (3, 2)
    assert not features.is_degraded


def test_no_candidates_need_no_read():
    store = Store()
    assert _read(store, items=()).items.values.shape == (0, 2)
    assert store.reads == [(USER, 1)]


@pytest.mark.parametrize("entity", [USER, ITEM])
def test_a_failing_store_gives_declared_defaults_marked_missing(entity):
    features = _read(Store(fails=entity))
    assert features.is_degraded
    assert features.users.values.tolist() == [[0.0]]
    assert features.items.values[0, 0] == 0.0
    assert np.isnan(features.items.values[0, 1])  # declares no default
    assert features.items.missing.all()


def test_a_store_that_hangs_is_given_up_within_the_budget():
    store = Store(hangs=ITEM)
    began = time.monotonic()
    features = _read(store, budget_seconds=0.05)
    store.released.set()
    assert features.is_degraded
    assert time.monotonic() - began < 1.0
