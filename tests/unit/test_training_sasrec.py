"""SASRec sees no later basket, treats a basket as a set, and is the same for the same seed."""

import numpy as np
import torch

from training.recommender.history import History
from training.sasrec.config import SasrecTraining
from training.sasrec.losses import sampled_softmax_loss
from training.sasrec.model import Sasrec, SasrecConfig
from training.sasrec.train import (
    Rows,
    draw_targets,
    fit_sasrec,
    item_vectors,
    sequences,
    user_vectors,
)
from training.sasrec.vectors import SasrecVectors
from training.windows import Targets

CONFIG = SasrecConfig(width=8, heads=2, blocks=1, length=6, dropout=0.0)


def _history(*users):
    """Per user a list of (item, baskets ago), oldest first."""
    rows = [row for user in users for row in user]
    item, ago = (np.array(column, dtype=np.int32) for column in zip(*rows, strict=True))
    ones = np.ones(len(rows), dtype=np.float32)
    starts = np.cumsum([0, *(len(user) for user in users)])
    return History(starts, item, ago, ago.astype(np.float32), ones, ones, ones > 1)


def _network(seed=0):
    torch.manual_seed(seed)
    return Sasrec(CONFIG, vocabulary=9).eval()


def test_a_later_basket_changes_nothing_before_it():
    network, baskets = _network(), torch.tensor([[3, 2, 2, 1, 0, 0]])
    first = network(torch.tensor([[1, 2, 3, 4, 5, 6]]), baskets)
    second = network(torch.tensor([[1, 2, 3, 4, 8, 9]]), baskets)
    assert torch.equal(first[:, :4], second[:, :4])
    assert not torch.allclose(first[:, 4:], second[:, 4:])


def test_the_order_inside_a_basket_does_not_matter():
    network, baskets = _network(), torch.tensor([[1, 1, 1, 0, 0, 0]])
    first = network(torch.tensor([[1, 2, 3, 4, 5, 6]]), baskets)
    second = network(torch.tensor([[3, 1, 2, 4, 5, 6]]), baskets)
    assert torch.allclose(first[:, 3:], second[:, 3:], atol=1e-6)


def test_padding_is_not_seen():
    network = _network()
    short = network(torch.tensor([[0, 0, 0, 0, 5, 6]]), torch.tensor([[0, 0, 0, 0, 1, 0]]))
    other = network(torch.tensor([[0, 0, 0, 0, 5, 6]]), torch.tensor([[3, 3, 3, 3, 1, 0]]))
    assert torch.allclose(short[:, 4:], other[:, 4:])


def test_targets_come_from_the_next_basket_only():
    rows = Rows(
        np.zeros(1, np.int32),
        torch.tensor([[0, 1, 2, 3, 4, 5]]),
        torch.tensor([[0, 2, 2, 1, 1, 0]]),
    )
    drawn = torch.cat([draw_targets(rows, np.random.default_rng(seed)) for seed in range(20)])
    assert set(drawn[:, 1].tolist()) == {3, 4}
    assert set(drawn[:, 3].tolist()) == {5}
    assert set(drawn[:, [0, 5]].flatten().tolist()) == {0}


def test_windows_are_cut_from_the_latest_item_backwards():
    history = _history([(i, 7 - i) for i in range(8)])
    rows = sequences(history, np.arange(8), item_count=8, length=6)
    assert rows.items.tolist() == [[3, 4, 5, 6, 7, 8], [0, 0, 0, 0, 1, 2]]
    assert rows.baskets[0].tolist() == [5, 4, 3, 2, 1, 0]


def test_log_q_takes_the_sampling_rate_out_of_the_logits():
    matrix = torch.zeros(4, 2)
    log_q = torch.log(torch.tensor([0.0, 0.5, 0.25, 0.25]))
    loss = sampled_softmax_loss(
        torch.ones(1, 2), torch.tensor([2]), torch.tensor([3, 3]), item_matrix=matrix, log_q=log_q
    )
    assert torch.isclose(loss, torch.log(torch.tensor(3.0)))


def test_a_target_drawn_as_negative_does_not_count_against_itself():
    log_q = torch.log(torch.full((4,), 0.25))
    loss = sampled_softmax_loss(
        torch.ones(1, 2),
        torch.tensor([2]),
        torch.tensor([2]),
        item_matrix=torch.ones(4, 2),
        log_q=log_q,
    )
    assert loss.item() == 0.0


def _fitted(seed):
    torch.set_num_threads(1)
    history = _history(*([(u % 3, 2), (u % 3 + 3, 1), (u % 3, 0)] for u in range(12)))
    users = np.arange(12, dtype=np.int32)
    targets = Targets(users, users, np.arange(13), (users % 3 + 3).astype(np.int32))
    training = SasrecTraining(epochs=3, batch=4, negatives=4, min_baskets=1, seed=seed)
    fitted = fit_sasrec(
        history, targets, item_count=7, config=CONFIG, training=training, progress=lambda _: None
    )
    return fitted, history


def test_the_same_seed_gives_the_same_bytes_and_the_best_epoch_is_kept():
    (first, history), (second, _) = _fitted(1), _fitted(1)
    assert first.metrics == second.metrics
    assert user_vectors(first, history, 7).tobytes() == user_vectors(second, history, 7).tobytes()
    assert 1 <= first.metrics["epoch"] <= 3


def test_vectors_score_the_vocabulary_and_leave_the_rest_unknown():
    fitted, history = _fitted(1)
    vectors = SasrecVectors(
        user_vectors(fitted, history, 7), item_vectors(fitted), fitted.vocabulary
    )
    scores = vectors.scores(0, 7)
    assert np.isnan(scores[6])
    assert np.isfinite(scores[:6]).all()


def test_a_user_without_known_items_has_no_scores():
    vectors = SasrecVectors(np.zeros((1, 2), np.float32), np.ones((3, 2), np.float32), np.arange(3))
    assert np.isnan(vectors.scores(0, 3)).all()
