"""Ranking metrics over full rankings, and the floors that a model has to beat.

There is no sampled mode: a metric against a few random negatives orders models differently. Every
function is pure. Binary relevance; the ideal of NDCG@k has min(k, relevant) hits on top.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from training.shop_data import GUEST, Ints, Lines, Longs
from training.windows import WEEK_US, Targets

WEEKLY_DECAY = 0.95  # of the decayed personal-frequency floor: .95 per week ago

Scores = npt.NDArray[np.float64]


def ndcg_at_k(ranked: Ints, relevant: Ints, k: int) -> float:
    """NDCG of one ranking (best first) against a non-empty set of relevant items."""
    gains = 1.0 / np.log2(np.arange(2, k + 2))
    hits = np.isin(ranked[:k], relevant)
    return float(gains[: len(hits)][hits].sum() / gains[: min(k, len(relevant))].sum())


def recall_at_k(ranked: Ints, relevant: Ints, k: int) -> float:
    """Share of the relevant items among the first k."""
    return float(np.isin(ranked[:k], relevant).sum() / len(relevant))


def mean_metrics(rankings: Sequence[Ints], targets: Targets, k: int = 10) -> dict[str, float]:
    """Means over users of NDCG@k and recall@k; ``rankings[i]`` is for ``targets.users[i]``."""
    baskets = [targets.of(place) for place in range(len(targets.users))]
    pairs = list(zip(rankings, baskets, strict=True))
    if not pairs:
        return {f"ndcg_at_{k}": 0.0, f"recall_at_{k}": 0.0}
    return {
        f"ndcg_at_{k}": float(np.mean([ndcg_at_k(r, b, k) for r, b in pairs])),
        f"recall_at_{k}": float(np.mean([recall_at_k(r, b, k) for r, b in pairs])),
    }


def list_ndcg(
    scores: npt.NDArray[np.floating],
    is_relevant: npt.NDArray[np.bool_],
    sizes: npt.NDArray[np.int64],
    relevant: npt.NDArray[np.int64],
    k: int = 10,
) -> float:
    """The mean of :func:`lists_ndcg`; 0 without a list."""
    found = lists_ndcg(scores, is_relevant, sizes, relevant, k)
    return float(found.mean()) if len(found) else 0.0


def lists_ndcg(
    scores: npt.NDArray[np.floating],
    is_relevant: npt.NDArray[np.bool_],
    sizes: npt.NDArray[np.int64],
    relevant: npt.NDArray[np.int64],
    k: int = 10,
) -> Scores:
    """NDCG@k of scored rows that lie in lists of these ``sizes``; ties count against us.

    ``relevant`` is how many relevant items each list should hold: those that no row stands for
    are missed, not forgotten. A list that should hold none is left out.
    """
    lists = np.repeat(np.arange(len(sizes)), sizes)
    order = np.lexsort((is_relevant, -scores, lists))  # of equal scores the relevant row is last
    place = np.arange(len(scores)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    hits = is_relevant[order] & (place < k)
    gains = 1.0 / np.log2(place[hits] + 2)
    reached = np.bincount(lists[hits], weights=gains, minlength=len(sizes))
    ideal = ideal_dcg(relevant, k)
    wanted = ideal > 0
    return np.asarray(reached[wanted] / ideal[wanted])


def ideal_dcg(relevant: npt.NDArray[np.integer], k: int = 10) -> Scores:
    """The DCG@k of lists that begin with all of their ``relevant`` items."""
    gains = 1.0 / np.log2(np.arange(2, k + 2))
    found: Scores = np.concatenate([[0.0], np.cumsum(gains)])[np.minimum(relevant, k)]
    return found


def popularity(lines: Lines, item_count: int) -> Scores:
    """Baskets that contain each item, users' and guests' alike."""
    baskets = distinct_baskets(lines)
    return np.bincount(baskets.item, minlength=item_count).astype(np.float64)


def rank_by_popularity(lines: Lines, users: Ints, *, item_count: int, k: int = 10) -> list[Ints]:
    """The same k most popular items for everybody."""
    best = top_k(popularity(lines, item_count), k)
    return [best for _ in users]


def rank_by_frequency(
    lines: Lines, users: Ints, *, item_count: int, cutoff_us: int, decay: float = 1.0, k: int = 10
) -> list[Ints]:
    """Per user the items in most of their baskets, each basket weighing decay^weeks ago.

    Ties, and places that the user's own items do not fill, go to the more popular item.
    """
    baskets = distinct_baskets(lines)
    weeks_ago = (cutoff_us - baskets.at_us - 1) // WEEK_US + 1  # 1 in the last week
    weights = np.float64(decay) ** weeks_ago
    popular = popularity(lines, item_count)
    tie_break = popular / (popular.max(initial=0.0) + 1.0) * 1e-6
    starts = np.searchsorted(baskets.user, np.stack([users, users + 1]))
    rankings = []
    for start, end in starts.T:
        scores = tie_break.copy()
        np.add.at(scores, baskets.item[start:end], weights[start:end])
        rankings.append(top_k(scores, k))
    return rankings


def distinct_baskets(lines: Lines) -> Lines:
    """One line per order and item; the order of lines is kept."""
    base = int(lines.item.max(initial=0)) + 1
    keys = lines.order.astype(np.int64) * base + lines.item
    first = np.unique(keys, return_index=True)[1]
    kept = np.zeros(len(keys), dtype=np.bool_)
    kept[first] = True
    return lines.where(kept)


def known_users(lines: Lines) -> Lines:
    """Lines of orders that have a user."""
    return lines.where(lines.user != GUEST)


def top_k(scores: npt.NDArray[np.floating], k: int, relevant: Ints | Longs | None = None) -> Ints:
    """Places of the k largest scores, best first; equal scores by smaller place.

    With the places that are ``relevant`` these stand last among equals: ties count against us.
    """
    k = min(k, len(scores))
    if k == 0:
        return np.empty(0, dtype=np.int32)
    is_last = np.zeros(len(scores), dtype=np.bool_)
    if relevant is not None:
        is_last[relevant] = True
    threshold = np.partition(scores, len(scores) - k)[len(scores) - k]
    above = np.flatnonzero(scores > threshold)
    level = np.flatnonzero(scores == threshold)
    level = level[np.argsort(is_last[level], kind="stable")][: k - len(above)]
    chosen = np.concatenate([above, level])
    order = np.lexsort((chosen, is_last[chosen], -scores[chosen]))
    return chosen[order].astype(np.int32)
