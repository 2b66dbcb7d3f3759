"""The train flow goes on from the released bundle, and from nothing where none fits."""

from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from coded_orders import coded_orders, fake_features

from flows.warm_start import go_on_from_champion
from governance.records import Release, session
from governance.settings import Settings
from training.bundle import MODEL_NAME, save_bundle
from training.covisitation.train import CovisitationConfig
from training.label_rows import Sampling
from training.ranker.train import RankerConfig
from training.recommender.train import TrainingConfig, train_recommender
from training.sasrec.config import SasrecTraining
from training.sasrec.model import SasrecConfig
from training.windows import default_calendar, microseconds

LAST = datetime(2017, 10, 1, 5, tzinfo=UTC)
CONFIG = TrainingConfig(
    seed=1,
    threads=1,
    covisitation=CovisitationConfig(min_baskets=1),
    sasrec=SasrecConfig(width=4, heads=1, length=8, dropout=0.0),
    sasrec_training=SasrecTraining(epochs=2, negatives=4, min_baskets=1),
    sampling=Sampling(training_limit=40, limit=40, negatives=10, impressions=5),
    ranker=RankerConfig(trees=5, min_rows_in_leaf=2),
)


def _shop(weeks, prefix="i"):
    rows = []
    for user in range(12):
        for week in range(weeks):
            at = microseconds(LAST - timedelta(weeks=30 - week, hours=user))
            items = {(user + week) % 9, (user * week) % 5}
            rows += [(f"u{user:02}", f"o{user:02}{week:02}", f"{prefix}{i}", at) for i in items]
    return coded_orders(rows)


def _settings(home, **more):
    return Settings(home=home, warm_start="champion", fine_tune_epochs=1, **more)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A home whose champion was trained six weeks ago."""
    home, shop = tmp_path_factory.mktemp("home"), _shop(weeks=24)
    calendar = default_calendar(shop.lines)
    fitted = train_recommender(
        shop, calendar=calendar, config=CONFIG, historical_features=fake_features,
        inputs={}, progress=lambda _: None,
    )  # fmt: skip
    network = fitted.sasrec.network.state_dict()
    bundle = save_bundle(
        _settings(home).bundles_dir,
        fitted.at(shop, calendar.as_of),
        network_weights={name: tensor.numpy() for name, tensor in network.items()},
        facts={"schema_hash": "s" * 64, "sasrec_network": asdict(CONFIG.sasrec)},
        texts={"history.json": "[]"},
    )
    with session(_settings(home)) as records:
        records.add(
            Release(
                model_name=MODEL_NAME, challenger_version=bundle.version, champion_version=None,
                is_released=True, reason="", comparison={},
            )
        )  # fmt: skip
    return home


def _go_on(settings, config=CONFIG):
    said = []
    found = go_on_from_champion(settings, _shop(weeks=30), config, said.append)
    return *found, " ".join(said)


def test_the_champion_of_the_records_is_taught_on(home):
    network, found, said = _go_on(_settings(home, known_users_tolerance=1.0))
    assert found.is_warm
    assert found.users == 12
    assert len(network.curve) == 1
    assert found.champion_version in said
    assert np.isfinite([found.champion, found.warm]).all()


def test_where_the_setting_does_not_ask_nothing_is_taught_on(home):
    never = Settings(home=home)
    assert _go_on(never) == (None, None, "")


def test_without_a_champion_the_network_is_begun_anew(tmp_path):
    network, found, said = _go_on(_settings(tmp_path))
    assert (network, found) == (None, None)
    assert "no champion" in said


def test_a_champion_of_another_size_is_no_place_to_go_on_from(home):
    wider = replace(CONFIG, sasrec=replace(CONFIG.sasrec, width=8))
    network, found, said = _go_on(_settings(home), wider)
    assert (network, found) == (None, None)
    assert "another network" in said


def test_a_champion_of_another_shop_is_no_place_to_go_on_from(home):
    said = []
    other = _shop(weeks=30, prefix="x")
    found = go_on_from_champion(_settings(home), other, CONFIG, said.append)
    assert found == (None, None)
    assert "no item of this shop" in " ".join(said)


def test_the_training_process_is_told_to_go_on(tmp_path):
    assert _settings(tmp_path).as_env()["COUNTERFOIL_WARM_START"] == "champion"
    assert Settings(home=tmp_path).as_env()["COUNTERFOIL_WARM_START"] == "never"
