"""Steps rise, then fall to nothing; matrices decay, biases and norms do not."""

import pytest
import torch
from tiny_encoder import tiny_checkpoint
from torch import nn

from governance.errors import InputError
from training.encoder.checkpoint import load_encoder
from training.fine_tuning.config import FineTuning
from training.fine_tuning.lesson import Head, Lesson, Span, Texts
from training.fine_tuning.step_size import optimiser_of, set_step_size
from training.fine_tuning.train import fine_tune

KNOBS = FineTuning(warm_up=0.2, learning_rate=1e-3, head_learning_rate=1e-2, weight_decay=0.05)


class _Model:
    def __init__(self):
        self.network = nn.ModuleDict({"encoder": nn.Sequential(nn.Linear(3, 3), nn.LayerNorm(3))})
        self.network.out = nn.Linear(3, 2)
        self.network.encoder = self.network["encoder"]


def test_steps_rise_for_the_warm_up_and_then_fall_in_a_line():
    optimiser = optimiser_of([_Model()], KNOBS)
    seen = []
    for step in range(10):
        set_step_size(optimiser, KNOBS, step, 10)
        seen.append([group["lr"] / group["highest"] for group in optimiser.param_groups])
    assert all(shares == pytest.approx([shares[0]] * len(shares)) for shares in seen)
    assert [shares[0] for shares in seen] == pytest.approx(
        [0.5, 1.0, 1.0, 7 / 8, 6 / 8, 5 / 8, 4 / 8, 3 / 8, 2 / 8, 1 / 8]
    )


def test_encoder_and_head_have_step_sizes_of_their_own():
    optimiser = optimiser_of([_Model()], KNOBS)
    assert {group["highest"] for group in optimiser.param_groups} == {1e-3, 1e-2}


def test_only_matrices_decay():
    model = _Model()
    optimiser = optimiser_of([model], KNOBS)
    decay = {id(p): g["weight_decay"] for g in optimiser.param_groups for p in g["params"]}
    named = {**dict(model.network.encoder.named_parameters()), "out": model.network.out.weight}
    assert {name for name, p in named.items() if decay[id(p)] == 0.05} == {"0.weight", "out"}
    assert {name for name, p in named.items() if decay[id(p)] == 0} == {
        "0.bias",
        "1.weight",
        "1.bias",
    }


def test_class_weights_are_refused_where_a_head_marks_tokens(tmp_path):
    torch.set_num_threads(1)
    encoder = load_encoder(str(tiny_checkpoint(tmp_path, ("red", "shoe"))))
    lesson = Lesson(Texts(("red shoe",)), spans=((Span(0, 3, "colour"),),))
    with pytest.raises(InputError, match="class weights"):
        fine_tune(
            encoder, Head("tags", "tokens", ("colour",)), lesson, None,
            FineTuning(is_class_weighted=True),
        )  # fmt: skip
