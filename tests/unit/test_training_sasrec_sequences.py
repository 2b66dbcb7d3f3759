"""SASRec over plain sequences: it learns what follows what, explains itself, and can be stopped."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from governance.errors import InputError, StateError
from training.retrievers import Explains, Retriever, propose
from training.sasrec.checkpoint import load_network, save_network
from training.sasrec.config import SasrecSettings, SasrecTraining
from training.sasrec.model import SasrecConfig
from training.sasrec.scorer import SasrecScorer, text_start
from training.sasrec.train_sequences import fit_sequences, foretell, windows
from training.sequences import leave_one_out, sequences_of

ITEMS = 12
SETTINGS = SasrecSettings(
    network=SasrecConfig(width=16, heads=1, length=6, dropout=0.1, temperature=0.1),
    training=SasrecTraining(
        epochs=12,
        patience=12,
        batch=16,
        pool=4,
        full_softmax_up_to=ITEMS,
        learning_rate=1e-2,
        min_baskets=1,
    ),
)


def _split(users=60):
    """Everybody walks a ring of items in the same direction, from different places."""
    draw = np.random.default_rng(0)
    walks = [
        (start + np.arange(length)) % ITEMS
        for start, length in zip(
            draw.integers(0, ITEMS, users), draw.integers(4, 9, users), strict=True
        )
    ]
    return leave_one_out(sequences_of(walks, ITEMS))


def _fitted(settings=SETTINGS, **more):
    torch.set_num_threads(1)
    split = _split()
    progress = more.pop("progress", lambda _: None)
    return fit_sequences(
        split.known, split.validation, settings=settings, progress=progress, **more
    )


@pytest.fixture(scope="module")
def fitted():
    return _fitted()


def test_it_learns_what_follows_what(fitted):
    test = _split().test
    assert foretell(fitted.scorer, test, hide_seen=True)["ndcg_at_10"] > 0.9
    best = propose(fitted.scorer, test.histories, k=1, hide_seen=True).items[:, 0]
    assert (best == test.target).mean() > 0.9


def test_the_curve_holds_every_epoch_and_the_best_one_is_kept(fitted):
    reached = [epoch["ndcg_at_10"] for epoch in fitted.curve]
    assert [epoch["epoch"] for epoch in fitted.curve] == list(range(1, len(reached) + 1))
    assert fitted.metrics["ndcg_at_10"] == max(reached)
    again = foretell(fitted.scorer, _split().validation, hide_seen=True)
    assert again["ndcg_at_10"] == pytest.approx(max(reached))


def test_the_scorer_is_a_retriever_that_explains(fitted):
    scorer = fitted.scorer
    assert isinstance(scorer, Retriever)
    assert isinstance(scorer, Explains)
    history = np.array([9, 3, 4], dtype=np.int32)
    assert scorer.causes(history, np.array([5], dtype=np.int32)).tolist() == [4]
    assert scorer.causes(history[:0], history).tolist() == [-1, -1, -1]


def test_a_score_does_not_depend_on_the_other_histories(fitted):
    histories = [np.arange(n, dtype=np.int32) for n in (1, 8, 0, 3)]
    together = fitted.scorer.score(histories)
    alone = np.concatenate([fitted.scorer.score([history]) for history in histories])
    np.testing.assert_allclose(together, alone, rtol=1e-4, atol=1e-4)
    assert np.isneginf(together[2]).all()


def test_targets_of_a_long_sequence_are_each_learned_once():
    items, targets = windows(sequences_of([np.arange(9)], 9), length=3)
    assert items.tolist() == [[6, 7, 8], [3, 4, 5], [0, 1, 2]]
    assert targets.tolist() == [[7, 8, 9], [4, 5, 6], [0, 2, 3]]


def test_a_saved_network_answers_the_same(fitted, tmp_path):
    save_network(tmp_path / "network.safetensors", fitted.scorer.network, fitted.scorer.config)
    again = SasrecScorer(*load_network(tmp_path / "network.safetensors"))
    history = [np.array([1, 2], dtype=np.int32)]
    assert again.score(history).tobytes() == fitted.scorer.score(history).tobytes()


class _PulledPlug(Exception):
    """Stands for a kill between two epochs."""


def test_a_run_that_was_cut_off_ends_in_the_same_bytes(fitted, tmp_path):
    said = []

    def cut(line):
        said.append(line)
        if len(said) == 5:
            raise _PulledPlug

    checkpoint = tmp_path / "checkpoint.safetensors"
    with pytest.raises(_PulledPlug):
        _fitted(checkpoint=checkpoint, progress=cut)
    resumed = _fitted(checkpoint=checkpoint, progress=said.append)
    assert "epoch 6" in said[5]
    assert resumed.curve == fitted.curve
    for name, value in fitted.scorer.network.state_dict().items():
        assert torch.equal(resumed.scorer.network.state_dict()[name], value)
    finished = _fitted(checkpoint=checkpoint, progress=said.append)
    assert finished.curve == fitted.curve
    assert len(said) == len(fitted.curve)


def test_a_checkpoint_of_other_settings_is_refused(tmp_path):
    checkpoint = tmp_path / "checkpoint.safetensors"
    _fitted(replace(SETTINGS, training=replace(SETTINGS.training, epochs=1)), checkpoint=checkpoint)
    faster = replace(SETTINGS, training=replace(SETTINGS.training, learning_rate=0.5))
    calmer = replace(SETTINGS, network=replace(SETTINGS.network, dropout=0.0))
    for other in (faster, calmer):
        with pytest.raises(StateError, match="another training"):
            _fitted(other, checkpoint=checkpoint)


def test_a_batch_in_parts_teaches_what_the_whole_batch_does():
    calm = replace(SETTINGS.network, dropout=0.0)
    short = replace(SETTINGS.training, epochs=3)
    whole = _fitted(SasrecSettings(calm, short))
    parts = _fitted(SasrecSettings(calm, replace(short, accumulate=4)))
    losses = [[epoch["loss"] for epoch in run.curve] for run in (whole, parts)]
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-4)


def test_drawn_negatives_learn_the_ring_too():
    drawn = replace(SETTINGS.training, full_softmax_up_to=0, negatives=8, negative_source="mixed")
    found = _fitted(replace(SETTINGS, training=drawn))
    assert found.metrics["ndcg_at_10"] > 0.8


def test_texts_can_be_where_item_vectors_begin():
    texts = np.random.default_rng(0).normal(size=(ITEMS, 40)).astype(np.float32)
    start = text_start(texts, 8)
    assert start.shape == (ITEMS, 8)
    assert start.std().item() == pytest.approx(0.05, rel=0.01)


def test_titles_are_where_item_vectors_begin_if_the_settings_say_so():
    titles = [f"ring {place} {place // 2} {place // 3}" for place in range(ITEMS)]
    from_titles = replace(SETTINGS.training, start="titles", titles_learning_rate=0.01)
    settings = replace(SETTINGS, training=from_titles)
    found, again = (_fitted(settings, titles=titles) for _ in range(2))
    assert found.metrics["ndcg_at_10"] > 0.8
    assert found.curve == again.curve
    assert found.curve != _fitted(titles=titles).curve == _fitted().curve
    assert _fitted(settings, titles=[""] * ITEMS).curve == _fitted().curve
    with pytest.raises(InputError, match="3 titles for 12 items"):
        _fitted(settings, titles=titles[:3])
