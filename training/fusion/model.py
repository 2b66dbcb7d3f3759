"""Three ways to make one list of many retrievers' proposals, in flat arrays over all requests.

By rule (order and quotas), by distance (scores normalised per request, convex weights; reciprocal
ranks), by features (learned.py: a forest over them). Every fusion gives one number per candidate;
larger is better. Pure numpy; knows no files.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training.retrievers import NO_ITEM, Proposals, best_per_row
from training.shop_data import Floats, Ints, Longs

NOT_PROPOSED = 10_000  # a rank below every list
_RANK_OFFSET = 60.0  # of reciprocal ranks, as first published; flattens the top


@dataclass(frozen=True)
class Pool:
    """Every item that some retriever proposed to a request; rows of a request stand together."""

    names: tuple[str, ...]  # of the retrievers, R of them
    starts: Longs  # rows of request i: starts[i] to starts[i + 1]
    item: Ints  # (rows,)
    scores: Floats  # (rows, R), NaN where not proposed
    ranks: Ints  # (rows, R) from 1, NOT_PROPOSED where not

    def __len__(self) -> int:
        return len(self.starts) - 1

    def request(self) -> Longs:
        """Per row its request."""
        return np.repeat(np.arange(len(self)), np.diff(self.starts))

    def normalised(self) -> Floats:
        """(rows, R): 0 for the least and 1 for the best proposal of a request; 0 for none."""
        filled = np.nonzero(np.diff(self.starts))[0]
        begins, request = self.starts[filled], self.request()
        out = np.zeros(self.scores.shape, dtype=np.float32)
        for column in range(len(self.names)):
            score = self.scores[:, column]
            least = np.full(len(self), np.nan, dtype=np.float32)
            best = least.copy()
            least[filled] = np.fmin.reduceat(score, begins) if len(filled) else least[filled]
            best[filled] = np.fmax.reduceat(score, begins) if len(filled) else best[filled]
            width = np.maximum(best - least, 0)[request]
            part = np.where(width > 0, (score - least[request]) / np.maximum(width, 1e-30), 1.0)
            out[:, column] = np.where(np.isnan(score), 0.0, part)
        return out

    def target_rows(self, target: Ints) -> Longs:
        """Per request the row of its target; -1 where nobody proposed it."""
        row = np.flatnonzero(self.item == target[self.request()])
        found = np.full(len(self), -1, dtype=np.int64)
        found[self.request()[row]] = row
        return found

    def best(self, fused: npt.NDArray[np.floating], k: int) -> Proposals:
        """The k best candidates of each request."""
        request = self.request()
        rows = best_per_row(request, fused, k)
        place = np.arange(len(rows)) - np.searchsorted(request[rows], request[rows])
        items = np.full((len(self), k), NO_ITEM, dtype=np.int32)
        scores = np.full((len(self), k), -np.inf, dtype=np.float32)
        items[request[rows], place] = self.item[rows]
        scores[request[rows], place] = fused[rows]
        return Proposals(items, scores)


def pool_of(proposals: Mapping[str, Proposals], *, item_count: int, k: int) -> Pool:
    """The union of everybody's first k proposals, per request by item."""
    names, lists = tuple(proposals), list(proposals.values())
    size = len(lists[0])
    keys, places = [], []
    for found in lists:
        row, place = np.nonzero(found.items[:, :k] != NO_ITEM)
        keys.append(row * item_count + found.items[row, place])
        places.append((row, place))
    ordered = np.sort(np.concatenate(keys))  # np.unique hashes, which takes ten times as long
    union = ordered[np.r_[True, ordered[1:] != ordered[:-1]][: len(ordered)]]
    scores = np.full((len(union), len(names)), np.nan, dtype=np.float32)
    ranks = np.full((len(union), len(names)), NOT_PROPOSED, dtype=np.int32)
    for column, (key, (row, place)) in enumerate(zip(keys, places, strict=True)):
        at = np.searchsorted(union, key)
        scores[at, column] = lists[column].scores[row, place]
        ranks[at, column] = place + 1
    request, item = np.divmod(union, item_count)
    starts = np.searchsorted(request, np.arange(size + 1))
    return Pool(names, starts, item.astype(np.int32), scores, ranks)


def by_rule(pool: Pool, order: Sequence[str], quota: Mapping[str, int]) -> npt.NDArray[np.float64]:
    """Retrievers in ``order`` give their first ``quota`` items each, then the rest likewise."""
    worst = 4 * NOT_PROPOSED * len(order)
    best = np.full(len(pool.item), worst, dtype=np.int64)
    for turn, name in enumerate(order):
        rank = pool.ranks[:, pool.names.index(name)].astype(np.int64)
        waits = (turn + len(order) * (rank > quota[name])) * NOT_PROPOSED
        best = np.where(rank < NOT_PROPOSED, np.minimum(best, waits + rank), best)
    return -best.astype(np.float64)


def by_reciprocal_rank(pool: Pool) -> npt.NDArray[np.float64]:
    """Sum over retrievers of 1 / (60 + rank); needs no scores and no labels."""
    parts = 1.0 / (_RANK_OFFSET + pool.ranks)
    parts[pool.ranks == NOT_PROPOSED] = 0.0
    total: npt.NDArray[np.float64] = parts.sum(axis=1)
    return total


def by_weights(normalised: Floats, weights: Floats) -> Floats:
    """Weighted sum of scores normalised per request."""
    fused: Floats = normalised @ weights
    return fused
