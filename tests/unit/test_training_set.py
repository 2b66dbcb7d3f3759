"""The training set keeps label rows as they are, flags what is simulated, and says what it is."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from coded_orders import coded_orders, fake_features

from governance.errors import StateError
from training.bundle import open_bundle, save_bundle
from training.covisitation.train import CovisitationConfig
from training.evaluate import Values, evaluate_recommender, predict_at
from training.label_rows import Sampling
from training.ranker.train import RankerConfig
from training.ranker_choice import ReleaseSettings
from training.recommender.fused_ranker import FUSED
from training.recommender.fused_train import fit_fused
from training.recommender.train import TrainingConfig, train_recommender
from training.sasrec.config import SasrecTraining
from training.sasrec.model import SasrecConfig
from training.shop_data import load_shop_data
from training.training_set import digest_of_table, feature_columns, join_features
from training.windows import Calendar, first_baskets, microseconds

AS_OF = datetime(2017, 6, 5, 5, tzinfo=UTC)
CALENDAR = Calendar(AS_OF, test_weeks=3, validation_weeks=3, train_windows=2, train_step_weeks=2)
CONFIG = TrainingConfig(
    seed=1,
    threads=1,
    covisitation=CovisitationConfig(min_baskets=1),
    sasrec=SasrecConfig(width=4, heads=1, length=8),
    sasrec_training=SasrecTraining(epochs=1, negatives=4, min_baskets=1),
    sampling=Sampling(training_limit=40, limit=40, negatives=10, impressions=5),
    ranker=RankerConfig(trees=5, min_rows_in_leaf=2),
    release=ReleaseSettings(ranker="lightgbm"),
)


def _orders(users=20, weeks=20):
    draw = np.random.default_rng(3)
    rows = []
    for user in range(users):
        for week in range(weeks):
            at = AS_OF - timedelta(weeks=weeks - week, hours=-user - 1)
            for item in {user % 5, *draw.integers(0, 15, size=3).tolist()}:
                rows.append(
                    (f"u{user:02}", f"o{user:02}{week:02}", f"i{item:02}", microseconds(at))
                )
    return rows


def _shown(orders):
    """Simulated impressions: an hour before each basket, its items and one that was not bought."""
    shown = [(u, i, o, at - 3_600_000_000, True) for u, o, i, at in orders]
    return shown + [(u, "i14", o, at - 3_600_000_000, False) for u, o, _, at in orders]


def _shop(change=lambda shown: shown):
    orders = _orders()
    return coded_orders(orders, change(_shown(orders)))


def _train(shop):
    return train_recommender(
        shop,
        calendar=CALENDAR,
        config=CONFIG,
        historical_features=fake_features,
        inputs={"warehouse": "w" * 64},
        progress=lambda _: None,
    )


@pytest.fixture(scope="module")
def trained():
    shop = _shop()
    return shop, _train(shop)


def test_labels_are_the_first_basket_after_the_cutoff(trained):
    shop, fitted = trained
    table = fitted.training_set.table
    window = CALENDAR.validation
    targets = first_baskets(shop.judge, window)
    rows = table.filter(pc.equal(table["window"], "validation"))
    wanted = {
        (str(shop.user_ids[user]), str(shop.item_ids[item]))
        for place, user in enumerate(targets.users)
        for item in targets.of(place)
    }
    columns = [rows[name].to_pylist() for name in ("user_id", "item_id", "label")]
    for user, item, label in zip(*columns, strict=True):
        assert bool(label) == ((user, item) in wanted)


def test_simulated_rows_are_flagged_and_only_ever_train(trained):
    table = trained[1].training_set.table
    synthetic = table.filter(table["is_synthetic"])
    assert synthetic.num_rows > 0
    assert set(synthetic["source"].to_pylist()) == {"impression"}
    assert set(synthetic["window"].to_pylist()) == {"train"}
    assert set(table.filter(pc.invert(table["is_synthetic"]))["source"].to_pylist()) == {"order"}


def test_no_label_row_is_younger_than_the_test_cutoff(trained):
    stamps = trained[1].training_set.table["event_timestamp"]
    assert pc.max(stamps).as_py().replace(tzinfo=UTC) < CALENDAR.test.cutoff


def test_simulated_rows_of_target_baskets_change_no_prediction(trained):
    shop, fitted = trained
    window = CALENDAR.test
    targets = first_baskets(shop.judge, window)
    hidden = set(shop.order_ids[targets.orders].tolist())
    early = microseconds(CALENDAR.train[0].cutoff) + 1

    def without(shown):
        return [row for row in shown if row[2] not in hidden]

    def altered(shown):
        return [
            (u, "i13", o, early, True) if o in hidden else (u, i, o, at, b)
            for u, i, o, at, b in shown
        ]

    expected = _predictions(shop, fitted)
    for change in (without, altered):
        other = _shop(change)
        assert len(other.impressions.user) != len(shop.impressions.user) or change is altered
        assert _predictions(other, _train(other)) == expected


def _predictions(shop, fitted):
    window = CALENDAR.test
    found = predict_at(
        shop, fitted.at(shop, window.cutoff), first_baskets(shop.judge, window).users,
        window=window, historical_features=fake_features, limit=40,
    )  # fmt: skip
    return [(p.user_id, p.items.tobytes(), p.scores.tobytes()) for p in found]


def test_two_trainings_with_one_seed_are_the_same_bytes(trained):
    shop, fitted = trained
    again = _train(shop)
    assert again.training_set.digest == fitted.training_set.digest
    assert again.ranker.ranker.booster.model_to_string() == (
        fitted.ranker.ranker.booster.model_to_string()
    )


def test_a_label_that_a_row_cannot_have_is_null(trained):
    table = trained[1].training_set.table
    is_shown = pc.equal(table["source"], "impression")
    assert table["is_clicked"].filter(is_shown).null_count == 0
    assert table["is_clicked"].filter(is_shown).to_pylist() == [
        bool(label) for label in table["label"].filter(is_shown).to_pylist()
    ]
    for name, rows in (("is_clicked", table.filter(pc.invert(is_shown))), ("is_carted", table)):
        assert rows[name].null_count == rows.num_rows > 0


def test_the_manifest_names_inputs_definitions_and_rows(trained):
    manifest = trained[1].training_set.manifest
    assert manifest["inputs"]["warehouse"] == "w" * 64
    assert {"lines", "judge", "impressions"} <= manifest["inputs"].keys()
    assert "ftr_item__sales.sql" in manifest["definitions"]
    assert manifest["rows"] == sum(part["rows"] for part in manifest["rows_by_source"])
    assert manifest["synthetic_rows"] > 0


def test_the_digest_of_a_training_set_is_of_every_column(trained):
    table = trained[1].training_set.table
    digests = {digest_of_table(table)}
    for name in ("user_id", "label", "basket_items", "is_clicked", "is_synthetic", "window"):
        column = table[name].to_pylist()
        other = pa.array(column[::-1], table.schema.field(name).type)
        digests.add(digest_of_table(table.set_column(table.column_names.index(name), name, other)))
    assert len(digests) == 7
    assert trained[1].training_set.manifest["table_sha256"] in digests


def test_the_evaluation_judges_model_and_floors_on_the_same_baskets(trained):
    shop, fitted = trained
    figures = evaluate_recommender(
        shop, fitted.at(shop, CALENDAR.test.cutoff), window=CALENDAR.test,
        historical_features=fake_features, limit=40,
    )  # fmt: skip
    assert figures["households"] == 20
    assert 0 < figures["recommender"]["ndcg_at_10"] <= 1
    floors = ("popularity", "personal_frequency", "personal_frequency_decayed", "neighbours")
    assert tuple(figures["floors"]) == floors


@pytest.mark.parametrize("name", FUSED)
def test_a_fusion_reads_the_columns_that_the_recommender_describes(trained, name):
    shop, fitted = trained
    ranker = fit_fused(fitted.training_set, name=name, seed=1)
    found = fitted.at(shop, CALENDAR.test.cutoff).candidates("u03", limit=40)
    scores = ranker.scores(found.columns, np.empty(0), np.empty(0))
    assert found.column_names == ranker.retrieval
    assert np.isfinite(scores).all()
    assert len(np.unique(scores)) > 1


def test_a_confidence_comes_with_every_ranking_of_a_known_user_and_is_measured(trained):
    shop, fitted = trained
    recommender = fitted.at(shop, CALENDAR.test.cutoff)
    known, stranger = (recommender.candidates(user, limit=40) for user in ("u03", "nobody"))
    features = [
        Values(np.full((rows, sum(c.entity == entity for c in feature_columns())), 3.0))
        for rows, entity in ((1, "user_id"), (len(known.items), "item_id"))
    ]
    ranking = recommender.rank(known, *features)
    assert len(ranking.confidences) == len(ranking.item_ids)
    assert list(ranking.confidences) == sorted(ranking.confidences, reverse=True)
    assert 0 <= ranking.confidences[-1] <= ranking.confidences[0] <= 1
    assert recommender.rank(stranger, *features).confidences is None
    figures = evaluate_recommender(
        shop, recommender, window=CALENDAR.test, historical_features=fake_features, limit=40,
    )  # fmt: skip
    assert figures["calibration"]["users"] == 20
    assert 0 <= figures["calibration"]["all_candidates"]["ece"] <= 1


def test_a_bundle_keeps_the_calibration(trained, tmp_path):
    shop, fitted = trained
    recommender = fitted.at(shop, CALENDAR.test.cutoff)
    facts = {"schema_hash": "s" * 64, "feature_service": "recommender_v1", "seed": 1}
    saved = save_bundle(
        tmp_path, recommender, network_weights={"w": np.zeros(1, np.float32)}, facts=facts
    )
    again = open_bundle(saved.folder).recommender().calibration.arrays()
    for name, array in recommender.calibration.arrays().items():
        assert np.array_equal(again[name], array)


@pytest.mark.parametrize(
    "harm",
    [
        lambda rows: rows.slice(1),
        lambda rows: rows.take(pa.array(range(rows.num_rows)[::-1])),
    ],
)
def test_a_join_that_loses_or_moves_rows_is_refused(harm):
    rows = pa.table(
        {
            "user_id": ["a", "b"],
            "item_id": ["x", "y"],
            "event_timestamp": pa.array([0, 0], pa.timestamp("us")),
        }
    )
    with pytest.raises(StateError, match="did not keep the label rows"):
        join_features(rows, lambda keys, service: harm(fake_features(keys, service)))


def test_a_missing_warehouse_is_one_plain_error(tmp_path):
    with pytest.raises(StateError, match="no warehouse"):
        load_shop_data(tmp_path / "none.duckdb", judge_order_lines="judge")


def test_a_history_too_short_for_windows_is_one_plain_error():
    shop = _shop()
    late = replace(shop, lines=shop.lines.where(shop.lines.at_us > microseconds(AS_OF) - 10**12))
    with pytest.raises(StateError, match="no label rows"):
        _train(late)
