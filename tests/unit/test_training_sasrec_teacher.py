"""What a device can do changes the seconds of SASRec, not what is learned."""

import pytest
import torch

from training.native_bfloat16 import has_native_bfloat16
from training.sasrec.config import SasrecTraining
from training.sasrec.model import Sasrec, SasrecConfig
from training.sasrec.teacher import Teacher, compute_dtype

CONFIG = SasrecConfig(width=16, heads=1, blocks=1, length=6, dropout=0.0)
ITEMS = torch.tensor([[0, 1, 2, 3, 4, 5], [6, 5, 4, 3, 2, 1]])
BASKETS = torch.arange(5, -1, -1).expand(2, 6)
TARGETS = torch.tensor([[0, 2, 3, 4, 5, 6], [5, 4, 3, 2, 1, 7]])


def _taught(**knobs):
    torch.manual_seed(0)
    network = Sasrec(CONFIG, vocabulary=9)
    training = SasrecTraining(full_softmax_up_to=20, **knobs)
    teacher = Teacher(network, training, torch.zeros(10))
    loss = teacher(ITEMS, BASKETS, TARGETS, torch.ones(1, dtype=torch.long))
    loss.backward()
    return loss, network.items.weight.grad


def test_the_compiled_network_has_the_loss_and_gradients_of_the_plain_one():
    plain, compiled = _taught(), _taught(compile=True)
    torch.testing.assert_close(plain, compiled, rtol=1e-4, atol=1e-5)


def test_bfloat16_gives_nearly_the_loss_and_the_direction_of_float32():
    exact, rough = _taught(precision="float32"), _taught(precision="bfloat16")
    assert rough[0].item() == pytest.approx(exact[0].item(), rel=0.01)
    assert rough[0].item() != exact[0].item()
    same = torch.cosine_similarity(exact[1].flatten(), rough[1].flatten(), dim=0)
    assert same.item() > 0.99


@pytest.mark.parametrize("has_it", [True, False])
def test_auto_asks_what_the_device_multiplies_natively(monkeypatch, has_it):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: has_it)
    assert has_native_bfloat16() is has_it
    wanted = torch.bfloat16 if has_it else torch.float32
    assert compute_dtype("auto", "cpu") is wanted
    assert compute_dtype("float32", "cpu") is torch.float32
