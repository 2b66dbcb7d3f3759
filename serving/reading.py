"""Online features within a budget: one read for all users, one for all candidates, or defaults.

A store that fails or is late must not take the shop's page down: the answer then comes from the
declared defaults and says ``is_degraded``. Columns and defaults come from the declaration.
"""

import logging
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from feature_repo.services import defaults
from governance.declarations import Column
from governance.receipts import ReadAt
from serving.ports import FeatureMatrix, ReadOnline

USER, ITEM = "user_id", "item_id"
# Both reads of one request. Feast on SQLite needs 0.135 s for one user and 500 items on two cores;
# a page waits about a second for its list, so seven times that is late but still of use.
READ_BUDGET_SECONDS = 1.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Matrix:
    """A FeatureMatrix of our own: defaults in place of a read, or chosen rows of one."""

    values: npt.NDArray[np.float64]
    missing: npt.NDArray[np.bool_]
    columns: tuple[Column, ...]
    read_at: ReadAt | None = None  # None: defaults, which no store gave


@dataclass(frozen=True)
class Features:
    """What was read for one request: row i of ``users`` belongs to ``user_ids[i]``."""

    user_ids: tuple[str, ...]
    item_ids: tuple[str, ...]
    users: FeatureMatrix
    items: FeatureMatrix
    is_degraded: bool


class FeatureReader:
    """Reads through a small pool, so that a store that hangs can be given up on."""

    def __init__(
        self,
        read: ReadOnline,
        *,
        columns: Mapping[str, tuple[Column, ...]],
        workers: int,
        budget_seconds: float = READ_BUDGET_SECONDS,
    ) -> None:
        self._read = read
        self._columns = columns
        self._budget_seconds = budget_seconds
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="features")

    def __call__(self, *, user_ids: Sequence[str], item_ids: Sequence[str]) -> Features:
        """Two reads, however many ids; defaults for everything when either fails or is late."""
        asked = {USER: tuple(user_ids), ITEM: tuple(item_ids)}
        futures = {
            entity: self._pool.submit(self._one, entity, ids) for entity, ids in asked.items()
        }
        try:
            users, items = _collect(futures, budget_seconds=self._budget_seconds)
        except FutureTimeout:
            logger.warning("online features took longer than %s s", self._budget_seconds)
        except Exception:  # whatever the store raises, the shop still gets an answer
            logger.warning("online features could not be read", exc_info=True)
        else:
            return Features(asked[USER], asked[ITEM], users, items, is_degraded=False)
        users, items = (self.defaults(entity, len(ids)) for entity, ids in asked.items())
        return Features(asked[USER], asked[ITEM], users, items, is_degraded=True)

    def defaults(self, entity: str, count: int) -> FeatureMatrix:
        """``count`` rows of declared defaults; NaN where a feature declares none."""
        columns = self._columns[entity]
        values = np.tile(defaults(columns), (count, 1))
        return Matrix(values, np.ones(values.shape, dtype=np.bool_), columns)

    def _one(self, entity: str, ids: tuple[str, ...]) -> FeatureMatrix:
        return self._read(entity=entity, ids=ids) if ids else self.defaults(entity, 0)


def _collect(
    futures: Mapping[str, Future[FeatureMatrix]], *, budget_seconds: float
) -> tuple[FeatureMatrix, FeatureMatrix]:
    """Both results before the budget is spent; what has not begun by then is called off."""
    ends_at = time.monotonic() + budget_seconds
    try:
        users = futures[USER].result(timeout=budget_seconds)
        return users, futures[ITEM].result(timeout=max(0.0, ends_at - time.monotonic()))
    finally:
        for future in futures.values():
            future.cancel()
