"""What a text task may rely on, whatever the encoder: it learns, and the same seed the same."""

import numpy as np
import pytest
from tiny_encoder import tiny_checkpoint

from training.encoder.checkpoint import load_encoder
from training.fine_tuning.config import FineTuning
from training.fine_tuning.lesson import Head, Lesson, Texts
from training.fine_tuning.train import fine_tune

CHINESE = (
    "买",
    "学",
    "比",
    "较",
    "手",
    "机",
    "鞋",
    "果",
    "汁",
    "如",
    "何",
    "用",
    "便",
    "宜",
    "哪",
    "个",
    "好",
)
HEAD = Head("intent", "classes", ("buy", "learn"))
KNOBS = FineTuning(epochs=8, patience=8, batch=8, learning_rate=1e-3, head_learning_rate=1e-2)


@pytest.fixture(scope="module")
def chinese(tmp_path_factory):
    return load_encoder(str(tiny_checkpoint(tmp_path_factory.mktemp("chinese"), CHINESE)))


def _lesson(rows, seed=0):
    draw = np.random.default_rng(seed)
    labels = draw.integers(0, 2, rows)
    things = [draw.choice(["手机", "鞋", "果汁"]) for _ in range(rows)]
    texts = [
        f"买便宜{t}" if label == 0 else f"如何用{t}"
        for t, label in zip(things, labels, strict=True)
    ]
    return Lesson(Texts(tuple(texts)), labels)


def test_an_encoder_of_another_language_learns_a_task(chinese):
    tuned = fine_tune(chinese, HEAD, _lesson(64), _lesson(16, seed=1), KNOBS)
    found = tuned.model.probabilities(Texts(("买手机", "如何用鞋")))
    assert found.argmax(axis=1).tolist() == [0, 1]
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)
