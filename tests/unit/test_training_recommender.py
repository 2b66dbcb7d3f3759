"""The recommender proposes, ranks and explains from its memory, and its bundle proves itself."""

import re
from dataclasses import replace

import lightgbm as lgb
import numpy as np
import pyarrow as pa
import pytest

from governance.errors import InputError
from training.bundle import CARD, open_bundle, save_bundle
from training.covisitation.train import CovisitationConfig, fit_covisitation
from training.ranker.model import FeatureColumn, Ranker, feature_matrix
from training.recommender.assortment import PopularConfig, take_stock
from training.recommender.history import habits, remember
from training.recommender.model import Recommender
from training.recommender.neighbours import NeighboursConfig, fit_neighbours
from training.recommender.proposals import RETRIEVERS
from training.recommender.repeats import RepeatsConfig, fit_repeats
from training.recommender.signals import Memory
from training.sasrec.vectors import SasrecVectors
from training.shop_data import code_shop
from training.windows import WEEK_US

NOW_US = 20 * WEEK_US
SERVICE = (
    FeatureColumn("user__order_count", "user_id", "bigint", 0.0),
    FeatureColumn("item__price_last_usd", "item_id", "double", None),
)


class Values:
    def __init__(self, values):
        self.values = np.asarray(values, dtype=np.float64)


def _shop(seed=0):
    """Twelve users with ten weekly baskets; user u likes items u % 4 and u % 4 + 4."""
    draw = np.random.default_rng(seed)
    rows = []
    for user in range(12):
        for week in range(10, 20):
            liked = [user % 4] if week % 2 else [user % 4, user % 4 + 4]
            for item in {*liked, int(draw.integers(0, 12))}:
                at = week * WEEK_US + user * 1_000_000
                rows.append((f"u{user:02}", f"o{user:02}{week}", f"i{item:02}", at))
    user_id, order_id, item_id, at_us = zip(*sorted(rows, key=lambda r: (r[0], r[3])), strict=True)
    lines = pa.table(
        {
            "user_id": user_id,
            "order_id": order_id,
            "item_id": item_id,
            "at_us": pa.array(at_us, pa.int64()),
            "quantity": pa.array([1] * len(rows)),
            "unit_price": pa.array([2.0] * len(rows)),
            "is_discounted": pa.array([False] * len(rows)),
        }
    )
    items = pa.table(
        {
            "item_id": [f"i{i:02}" for i in range(12)],
            "title": [f"ITEM {i}" for i in range(12)],
            "department": ["FOOD"] * 12,
            "category": [f"C{i % 3}" for i in range(12)],
            "product_type": [None] * 12,
        }
    )
    nothing = pa.table(
        {
            "user_id": pa.array([], pa.string()),
            "item_id": pa.array([], pa.string()),
            "order_id": pa.array([], pa.string()),
            "at_us": pa.array([], pa.int64()),
            "is_synthetic": pa.array([], pa.bool_()),
            "is_bought": pa.array([], pa.bool_()),
        }
    )
    return code_shop(lines=lines, judge=lines, items=items, impressions=nothing)


def _recommender(shop, ranker=None):
    count = len(shop.item_ids)
    history = remember(shop.lines, user_count=len(shop.user_ids), cutoff_us=NOW_US)
    draw = np.random.default_rng(1)
    memory = Memory(
        history=history,
        covisitation=fit_covisitation(
            shop.lines, item_count=count, cutoff_us=NOW_US, config=CovisitationConfig(min_baskets=1)
        ),
        neighbours=fit_neighbours(history, count, NeighboursConfig()),
        sasrec=SasrecVectors(
            draw.normal(size=(len(shop.user_ids), 4)).astype(np.float32),
            draw.normal(size=(count, 4)).astype(np.float32),
            np.arange(count, dtype=np.int32),
        ),
        stock=take_stock(shop.lines, shop.categories, cutoff_us=NOW_US, config=PopularConfig()),
        repeats=fit_repeats(history, shop.categories, RepeatsConfig()),
    )
    return Recommender(shop.user_ids, shop.item_ids, shop.titles, memory, ranker)


def _ranker(recommender):
    found = [recommender.candidates(user, limit=20) for user in recommender.user_ids]
    retrieval = np.concatenate([candidates.columns for candidates in found])
    features = np.ones((len(retrieval), 1))
    values = feature_matrix(retrieval, features, features, SERVICE)
    label = retrieval[:, 0] > 8
    sizes = [len(candidates.items) for candidates in found]
    parameters = {"objective": "lambdarank", "min_data_in_leaf": 1, "verbosity": -1, "seed": 1}
    data = lgb.Dataset(values, label.astype(int), group=sizes)
    booster = lgb.train(parameters | {"num_threads": 1}, data, num_boost_round=5)
    return Ranker(booster, found[0].column_names, SERVICE)


@pytest.fixture(scope="module")
def shop():
    return _shop()


@pytest.fixture(scope="module")
def recommender(shop):
    bare = _recommender(shop)
    return replace(bare, ranker=_ranker(bare))


def _rank(recommender, user_id="u01", **wish):
    found = recommender.candidates(user_id, **wish)
    count = len(found.items)
    return found, recommender.rank(found, Values([[3.0]]), Values(np.full((count, 1), 2.0)))


def test_habits_count_baskets_gaps_and_recency_by_hand(shop):
    history = remember(shop.lines, user_count=12, cutoff_us=NOW_US)
    own = habits(history.of(1))
    columns = {name: values[own.items.tolist().index(1)] for name, values in own.columns.items()}
    assert columns["basket_count"] == 10
    assert columns["in_last_5"] == 5
    assert columns["baskets_since_last"] == 0
    assert columns["mean_gap_weeks"] == pytest.approx(1.0)
    assert columns["share_of_baskets"] == 1.0
    assert columns["basket_decayed_90"] == pytest.approx(sum(0.9**n for n in range(10)))


def test_candidates_are_distinct_and_within_the_limit(recommender):
    found, _ = _rank(recommender, limit=8)
    assert len(found.item_ids) == len(set(found.item_ids)) <= 8
    assert set(found.scores) == set(RETRIEVERS)


def test_every_candidate_has_a_retriever_that_scored_it(recommender):
    found, _ = _rank(recommender)
    for row, retriever in enumerate(found.retrievers):
        assert np.isfinite(found.scores[retriever][row])


def test_a_ranking_holds_every_candidate_once_best_first(recommender):
    found, ranking = _rank(recommender)
    assert sorted(ranking.item_ids) == sorted(found.item_ids)
    assert list(ranking.scores) == sorted(ranking.scores, reverse=True)
    assert len(ranking.reasons) == len(ranking.retrievers) == len(found.item_ids)


def test_what_a_user_always_buys_comes_first(recommender):
    _, ranking = _rank(recommender)
    assert ranking.item_ids[0] == "i01"


def test_reasons_quote_the_users_own_purchases(recommender, shop):
    _, ranking = _rank(recommender)
    bought = shop.lines.where(shop.lines.user == 1)
    for item_id, reasons in zip(ranking.item_ids, ranking.reasons, strict=True):
        assert len(reasons) <= 3
        for text in reasons:
            if found := re.fullmatch(r"bought in (\d+) of your last (\d+) baskets", text):
                mine = bought.where(bought.item == int(item_id[1:]))
                assert [int(n) for n in found.groups()] == [len(np.unique(mine.order)), 10]
            if found := re.fullmatch(r"often bought with ITEM (\d+) \(in (\d+) of .*", text):
                cause = bought.where(bought.item == int(found[1]))
                assert len(np.unique(cause.order)) == int(found[2])
    assert any("bought in 10 of your last 10 baskets" in reasons for reasons in ranking.reasons)
    assert any("often bought with" in text for reasons in ranking.reasons for text in reasons)


def test_a_stranger_gets_popular_items_and_is_marked(recommender):
    found, ranking = _rank(recommender, "nobody", limit=5)
    assert found.is_cold_start
    assert set(ranking.retrievers) == {"popular"}
    popularity = recommender.memory.stock.popularity
    assert ranking.scores[0] == pytest.approx(popularity.max())


def test_discovery_shows_nothing_bought_before(recommender, shop):
    found, _ = _rank(recommender, surface="discover")
    bought = set(shop.item_ids[shop.lines.item[shop.lines.user == 1]].tolist())
    assert not bought & set(found.item_ids)


def test_an_unknown_surface_is_refused(recommender):
    with pytest.raises(InputError, match="surface sky is unknown"):
        recommender.candidates("u01", surface="sky")


def test_fitting_neighbours_leaves_the_history_as_it_was(shop):
    history = remember(shop.lines, user_count=12, cutoff_us=NOW_US)
    before = [history.item.copy(), history.starts.copy()]
    neighbours = fit_neighbours(history, len(shop.item_ids), NeighboursConfig())
    assert np.array_equal(before[0], history.item)
    assert np.array_equal(before[1], history.starts)
    assert all(user not in row for user, row in enumerate(neighbours.nearest.tolist()))


def test_the_nearest_users_are_those_with_the_same_taste():
    history = remember(_shop().lines, user_count=12, cutoff_us=NOW_US)
    nearest = fit_neighbours(history, 12, NeighboursConfig()).nearest
    assert {int(user) % 4 for user in nearest[1][:2]} == {1}


def test_missing_values_take_the_declared_default():
    retrieval, missing = np.zeros((2, 1), np.float32), np.full((2, 1), np.nan)
    values = feature_matrix(retrieval, missing, missing, SERVICE)
    assert values[:, 1].tolist() == [0.0, 0.0]
    assert np.isnan(values[:, 2]).all()


def _save(recommender, folder):
    weights = {"items.weight": np.zeros((2, 2), np.float32)}
    facts = {"schema_hash": "s" * 64, "feature_service": "recommender_v1", "seed": 1}
    return save_bundle(folder, recommender, network_weights=weights, facts=facts)


def test_a_bundle_answers_as_the_recommender_it_was_made_from(recommender, tmp_path):
    saved = _save(recommender, tmp_path)
    loaded = Recommender.load(open_bundle(saved.folder, digest=saved.digest))
    for user in ("u01", "u07", "nobody"):
        assert _rank(loaded, user)[1] == _rank(recommender, user)[1]
    assert loaded.title("i03") == "ITEM 3"
    assert loaded.knows(loaded.known_user)


def test_the_same_content_has_the_same_version_and_leaves_one_folder(recommender, tmp_path):
    first, second = _save(recommender, tmp_path), _save(recommender, tmp_path)
    assert first.version == second.version
    assert [path.name for path in first.folder.parent.iterdir()] == [first.version]


def _tamper(folder, name):
    content = bytearray((folder / name).read_bytes())
    content[-2] ^= 1
    (folder / name).write_bytes(bytes(content))


@pytest.mark.parametrize(
    ("harm", "why"),
    [
        (lambda f: _tamper(f, "history.safetensors"), "its content is not what"),
        (lambda f: (f / "ranker.txt").unlink(), "the file is missing"),
        (lambda f: (f / CARD).unlink(), "the file is missing"),
        (lambda f: (f / "extra.bin").write_bytes(b"x"), "does not belong"),
        (lambda f: (f / CARD).write_text("{"), "it is not JSON"),
        (lambda f: (f / CARD).write_text("{}"), "no card of a bundle"),
        (
            lambda f: (f / CARD).write_text(
                (f / CARD).read_text().replace('"seed": 1', '"seed": 2')
            ),
            "the card was changed",
        ),
    ],
)
def test_a_changed_bundle_is_refused_with_file_and_reason(recommender, tmp_path, harm, why):
    saved = _save(recommender, tmp_path)
    harm(saved.folder)
    with pytest.raises(InputError, match="cannot be trusted") as refusal:
        open_bundle(saved.folder)
    assert why in str(refusal.value)
    assert str(saved.folder) in refusal.value.where
    assert refusal.value.next_step


def test_a_bundle_of_other_features_or_another_release_is_refused(recommender, tmp_path):
    saved = _save(recommender, tmp_path)
    with pytest.raises(InputError, match="other features"):
        open_bundle(saved.folder, schema_hash="t" * 64)
    with pytest.raises(InputError, match="cannot be trusted"):
        open_bundle(saved.folder, digest="e" * 64)
