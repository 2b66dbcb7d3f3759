"""The knobs of SASRec: the file that ships loads, and a wrong one says what is wrong."""

import re
from dataclasses import fields

import pytest

from governance.errors import InputError
from training.sasrec.config import DEFAULT_FILE, SasrecTraining, read_settings
from training.sasrec.model import SasrecConfig


def test_the_file_that_ships_names_every_knob_with_its_effect():
    assert read_settings().training.epochs > 1
    lines = DEFAULT_FILE.read_text(encoding="utf-8").splitlines()
    explained = {m[1] for line in lines if (m := re.match(r"  (\w+): .+ # \S+", line))}
    knobs = {knob.name for kind in (SasrecConfig, SasrecTraining) for knob in fields(kind)}
    assert explained == knobs


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("netwrok: {}", "netwrok"),
        ("training: {epoch: 3}", "training.epoch"),
        ("training: {epochs: many}", "training.epochs"),
        ("training: {epochs: true}", "training.epochs"),
        ("training: {precision: float8}", "training.precision"),
        ("training: 3", "training"),
        ("network: {width: 10, heads: 3}", "heads"),
        ("- 1", "mapping"),
    ],
)
def test_a_wrong_knob_is_named(tmp_path, text, says):
    path = tmp_path / "knobs.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=says) as refused:
        read_settings(path)
    assert str(path) in str(refused.value)


def test_numbers_as_yaml_writes_them_are_read(tmp_path):
    path = tmp_path / "knobs.yaml"
    path.write_text("training: {learning_rate: 1e-3, weight_decay: 0}", encoding="utf-8")
    training = read_settings(path).training
    assert (training.learning_rate, training.weight_decay) == (0.001, 0.0)
