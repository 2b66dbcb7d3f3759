"""The best epoch is kept, waiting ends, and a checkpoint goes on where it was left."""

import pytest
import torch
from torch import nn

from training.best_epoch import Course

REACHED = [0.1, 0.5, 0.5, 0.4, 0.9]  # by epoch; an equal figure is no better one


def _course(path=None, **more):
    network = nn.Linear(1, 1, bias=False)
    optimiser = torch.optim.AdamW(network.parameters())
    return network, Course(network, optimiser, subject="s", checkpoint=path, **more)


def _learn(network, course, *, limit=5, patience=1, is_judged=True):
    """Every epoch's weight is its number."""
    for epoch in course.epochs(limit, patience):
        nn.init.constant_(network.weight, epoch)
        found = {"ndcg_at_10": REACHED[epoch - 1], "other": 1.0}
        course.note({"loss": 1 / epoch}, found if is_judged else {})
    return course.end()


def test_the_best_epochs_weights_stay_and_no_more_is_learned_than_patience_allows():
    network, course = _course()
    state = _learn(network, course)
    assert [point["epoch"] for point in state.curve] == [1, 2, 3, 4]
    assert state.best == {"ndcg_at_10": 0.5, "other": 1.0, "epoch": 2}
    assert network.weight.item() == 2
    assert not network.training


def test_more_patience_finds_a_later_best():
    network, course = _course()
    assert _learn(network, course, patience=2).best["epoch"] == 5
    assert network.weight.item() == 5


def test_where_patience_ends_the_rate_is_lowered_and_the_best_weights_are_gone_on_from(tmp_path):
    reached, begun, rates = [0.1, 0.5, 0.4, 0.3, 0.2, 0.1, 0.9], [], []
    for stop in (4, 5, 7):  # killed before the rate is lowered, and after
        network, course = _course(tmp_path / "checkpoint.safetensors")
        (group,) = course.optimiser.param_groups
        for epoch in course.epochs(stop, 1, drops=1, drop=0.2):
            begun.append(network.weight.item())
            rates.append(round(group["lr"] / 1e-3, 6))
            nn.init.constant_(network.weight, epoch)
            course.note({"loss": 1.0}, {"ndcg_at_10": reached[epoch - 1]})
    assert begun[1:] == [1, 2, 3, 2, 5]
    assert rates == [1, 1, 1, 1, 0.2, 0.2]
    assert course.end().best["epoch"] == 2


def test_where_nobody_judges_the_latest_epoch_stays():
    network, course = _course()
    state = _learn(network, course, patience=0, is_judged=False)
    assert state.curve[-1] == {"epoch": 5, "loss": 0.2}
    assert network.weight.item() == 5
    assert "ndcg" not in course.line("any")


@pytest.mark.parametrize("stopped_after", [1, 2, 3])
def test_a_course_goes_on_where_its_checkpoint_was_left(tmp_path, stopped_after):
    path = tmp_path / "checkpoint.safetensors"
    _learn(*_course(path), limit=stopped_after, patience=2)
    network, course = _course(path)
    state = _learn(network, course, patience=2)
    whole = _learn(*_course(), patience=2)
    assert (state.curve, state.best, state.waited) == (whole.curve, whole.best, whole.waited)
    assert network.weight.item() == 5


def test_a_process_that_is_no_writer_reads_a_checkpoint_and_leaves_none(tmp_path):
    path = tmp_path / "checkpoint.safetensors"
    _learn(*_course(path, is_writer=False))
    assert not path.exists()
    _learn(*_course(path), limit=2)
    before = path.read_bytes()
    network, course = _course(path, is_writer=False)
    assert course.state.epoch == 2
    _learn(network, course)
    assert path.read_bytes() == before


def test_an_epoch_is_told_with_its_figure_and_the_best_one():
    network, course = _course()
    _learn(network, course)
    assert course.line("sasrec").startswith(
        "sasrec epoch 4: loss 0.250, ndcg@10 0.4000 (best 0.5000), "
    )


def test_another_figure_may_choose_the_epoch_and_the_lowest_may_be_the_best():
    network, course = _course(metric="other_loss", is_lower_better=True)
    for epoch in course.epochs(5, 1):
        nn.init.constant_(network.weight, epoch)
        course.note({"loss": 1.0}, {"other_loss": [0.9, 0.2, 0.2, 0.7, 0.1][epoch - 1]})
    assert course.line("any").startswith("any epoch 4: loss 1.000, other loss 0.7000 (best 0.2000)")
    assert course.end().best == {"other_loss": 0.2, "epoch": 2}
    assert network.weight.item() == 2
