"""Every reader of knobs says of a file that is missing, or wrong, what is wrong with it."""

import pytest

from governance.errors import InputError
from training.deep_ranker.config import DeepRankerSettings
from training.deep_ranker.config import read_settings as read_deep_ranker
from training.recommender.config import RecommenderKnobs, read_recommender_knobs
from training.sasrec.config import SasrecSettings, SasrecTraining
from training.sasrec.config import read_settings as read_sasrec
from training.sasrec.model import SasrecConfig
from training.two_tower.config import TwoTowerConfig
from training.two_tower.config import read_config as read_two_tower

EVERY_READER = pytest.mark.parametrize(
    "read",
    [read_deep_ranker, read_recommender_knobs, read_sasrec, read_two_tower],
    ids=lambda read: read.__module__,
)


@EVERY_READER
def test_a_missing_file_is_named(tmp_path, read):
    with pytest.raises(InputError, match="no such file") as refused:
        read(tmp_path / "none.yaml")
    assert refused.value.where == str(tmp_path / "none.yaml")


@EVERY_READER
def test_a_folder_or_bytes_that_are_no_text_are_refused(tmp_path, read):
    with pytest.raises(InputError, match="cannot be read") as refused:
        read(tmp_path)
    assert refused.value.where == str(tmp_path)
    (tmp_path / "knobs.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="no YAML"):
        read(tmp_path / "knobs.yaml")


@EVERY_READER
@pytest.mark.parametrize(
    ("text", "says"), [("a: [", "no YAML"), ("- 1", "no mapping"), ("knbo: 1", "knbo is unknown")]
)
def test_a_file_that_holds_no_knobs_is_refused(tmp_path, read, text, says):
    path = tmp_path / "knobs.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=says) as refused:
        read(path)
    assert refused.value.where == str(path)


def test_an_empty_file_leaves_the_defaults(tmp_path):
    path = tmp_path / "knobs.yaml"
    path.write_text("# nothing\n", encoding="utf-8")
    assert read_two_tower(path) == TwoTowerConfig()
    assert read_deep_ranker(path) == DeepRankerSettings()
    assert read_recommender_knobs(path) == RecommenderKnobs()
    assert read_sasrec(path) == SasrecSettings(SasrecConfig(), SasrecTraining())


def test_a_file_without_parts_names_the_knob_and_what_it_should_be(tmp_path):
    path = tmp_path / "knobs.yaml"
    for text, says in (("epochs: true", "epochs is True"), ("spread: wide", "spread is 'wide'")):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(InputError, match=says) as refused:
            read_two_tower(path)
        assert refused.value.why.startswith("write something like")
    path.write_text("learning_rate: 1e-3\nspread: 1", encoding="utf-8")
    found = read_two_tower(path)
    assert (found.learning_rate, found.spread) == (0.001, 1.0)
