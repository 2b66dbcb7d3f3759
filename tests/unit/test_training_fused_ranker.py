"""Fusions of the retrievers' columns rank as rankers do, and are released where they are named."""

import numpy as np
import pyarrow as pa
import pytest
from deep_lists import LIST, SERVICE, made_set

from training.deep_ranker.config import DeepRankerSettings
from training.fusion.model import NOT_PROPOSED
from training.ranker.train import RankerConfig
from training.ranker_choice import ReleaseSettings, choose_ranker
from training.ranker_files import read_ranker, write_ranker
from training.recommender.fused_ranker import FUSED, FusedRanker, pool_of, quotas
from training.recommender.fused_train import fit_fused
from training.recommender.history import HABIT
from training.recommender.proposals import RETRIEVERS
from training.training_set import TrainingSet

COLUMNS = (HABIT, "co_visitation", "neighbours", "sasrec", "item_popularity", "user_mean_basket")


@pytest.fixture(scope="module")
def made():
    """Lists in which co-visitation knows what is bought, and the others know nothing."""
    table = made_set(lists=60).table
    draw = np.random.default_rng(5)
    product = table["left"].to_numpy() * table["right"].to_numpy()
    for name in (HABIT, "neighbours", "item_popularity"):
        table = table.append_column(name, pa.array(draw.random(len(product)), pa.float32()))
    table = table.append_column("co_visitation", pa.array(product, pa.float32()))
    table = table.append_column("sasrec", pa.array(np.full(len(product), np.nan), pa.float32()))
    return TrainingSet(table, COLUMNS, SERVICE, {})


def _ranker(name, order=RETRIEVERS, weights=(0.2,) * 5):
    return FusedRanker(name, order, weights, COLUMNS, SERVICE)


def _scores(ranker, *rows):
    return ranker.scores(np.array(rows, np.float32), np.empty(0), np.empty(0)).tolist()


def test_who_says_nothing_of_an_item_does_not_propose_it():
    rows = np.array([[0.5, 0, 0, -2.0, 3, 2], [0.7, 1, 0, np.nan, 3, 2]], np.float32)
    pool = pool_of(rows, COLUMNS, np.array([0, 2]))
    assert pool.ranks.tolist() == [
        [
            2,
            NOT_PROPOSED,
            NOT_PROPOSED,
            1,
            1,
        ],  # SASRec's scores are logits, any sign says something
        [1, 1, NOT_PROPOSED, NOT_PROPOSED, 2],
    ]
    assert np.isnan(pool.scores).tolist() == (pool.ranks == NOT_PROPOSED).tolist()


def test_ranks_and_shares_are_those_of_a_list_and_not_of_its_neighbours():
    row = [0.5, 0, 0, np.nan, 3, 2]
    rows = np.array([row, [9.0, *row[1:]], row], np.float32)
    apart = pool_of(rows, COLUMNS, np.array([0, 2, 3]))
    assert apart.ranks[:, 0].tolist() == [2, 1, 1]


def test_the_rule_gives_each_retriever_its_turn():
    assert quotas(("a", "b", "c", "d")) == {"a": 4, "b": 2, "c": 1, "d": 1}
    rows = [[1 - place / 10, 0, 0, np.nan, place / 10, 2] for place in range(8)]
    scores = _scores(_ranker("rule_based"), *rows)
    # four of habit, then the most popular, then what habit has left
    assert np.argsort(np.negative(scores)).tolist() == [0, 1, 2, 3, 7, 4, 5, 6]


def test_reciprocal_ranks_add_up():
    rows = [[2.0, 1, 0, np.nan, 0, 2], [1.0, 2, 0, np.nan, 0, 2], [0, 3, 0, np.nan, 0, 2]]
    expected = [1 / 61 + 1 / 63, 1 / 62 + 1 / 62, 1 / 61]
    assert _scores(_ranker("reciprocal_rank"), *rows) == pytest.approx(expected)


def test_the_retriever_that_knows_leads_and_weighs_most(made):
    fitted = fit_fused(made, name="convex", seed=1)
    assert fitted.order[0] == "co_visitation"
    assert fitted.weights[RETRIEVERS.index("co_visitation")] == max(fitted.weights) > 0.4
    assert sum(fitted.weights) == pytest.approx(1)


@pytest.mark.parametrize("name", FUSED)
def test_a_fusion_is_released_by_name_and_answers_the_same_from_a_bundle(made, name, tmp_path):
    chosen = choose_ranker(
        made,
        release=ReleaseSettings(ranker=name),
        config=RankerConfig(),
        deep=DeepRankerSettings(),
        seed=1,
        threads=1,
        progress=lambda _: None,
    )
    assert chosen.card["name"] == name
    assert chosen.reached[name] > 0.5
    assert chosen.calibration is not None
    write_ranker(tmp_path, chosen.ranker, chosen.calibration.calibration)
    card = {"retrieval_columns": COLUMNS, "feature_columns": [vars(column) for column in SERVICE]}
    again = read_ranker(tmp_path, card)
    rows = np.random.default_rng(2).random((LIST, len(COLUMNS))).astype(np.float32)
    assert _scores(again, *rows) == _scores(chosen.ranker, *rows)
