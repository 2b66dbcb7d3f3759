"""The knobs of SASRec: the file that ships loads, and a wrong one says what is wrong."""

import re
from dataclasses import fields

import pytest

from governance.errors import InputError
from training.sasrec.config import BASKETS_FILE, DEFAULT_FILE, SasrecTraining, read_settings
from training.sasrec.knobs_file import effects_of, knobs_text
from training.sasrec.model import SasrecConfig

SHIPPED = pytest.mark.parametrize("path", [DEFAULT_FILE, BASKETS_FILE], ids=lambda path: path.stem)


@SHIPPED
def test_a_file_that_ships_names_every_knob_with_its_effect(path):
    assert read_settings(path).training.epochs > 1
    lines = path.read_text(encoding="utf-8").splitlines()
    explained = {m[1] for line in lines if (m := re.match(r"  (\w+): .+ # \S+", line))}
    knobs = {knob.name for kind in (SasrecConfig, SasrecTraining) for knob in fields(kind)}
    assert explained == set(effects_of(path)) == knobs


@SHIPPED
def test_a_file_that_ships_declares_ranges_that_hold_its_own_knobs(path):
    settings = read_settings(path)
    assert len(settings.search) >= 3
    for name, found in settings.search.items():
        assert found.holds(settings.knobs()[name]), name


def test_the_knobs_of_baskets_are_the_defaults_of_the_main_job():
    settings = read_settings(BASKETS_FILE)
    assert (settings.network, settings.training) == (SasrecConfig(), SasrecTraining())


@SHIPPED
def test_written_knobs_are_read_as_they_were(path, tmp_path):
    settings = read_settings(path).changed({"width": 24, "learning_rate": 5e-05, "compile": True})
    written = tmp_path / "knobs.yaml"
    written.write_text(knobs_text(settings, headline="found", like=path), encoding="utf-8")
    assert read_settings(written) == settings


def test_a_knob_changed_in_a_search_is_checked_too():
    with pytest.raises(InputError, match="heads"):
        read_settings(BASKETS_FILE).changed({"width": 33})


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
        ("a: [", "no YAML"),
        ("search: 3", "search"),
        ("search: {widht: [1, 2]}", "search.widht"),
        ("search: {width: [1, wide]}", "search.width"),
        ("search: {width: {low: 1.5, high: 3}}", "search.width"),
        ("search: {dropout: {low: 3, high: 1}}", "search.dropout"),
        ("search: {precision: [float8]}", "search.precision"),
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
