"""Tracking writes what TensorBoard reads, and says what to install where that is missing."""

import sys
from importlib.util import find_spec

import pytest

from governance.errors import InputError
from training.tracking import open_tracker

CURVE = [
    {"epoch": 1.0, "loss": 2.0, "learning_rate": 0.003, "ndcg_at_10": 0.1},
    {"epoch": 2.0, "loss": 1.5, "learning_rate": 0.003, "ndcg_at_10": 0.2},
]


def test_without_tracking_nothing_is_written(tmp_path):
    tracker = open_tracker("none", tmp_path, "run")
    tracker.epochs(CURVE)
    tracker.end({"width": 8}, {"ndcg_at_10": 0.2})
    assert list(tmp_path.iterdir()) == []


def test_a_missing_tensorboard_is_named_with_the_cure(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    monkeypatch.delitem(sys.modules, "torch.utils.tensorboard", raising=False)
    with pytest.raises(InputError, match="tensorboard is not installed") as refused:
        open_tracker("tensorboard", tmp_path, "run")
    assert "pip install" in refused.value.next_step


@pytest.mark.skipif(find_spec("tensorboard") is None, reason="the extra tracking is not installed")
def test_every_epoch_and_the_knobs_are_read_back(tmp_path):
    tracker = open_tracker("tensorboard", tmp_path, "run")
    tracker.epochs(CURVE[:1])
    tracker.epochs(CURVE)
    tracker.end({"width": 8, "precision": "auto"}, {"ndcg_at_10": 0.2})
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = EventAccumulator(str(tmp_path / "run"))
    found.Reload()
    assert {"loss", "learning_rate", "ndcg_at_10", "reached/ndcg_at_10"} <= set(
        found.Tags()["scalars"]
    )
    losses = [(point.step, round(point.value, 4)) for point in found.Scalars("loss")]
    assert losses == [(1, 2.0), (2, 1.5)]
    hparams = found.summary_metadata["_hparams_/session_start_info"].plugin_data.content
    assert b"width" in hparams
