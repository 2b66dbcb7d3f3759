"""Three fusions by hand, and a learned one that finds what the others cannot."""

import numpy as np
import pytest

from training.fusion.learned import FusionColumns, column_names
from training.fusion.model import (
    NOT_PROPOSED,
    by_reciprocal_rank,
    by_rule,
    by_weights,
    pool_of,
)
from training.fusion.train import FUSIONS, FusionConfig, fit_fusion, places_of
from training.retrievers import NO_ITEM, Proposals
from training.sequences import Requests
from training.single_target import MISSED, ndcg


def _proposals(items, scores):
    return Proposals(np.array(items, dtype=np.int32), np.array(scores, dtype=np.float32))


def _pool():
    """Request 0: a says 5, 3, 1 and b says 3, 7; request 1: only b, item 2."""
    a = _proposals([[5, 3, 1], [NO_ITEM] * 3], [[9, 5, 1], [-np.inf] * 3])
    b = _proposals([[3, 7, NO_ITEM], [2, NO_ITEM, NO_ITEM]], [[4, 2, -np.inf], [1] + [-np.inf] * 2])
    return pool_of({"a": a, "b": b}, item_count=10, k=3)


def _best(pool, fused, request=0):
    found = pool.best(fused, 4).items[request]
    return found[found != NO_ITEM].tolist()


def test_a_pool_is_the_union_of_everybodys_proposals():
    pool = _pool()
    assert pool.item.tolist() == [1, 3, 5, 7, 2]
    assert pool.starts.tolist() == [0, 4, 5]
    assert pool.ranks[:, 0].tolist() == [3, 2, 1, NOT_PROPOSED, NOT_PROPOSED]
    assert np.isnan(pool.scores[3, 0])


def test_scores_are_normalised_per_request():
    normalised = _pool().normalised()
    assert normalised[:, 0].tolist() == pytest.approx([0, 0.5, 1, 0, 0])
    assert normalised[:, 1].tolist() == pytest.approx([0, 1, 0, 0, 1])


def test_by_rule_order_and_quota_decide():
    pool = _pool()
    assert _best(pool, by_rule(pool, ("a", "b"), {"a": 3, "b": 1})) == [5, 3, 1, 7]
    assert _best(pool, by_rule(pool, ("a", "b"), {"a": 1, "b": 2})) == [5, 3, 7, 1]
    assert _best(pool, by_rule(pool, ("b", "a"), {"a": 1, "b": 1})) == [3, 5, 7, 1]
    assert _best(pool, by_rule(pool, ("a", "b"), {"a": 1, "b": 1}), request=1) == [2]


def test_by_reciprocal_rank_by_hand():
    fused = by_reciprocal_rank(_pool())
    assert fused[1] == pytest.approx(1 / 62 + 1 / 61)
    assert fused[3] == pytest.approx(1 / 62)


def test_convex_weights_by_hand():
    pool = _pool()
    fused = by_weights(pool.normalised(), np.array([0.75, 0.25], dtype=np.float32))
    assert fused[:3].tolist() == pytest.approx([0, 0.625, 0.75])


def test_a_target_nobody_proposed_is_missed_and_ties_count_against_us():
    pool = _pool()
    target = pool.target_rows(np.array([3, 9]))
    assert target.tolist() == [1, -1]
    assert places_of(pool, np.array([0.0, 1, 1, 1, 0]), target).tolist() == [3, MISSED]


def test_the_forest_sees_repeats_and_steps_since():
    pool = _pool()
    histories = [np.array([3, 1, 3, 8]), np.array([], dtype=np.int32)]
    weights = np.array([1, 0], dtype=np.float32)
    seen = FusionColumns(pool, histories, weights, np.ones(10, dtype=np.float32))
    table = seen.of(np.arange(5))
    names = column_names(pool.names)
    assert table.shape == (5, len(names))
    assert table[:, names.index("times_before")].tolist() == [1, 2, 0, 0, 0]
    steps = table[:, names.index("steps_ago")]
    assert steps[:2].tolist() == [2, 1]
    assert np.isnan(steps[2:]).all()
    assert table[:, names.index("length")].tolist() == [4, 4, 4, 4, 0]
    assert table[:, names.index("weighted")].tolist() == pytest.approx([0, 0.5, 1, 0, 0])


def test_a_learned_fusion_finds_that_popularity_decides_and_the_best_is_chosen():
    draw = np.random.default_rng(0)
    size, items = 600, 30
    popularity = np.arange(items, dtype=np.float32)[::-1] ** 2
    lists = np.stack([draw.permutation(items)[:10] for _ in range(size)])
    scores = np.tile(np.arange(10, 0, -1), (size, 1))
    pool = pool_of({"a": _proposals(lists, scores)}, item_count=items, k=10)
    target = lists.min(axis=1).astype(np.int32)  # the most popular of each list
    histories = [np.array([0])] * size
    requests = Requests(histories, target, np.arange(size, dtype=np.int32))
    fitted = fit_fusion(
        pool,
        requests,
        popularity=popularity,
        judge=lambda place: ndcg(place, 10),
        config=FusionConfig(trees=30, min_rows_in_leaf=5, learning_rate=0.3),
    )
    assert set(fitted.reached) == set(FUSIONS)
    assert fitted.chosen == "learned"
    assert fitted.reached["learned"] > 0.95 > fitted.reached["convex"]
