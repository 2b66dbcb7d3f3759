"""Going on from the champion: what is kept, what is new, and what known users must not lose."""

from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import torch
from coded_orders import coded_orders

from governance.releases import decide
from training.recommender.continual import Champion, FineTuning, champion_sasrec, continue_sasrec
from training.recommender.train import TrainingConfig, sasrec_before
from training.sasrec.config import SasrecTraining
from training.sasrec.model import Sasrec, SasrecConfig
from training.sasrec.train import FittedSasrec, begin_from
from training.windows import Calendar, microseconds

AS_OF = datetime(2017, 10, 2, 5, tzinfo=UTC)
RING, NEW = 12, 3
CONFIG = TrainingConfig(
    seed=1,
    threads=1,
    sasrec=SasrecConfig(width=16, heads=1, length=8, dropout=0.0, temperature=0.1),
    sasrec_training=SasrecTraining(
        epochs=6, patience=6, batch=8, full_softmax_up_to=99, min_baskets=1, learning_rate=1e-2
    ),
)


def _calendar(as_of):
    return Calendar(as_of, test_weeks=2, validation_weeks=2, train_windows=1, train_step_weeks=2)


def _shop(until, users=24, weeks=40):
    """Everybody goes round a ring of items, one a week; later some buy what is new as well."""
    rows = []
    for user in range(users):
        for week in range(weeks):
            at = AS_OF - timedelta(weeks=weeks - week, hours=-1 - user)
            bought = [f"i{(user + week) % RING:02}"]
            if week >= weeks - 12 and user % 2:
                bought.append(f"n{week % NEW}")
            rows += [(f"u{user:02}", f"o{user:02}{week:02}", i, microseconds(at)) for i in bought]
    return coded_orders([row for row in rows if row[3] < microseconds(until)])


def _hear_nothing(_):
    pass


@pytest.fixture(scope="module")
def champion():
    """What was learned twelve weeks ago, over the codes of today's shop."""
    torch.set_num_threads(1)
    then = AS_OF - timedelta(weeks=12)
    shop, today = _shop(then), _shop(AS_OF)
    calendar = _calendar(then)
    fitted = sasrec_before(
        shop, calendar.train[0].cutoff, calendar=calendar, config=CONFIG, progress=_hear_nothing
    )
    weights = {name: tensor.numpy() for name, tensor in fitted.network.state_dict().items()}
    names = shop.item_ids[fitted.vocabulary].tolist()
    network = champion_sasrec(weights, CONFIG.sasrec, names, today.item_ids)
    return Champion("c0ffee", network, np.arange(20, dtype=np.int32))


def _go_on(champion, config=CONFIG, *, tolerance=0.05, epochs=2):
    return continue_sasrec(
        _shop(AS_OF),
        champion,
        calendar=_calendar(AS_OF),
        config=config,
        tuning=FineTuning(epochs, tolerance),
        progress=_hear_nothing,
    )


def _rows(fitted, item_ids):
    vectors = fitted.network.items.weight.detach()[1:]
    return dict(zip(item_ids[fitted.vocabulary].tolist(), vectors, strict=True))


def test_kept_items_begin_with_their_vectors_and_new_ones_at_the_mean(champion):
    item_ids = _shop(AS_OF).item_ids
    vocabulary = np.arange(len(item_ids), dtype=np.int32)
    begun = FittedSasrec(Sasrec(CONFIG.sasrec, len(vocabulary)), CONFIG.sasrec, vocabulary, {})
    begin_from(begun, champion.sasrec)
    before, now = _rows(champion.sasrec, item_ids), _rows(begun, item_ids)
    assert len(now) == RING + NEW
    assert set(now) - set(before) == {"n0", "n1", "n2"}
    assert all(torch.equal(now[item], before[item]) for item in before)
    mean = torch.stack(list(before.values())).mean(0)
    assert torch.allclose(now["n0"], mean)
    assert not begun.network.items.weight[0].any()
    ours, theirs = begun.network.state_dict(), champion.sasrec.network.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours if name != "items.weight")


def test_items_that_are_sold_no_more_are_left_out_of_the_champion():
    network = Sasrec(CONFIG.sasrec, 3)
    weights = {name: tensor.numpy() for name, tensor in network.state_dict().items()}
    found = champion_sasrec(weights, CONFIG.sasrec, ["b", "gone", "a"], np.array(["a", "b", "c"]))
    assert found.vocabulary.tolist() == [1, 0]
    assert torch.equal(found.network.items.weight, network.items.weight[[0, 1, 3]])


def test_going_on_takes_fewer_epochs_and_known_users_do_not_lose(champion):
    network, found = _go_on(champion)
    assert found.is_warm
    assert len(network.curve) <= 2
    assert found.users == 20
    assert found.challenger == found.warm >= found.champion * 0.95
    assert found.champion > 0.7
    verdict = _decided(found)
    assert verdict.is_released
    assert verdict.comparison["known users champion"] == found.champion


def test_a_warm_start_by_which_known_users_lose_is_given_up_and_the_network_begun_anew(champion):
    wild = replace(CONFIG, sasrec_training=replace(CONFIG.sasrec_training, learning_rate=3.0))
    network, found = _go_on(champion, wild)
    assert found.warm < found.champion * 0.95
    assert not found.is_warm
    calendar = _calendar(AS_OF)
    anew = sasrec_before(
        _shop(AS_OF), calendar.train[0].cutoff,
        calendar=calendar, config=wild, progress=_hear_nothing,
    )  # fmt: skip
    for name, value in anew.network.state_dict().items():
        assert torch.equal(network.network.state_dict()[name], value)


def test_a_challenger_by_which_known_users_lose_is_kept_back_with_the_figures(champion):
    wild = replace(CONFIG, sasrec_training=replace(CONFIG.sasrec_training, learning_rate=3.0))
    _, found = _go_on(champion, wild)
    verdict = _decided(found)
    assert not verdict.is_released
    assert f"fall from ndcg_at_10 {found.champion:.4f} to {found.scratch:.4f}" in verdict.reason
    assert verdict.comparison["known users warm"] == found.warm
    assert verdict.comparison["known users tolerance"] == 0.05


def _decided(found):
    part = asdict(found) | {"challenger": found.challenger}
    return decide(challenger=0.3, champion=0.2, floors={"popularity": 0.1}, known_users=part)
