"""Fit the item-to-item matrix: counts of "i in a basket, j in it or in the user's next one".

Counts fade by age and by basket size, are divided by powers of both popularities, and the best
neighbours of each item are kept. Chosen on the validation window of Complete Journey.
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from training.covisitation.model import Covisitation
from training.metrics import distinct_baskets
from training.shop_data import GUEST, Floats, Ints, Lines, Longs
from training.windows import WEEK_US


@dataclass(frozen=True)
class CovisitationConfig:
    """Knobs with their effects."""

    neighbours: int = 60  # kept per item; more costs memory and time, and adds noise
    min_baskets: int = 5  # rarer items have no row or column: two chance meetings are no pattern
    weekly_decay: float = 0.97  # of a pair, by the age of its later basket
    same_basket_weight: float = 0.25  # against 1 for the next basket, which is what is foretold
    from_power: float = 0.5  # of the popularity of i, divided out
    to_power: float = 0.3  # of the popularity of j, divided out: less favours popular items


def fit_covisitation(
    lines: Lines, *, item_count: int, cutoff_us: int, config: CovisitationConfig
) -> Covisitation:
    """The matrix known at ``cutoff_us``; ``lines`` must all be earlier."""
    baskets = distinct_baskets(lines)
    popular = np.bincount(baskets.item, minlength=item_count)
    kept_items = np.flatnonzero(popular >= config.min_baskets)
    contents, later, weights = _basket_matrix(baskets, kept_items, item_count, cutoff_us, config)
    counts = config.same_basket_weight * (contents.T @ (sp.diags_array(weights) @ contents))
    before = np.flatnonzero(later >= 0)
    following = sp.diags_array(weights[later[before]]) @ contents[later[before]]
    counts = sp.csr_array(counts + contents[before].T @ following)
    counts.setdiag(0)
    sizes = popular[kept_items].astype(np.float64)
    scaled = sp.diags_array(sizes**-config.from_power) @ counts
    scaled = sp.csr_array(scaled @ sp.diags_array(sizes**-config.to_power))
    return _best_of_each_row(scaled, kept_items, item_count, config.neighbours)


def _basket_matrix(
    baskets: Lines,
    kept_items: Longs,
    item_count: int,
    cutoff_us: int,
    config: CovisitationConfig,
) -> tuple[sp.csr_array, Ints, Floats]:
    """(baskets x kept items) of ones, each basket's next one by its user, and its weight."""
    orders, first, row = np.unique(baskets.order, return_index=True, return_inverse=True)
    column = np.full(item_count, -1)
    column[kept_items] = np.arange(len(kept_items))
    inside = column[baskets.item] >= 0
    shape = (len(orders), len(kept_items))
    ones = np.ones(int(inside.sum()), dtype=np.float32)
    contents = sp.csr_array((ones, (row[inside], column[baskets.item[inside]])), shape=shape)
    weeks_ago = (cutoff_us - baskets.at_us[first]) / WEEK_US
    sizes = np.maximum(np.bincount(row[inside], minlength=len(orders)), 1)
    weights = (config.weekly_decay**weeks_ago / np.sqrt(sizes)).astype(np.float32)
    return contents, _next_baskets(baskets.user[first], first), weights


def _next_baskets(users: Ints, first_line: Longs) -> Ints:
    """Per basket the row of the same user's next basket, or -1; lines are in time order."""
    in_time = np.argsort(first_line)
    following = np.full(len(users), -1, dtype=np.int32)
    same = (users[in_time[1:]] == users[in_time[:-1]]) & (users[in_time[1:]] != GUEST)
    following[in_time[:-1][same]] = in_time[1:][same]
    return following


def _best_of_each_row(
    matrix: sp.csr_array, kept_items: Longs, item_count: int, neighbours: int
) -> Covisitation:
    """The largest positive entries of each row, largest first; equal ones by smaller column."""
    best, sizes = [], np.zeros(item_count, dtype=np.int64)
    for row, item in enumerate(kept_items):
        places = np.arange(matrix.indptr[row], matrix.indptr[row + 1])
        places = places[matrix.data[places] > 0]
        if len(places) > neighbours:
            least = np.partition(matrix.data[places], -neighbours)[-neighbours]
            places = places[matrix.data[places] >= least]
        order = np.lexsort((matrix.indices[places], -matrix.data[places]))[:neighbours]
        best.append(places[order])
        sizes[item] = len(best[-1])
    chosen = np.concatenate([np.empty(0, dtype=np.int64), *best])
    return Covisitation(
        starts=np.concatenate([[0], np.cumsum(sizes)]),
        item=kept_items[matrix.indices[chosen]].astype(np.int32),
        weight=matrix.data[chosen].astype(np.float32),
    )
