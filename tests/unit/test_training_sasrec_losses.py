"""The full softmax is the plain one, in less time; drawn negatives stand for it."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from training.sasrec.config import SasrecTraining
from training.sasrec.learn import Lesson, negative_rates
from training.sasrec.losses import (
    draw_negatives,
    full_softmax_loss,
    log_rate,
    sampled_softmax_loss,
)


def _problem(places, items, *, seed=0):
    generator = torch.Generator().manual_seed(seed)
    encoded = torch.randn(places, 8, generator=generator, requires_grad=True)
    matrix = torch.randn(items + 1, 8, generator=generator, requires_grad=True)
    return encoded, matrix, torch.randint(1, items + 1, (places,), generator=generator)


@given(places=st.integers(1, 1_200), items=st.integers(1, 40))
@settings(max_examples=20, deadline=None)
def test_the_chunked_softmax_has_the_loss_and_gradients_of_the_plain_one(places, items):
    encoded, matrix, targets = _problem(places, items)
    ours = full_softmax_loss(encoded, targets, item_matrix=matrix)
    mine = torch.autograd.grad(ours * 0.5, [encoded, matrix])
    plain = functional.cross_entropy(encoded @ matrix[1:].T, targets - 1, reduction="sum")
    theirs = torch.autograd.grad(plain * 0.5, [encoded, matrix])
    torch.testing.assert_close(ours, plain, rtol=1e-4, atol=1e-3)
    for own, other in zip(mine, theirs, strict=True):
        torch.testing.assert_close(own, other, rtol=1e-3, atol=1e-4)
    assert not mine[1][0].any()  # padding is no item


def test_bfloat16_changes_the_full_softmax_by_about_a_hundredth():
    encoded, matrix, targets = _problem(600, 50)
    exact = full_softmax_loss(encoded, targets, item_matrix=matrix)
    rough = full_softmax_loss(encoded, targets, item_matrix=matrix, dtype=torch.bfloat16)
    assert rough.item() == pytest.approx(exact.item(), rel=0.02)


def test_a_batch_without_targets_teaches_nothing():
    encoded, matrix, targets = _problem(0, 5)
    loss = full_softmax_loss(encoded, targets, item_matrix=matrix)
    loss.backward()
    assert loss.item() == 0
    assert not matrix.grad.any()


def test_every_item_as_negative_is_the_full_softmax():
    encoded, matrix, targets = _problem(30, 12)
    level = torch.zeros(13)  # every item drawn once: no rate to take out
    sampled = sampled_softmax_loss(
        encoded, targets, torch.arange(1, 13), item_matrix=matrix, log_q=level
    )
    full = full_softmax_loss(encoded, targets, item_matrix=matrix)
    torch.testing.assert_close(sampled, full, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("source", ["frequency", "mixed"])
def test_rates_of_negatives_sum_to_one_and_padding_is_never_drawn(source):
    items = torch.tensor([[0, 0, 1, 1, 2, 3]])
    rate = log_rate(items, 4, source, 0.5).exp()
    assert rate.sum().item() == pytest.approx(1)
    assert rate[0] == 0
    assert rate[1] > rate[2] > 0 < rate[4]


@pytest.mark.parametrize("in_batch", [0.5, 1.0])
def test_mixed_negatives_come_at_the_rate_that_is_taken_out_of_the_logits(in_batch):
    first = torch.arange(1, 301).repeat(4)  # 300 items that only begin sequences
    last = torch.cat([torch.full((600,), 301), torch.full((600,), 302)])  # two that only end them
    items = torch.stack([torch.zeros_like(first), first], dim=1)
    targets = torch.stack([torch.zeros_like(first), last], dim=1)
    training = SasrecTraining(negative_source="mixed", in_batch=in_batch)
    lesson = Lesson(items, items, lambda _: targets)
    log_q = negative_rates(lesson, training, vocabulary=302)
    drawn = draw_negatives(
        targets[targets != 0],
        100_000,
        log_q=log_q,
        source="mixed",
        in_batch=in_batch,
        generator=torch.Generator().manual_seed(1),
    )
    seen = torch.bincount(drawn, minlength=303) / len(drawn)
    assert torch.isfinite(log_q[1:]).all()
    # smoothing by one: 300 items share a fifth of what two have
    torch.testing.assert_close(seen[301:], log_q.exp()[301:], rtol=0.3, atol=0)
    assert seen[301:].sum() > 0.45
