"""The third fusion: a forest over scores, ranks, popularity, recency and repeats.

:class:`FusionColumns` is what the forest sees, at training and at answer time alike.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from training.fusion.model import NOT_PROPOSED, Pool, by_weights
from training.retrievers import Histories, flat
from training.shop_data import Floats, Ints, Longs

_PREDICTED_ROWS = 1_000_000  # at a time: 30 columns of float32 take 120 MB
_PER_RETRIEVER = ("share", "score", "rank")
_SHARED = ("weighted", "proposed_by", "popularity", "times_before", "steps_ago", "length")


def column_names(names: Sequence[str]) -> list[str]:
    """Names of the forest's columns, in order."""
    return [*(f"{name}__{kind}" for kind in _PER_RETRIEVER for name in names), *_SHARED]


@dataclass(frozen=True)
class FusionColumns:
    """Columns of the candidates of ``pool``, asked for by ``histories``."""

    pool: Pool
    histories: Histories
    weights: Floats  # of the convex fusion, which is one of the columns
    popularity: Floats  # per item, as counted in training

    def of(self, rows: Longs) -> Floats:
        """(rows, columns); NaN where a retriever did not propose or an act never was."""
        pool, (times, steps_ago) = self.pool, self.own_acts
        shared = np.stack(
            [
                by_weights(self.normalised[rows], self.weights),
                (pool.ranks[rows] < NOT_PROPOSED).sum(axis=1),
                np.log1p(self.popularity[pool.item[rows]]),
                times[rows],
                steps_ago[rows],
                self.length[self.request[rows]],
            ],
            axis=1,
        )
        parts = (self.normalised[rows], pool.scores[rows], pool.ranks[rows], shared)
        return np.concatenate(parts, axis=1, dtype=np.float32)

    @cached_property
    def normalised(self) -> Floats:
        return self.pool.normalised()

    @cached_property
    def request(self) -> Longs:
        return self.pool.request()

    @cached_property
    def length(self) -> Ints:
        return np.array([len(history) for history in self.histories], dtype=np.int32)

    @cached_property
    def own_acts(self) -> tuple[Ints, Floats]:
        """Per candidate the acts on it in the history, and the steps since the last one."""
        pool, (row, item, steps_ago) = self.pool, flat(self.histories)
        base = len(self.popularity)
        acts = (row * base + item)[::-1]  # from the end, so that the first found is the latest
        acted, first, counts = np.unique(acts, return_index=True, return_counts=True)
        wanted = self.request * base + pool.item
        at = np.searchsorted(acted, wanted)
        known = np.isin(wanted, acted)
        times = np.zeros(len(wanted), dtype=np.int32)
        latest = np.full(len(wanted), np.nan, dtype=np.float32)
        times[known] = counts[at[known]]
        latest[known] = steps_ago[::-1][first][at[known]]
        return times, latest


@dataclass(frozen=True)
class LearnedFusion:
    """The forest and what its columns need."""

    booster: lgb.Booster
    weights: Floats
    popularity: Floats

    def fuse(self, pool: Pool, histories: Histories) -> npt.NDArray[np.float64]:
        """One number per candidate, a million at a time."""
        seen = FusionColumns(pool, histories, self.weights, self.popularity)
        parts = [np.empty(0)]
        for begin in range(0, len(pool.item), _PREDICTED_ROWS):
            rows = np.arange(begin, min(begin + _PREDICTED_ROWS, len(pool.item)))
            parts.append(np.asarray(self.booster.predict(seen.of(rows))))
        return np.concatenate(parts)
