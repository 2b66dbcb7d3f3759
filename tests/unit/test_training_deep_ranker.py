"""The deep ranker learns products, repeats itself byte for byte, and answers without torch."""

import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from deep_lists import LIST, RETRIEVAL, SERVICE, made_set
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from governance.errors import InputError, StateError
from training.deep_ranker.columns import learn_columns
from training.deep_ranker.config import DeepRankerSettings, DeepRankerTraining
from training.deep_ranker.lesson import lesson_of
from training.deep_ranker.losses import PURCHASE, Rows, list_loss, shares_of, task_losses
from training.deep_ranker.model import TASKS, DeepRanker, forward
from training.deep_ranker.network import DeepNetwork, DeepRankerConfig
from training.deep_ranker.train import _loss, _rows, arrays_of, fit_deep_ranker
from training.ranker_files import read_ranker, write_ranker

NETWORK = DeepRankerConfig(crosses=1, rank=4, width=8, layers=1, head_width=4, dropout=0.1)
TRAINING = DeepRankerTraining(
    epochs=12, patience=12, batch=8, learning_rate=0.02, precision="float32"
)
SETTINGS = DeepRankerSettings(NETWORK, TRAINING)


def _fit(training_set, settings=SETTINGS, **more):
    return fit_deep_ranker(
        training_set,
        settings=settings,
        progress=lambda _: None,
        **more,
    )


@pytest.fixture(scope="module")
def made():
    return made_set(lists=200)


@pytest.fixture(scope="module")
def fitted(made):
    return _fit(made)


def _same(first, second):
    return all(np.array_equal(first[name], second[name]) for name in {*first, *second})


def test_it_learns_a_product_that_no_weighted_sum_can_say(made, fitted):
    lesson = lesson_of(made, "validation", 0.1)
    wanted = lesson.labels[:, PURCHASE] > 0
    design = np.column_stack([np.nan_to_num(lesson.values), np.ones(len(lesson.values))])
    best_sum = design @ np.linalg.lstsq(design, wanted.astype(float), rcond=None)[0]
    by_sum = lesson.ndcg(best_sum)  # fitted on what judges it
    assert fitted.metrics["ndcg_at_10"] > 0.9 > by_sum + 0.1


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others():
    made = made_set(lists=20)
    short = replace(SETTINGS, training=replace(TRAINING, epochs=2))
    first, second = (_fit(made, short).ranker.arrays() for _ in range(2))
    assert _same(first, second)
    other = replace(SETTINGS, training=replace(TRAINING, epochs=2, seed=5))
    assert not _same(first, _fit(made, other).ranker.arrays())


@pytest.mark.parametrize("rank", [0, 3])
@pytest.mark.parametrize("layers", [0, 2])
@pytest.mark.parametrize("crosses", [0, 3])
def test_numpy_computes_what_torch_computes(rank, layers, crosses):
    torch.manual_seed(1)
    config = replace(NETWORK, rank=rank, layers=layers, crosses=crosses)
    network = DeepNetwork(11, config).eval()
    rows = np.random.default_rng(2).normal(size=(50, 11)).astype(np.float32)
    with torch.inference_mode():
        expected = network(torch.from_numpy(rows)).numpy()
    assert expected.shape == (50, len(TASKS))
    np.testing.assert_allclose(forward(arrays_of(network), rows), expected, atol=1e-5)


def test_a_missing_value_is_told_from_a_zero_and_never_leaves_a_gap():
    values = np.array([[0.0, 1.0], [np.nan, 2.0], [3.0, 3.0], [9.0, 4.0]], np.float32)
    preparation = learn_columns(values)
    assert preparation.width == 3  # the first column can be missing
    found = preparation.of(values)
    assert np.isfinite(found).all()
    assert found[:, 2].tolist() == [0, 1, 0, 0]
    assert found[0, 0] < found[2, 0] < found[3, 0]


@given(
    values=arrays.arrays(
        np.float32,
        st.tuples(st.integers(1, 60), st.integers(1, 4)),
        elements=st.one_of(
            st.floats(-1e9, 1e9, width=32), st.sampled_from([0.0, 1.0, float("nan")])
        ),
    )
)
def test_prepared_columns_keep_their_order_and_stay_finite(values):
    preparation = learn_columns(values)
    found = preparation.of(values)
    assert np.isfinite(found).all()
    for place, column in enumerate(values.T):
        known = ~np.isnan(column)
        order = np.argsort(column[known], kind="stable")
        assert (np.diff(found[known, place][order]) >= 0).all()
    assert np.isfinite(preparation.of(np.full_like(values, 3e38))).all()


def _part(labels, sizes=(3, 2)):
    labels = torch.tensor(labels)
    lists = torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes))
    return Rows(torch.zeros(len(labels), 1), labels, torch.ones(len(labels)), lists)


def test_a_label_that_does_not_exist_sends_no_gradient():
    gap = float("nan")
    rows = _part([[gap, gap, 1.0], [gap, gap, 0.0], [1.0, gap, 0.0], [0.0, gap, 1.0], [1, gap, 0]])
    logits = torch.zeros(5, len(TASKS), requires_grad=True)
    losses = task_losses(logits, rows, shares_of(rows))
    losses.sum().backward()
    assert losses[TASKS.index("cart")] == 0
    assert torch.isfinite(logits.grad).all()
    assert (logits.grad[:, TASKS.index("cart")] == 0).all()
    assert (logits.grad[:2, TASKS.index("click")] == 0).all()
    assert (logits.grad[2:, TASKS.index("click")] != 0).all()
    assert (logits.grad[:, PURCHASE] != 0).all()


def test_heads_of_labels_that_nobody_has_stay_as_they_began():
    made = made_set(lists=20, with_impressions=False)
    settings = replace(SETTINGS, training=replace(TRAINING, epochs=1, weight_decay=0.0))
    trained = _fit(made, settings).ranker.weights
    torch.manual_seed(settings.training.seed)
    width = learn_columns(lesson_of(made, "train", 0.1).values).width
    begun = arrays_of(DeepNetwork(width, NETWORK))
    for name, value in begun.items():
        is_idle = name.startswith(("heads.click", "heads.cart"))
        assert np.array_equal(value, trained[name]) == is_idle, name


def test_the_list_loss_by_hand():
    gap = float("nan")
    rows = _part(
        [[gap, gap, 1.0], [gap, gap, 0.0], [gap, gap, 1.0], [gap, gap, 0.0], [gap, gap, 0]]
    )
    logits = torch.zeros(5, len(TASKS))
    logits[:, PURCHASE] = torch.tensor([2.0, 1.0, 0.0, 5.0, 5.0])
    soft = torch.log_softmax(torch.tensor([2.0, 1.0, 0.0]), 0)
    expected = -(soft[0] + soft[2]) / 2  # the second list bought nothing
    assert list_loss(logits, rows, shares_of(rows)) == pytest.approx(float(expected), rel=1e-6)


def test_a_batch_in_parts_gives_the_gradient_of_the_whole(made):
    raw = lesson_of(made, "train", 0.1)
    lesson = raw.prepared(learn_columns(raw.values))
    torch.manual_seed(0)
    network = DeepNetwork(lesson.values.shape[1], replace(NETWORK, dropout=0.0))
    batch = np.arange(190, 210)  # candidates and impressions
    shares = shares_of(_rows(lesson, batch, "cpu", with_values=False))
    gradients = []
    for parts in (1, 4):
        network.zero_grad()
        for part in np.array_split(batch, parts):
            _loss(network, _rows(lesson, part, "cpu"), shares, TRAINING).backward()
        gradients.append(torch.cat([p.grad.ravel() for p in network.parameters()]))
    assert gradients[0].abs().max() > 0
    torch.testing.assert_close(gradients[0], gradients[1], atol=1e-6, rtol=1e-4)


def test_a_run_that_was_stopped_and_resumed_ends_in_the_same_bytes(tmp_path):
    made = made_set(lists=20)
    settings = replace(SETTINGS, training=replace(TRAINING, epochs=4))
    whole = _fit(made, settings)

    class Killed(Exception):
        pass

    def kill(message):
        if "epoch 2" in message:
            raise Killed

    path = tmp_path / "checkpoint.safetensors"
    more = {"settings": settings, "checkpoint": path}
    with pytest.raises(Killed):
        fit_deep_ranker(made, progress=kill, **more)
    said = []
    resumed = fit_deep_ranker(made, progress=said.append, **more)
    assert [message.split(":")[0] for message in said] == [
        "deep ranker epoch 3",
        "deep ranker epoch 4",
    ]
    assert _same(resumed.ranker.arrays(), whole.ranker.arrays())
    assert resumed.curve == whole.curve
    with pytest.raises(StateError, match="another training"):
        fit_deep_ranker(made_set(lists=20, seed=9), progress=said.append, **more)


def test_a_saved_ranker_scores_as_it_did(fitted, tmp_path):
    write_ranker(tmp_path, fitted.ranker, None)
    columns = [
        {"name": c.name, "entity": c.entity, "data_type": c.data_type, "default": c.default}
        for c in SERVICE
    ]
    card = {"retrieval_columns": list(RETRIEVAL), "feature_columns": columns}
    again = read_ranker(tmp_path, card)
    assert isinstance(again, DeepRanker)
    assert again.retrieval == fitted.ranker.retrieval
    draw = np.random.default_rng(4)
    retrieval, nobody = draw.normal(size=(LIST, 4)).astype(np.float32), np.empty((LIST, 0))
    expected = fitted.ranker.scores(retrieval, np.array([3.0]), nobody)
    assert expected.shape == (LIST,)
    assert np.array_equal(again.scores(retrieval, np.array([3.0]), nobody), expected)
    assert [path.name for path in tmp_path.iterdir()] == ["deep_ranker.safetensors"]


def test_a_ranker_of_another_kind_is_refused(tmp_path):
    with pytest.raises(InputError, match="cannot be saved"):
        write_ranker(tmp_path, object(), None)


def test_an_answer_needs_no_torch():
    code = (
        "import sys, training.bundle, training.deep_ranker.model; sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_two_hundred_candidates_of_a_real_width_are_scored_in_two_milliseconds():
    draw = np.random.default_rng(0)
    values = draw.normal(size=(2_000, 87)).astype(np.float32)
    values[:, 40:60][draw.random((2_000, 20)) < 0.3] = np.nan
    preparation = learn_columns(values)
    network = DeepNetwork(preparation.width, DeepRankerSettings().network)
    weights = np.array([0.0, 0.0, 1.0], np.float32)
    ranker = DeepRanker(preparation, arrays_of(network), weights, (), ())
    assert min(_median_seconds(lambda: ranker.scores_of(values[:200])) for _ in range(3)) < 0.002


def _median_seconds(answer):
    seconds = []
    for _ in range(50):
        began = time.perf_counter()
        answer()
        seconds.append(time.perf_counter() - began)
    return np.median(seconds)
