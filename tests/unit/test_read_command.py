"""``counterfoil read TASK``: the newest model of a task answers, or it is said what to train."""

import json
import os

import numpy as np
import pandas as pd
import pytest
import torch
from hostile_texts import ODD_TEXTS, STEERING
from tiny_encoder import tiny_checkpoint
from typer.testing import CliRunner

from flows.cli import app
from flows.text_answers import READERS, open_reader
from flows.text_training import TextWish, train_text
from governance.errors import InputError, StateError
from governance.files import canonical_json
from governance.settings import Settings
from training.fine_tuning.config import FineTuning
from training.sentiment.config import Joining
from training.sentiment.model_file import save_sentiment
from training.sentiment.train import fit_sentiment

GOOD, BAD = "love it, perfect fit and soft fabric", "too tight, poor quality, not worth the money"
QUERIES = {
    "category": [("desk lamp", "Lighting"), ("floor lamp", "Lighting"), ("lamp shade", "Lighting"),
                 ("wool rug", "Rugs"), ("round rug", "Rugs"), ("rug pad", "Rugs")],
    "intent": [(f"{words} {n}", label) for n in range(8) for words, label in
               (("buy lamp", "buy"), ("how to clean", "learn"), ("best lamp", "compare"),
                ("where is my order", "out_of_shop"))],
}  # fmt: skip


class _Screen:
    def say(self, text): ...

    def begin(self, epochs): ...

    def epoch(self, curve): ...


def _train(settings, folder, task, column, method=""):
    (folder / f"{task}.tsv").write_text(
        "\n".join([f"query\t{column}", *(f"{text}\t{name}" for text, name in QUERIES[task])])
    )
    (folder / "knobs.yaml").write_text("training: {epochs: 1, batch: 8}\n")
    config = folder / "knobs.yaml" if method else None
    wish = TextWish(task, data=folder / f"{task}.tsv", config=config, method=method)
    return train_text(settings, wish, _Screen()).bundle


def _sentiment(settings):
    draw = np.random.default_rng(0)
    labels = (draw.random(120) < 0.7).astype(int)
    texts = [f"{GOOD if label else BAD}, bought {n}" for n, label in enumerate(labels)]
    items = [f"i{n % 12}" for n in range(120)]
    reviews = pd.DataFrame({"item_id": items, "title": "", "text": texts, "is_positive": labels})
    model = fit_sentiment(reviews, None, joining=Joining(), network=FineTuning()).model
    return save_sentiment(settings.bundles_dir, model, None, facts={})


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A home with a small model of every task."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("trained")
    words = {word for rows in QUERIES.values() for text, _ in rows for word in text.split()}
    encoder = tiny_checkpoint(folder / "tiny", sorted(words))
    settings = Settings(home=folder / "home", encoder=str(encoder), threads=1)
    _train(settings, folder, "category", "category")
    _train(settings, folder, "intent", "label", method="frozen")
    _sentiment(settings)
    return settings, folder


@pytest.fixture
def home(trained, monkeypatch, fresh_settings):
    monkeypatch.setenv("COUNTERFOIL_HOME", str(trained[0].home_dir))
    monkeypatch.setenv("COUNTERFOIL_ENCODER", trained[0].encoder)


def _asked(*arguments):
    result = CliRunner().invoke(app, ["read", *map(str, arguments)])
    assert result.exit_code == 0, result.output
    return result


def test_a_category_comes_with_its_chance_and_the_next_ones(home):
    report = json.loads(_asked("category", "lamp for a desk", "--json").stdout)
    (answer,) = report["answers"]
    assert report["told"].startswith("nearness")
    assert answer["ranked"][0]["category"] == "Lighting"
    assert sum(one["probability"] for one in answer["ranked"]) == pytest.approx(1, abs=1e-3)
    assert "Lighting" in _asked("category", "lamp for a desk").stdout


def test_the_bundle_written_last_answers_whichever_way_it_was_taught(trained, home):
    settings, folder = trained
    near = open_reader(settings, "category").version
    head = _train(settings, folder, "category", "category", method="frozen")
    report = json.loads(_asked("category", "lamp", "--json").stdout)
    assert (report["version"], report["told"]) == (head.version, "a fine-tuned head")
    assert {one["category"] for one in report["answers"][0]["ranked"]} == {"Lighting", "Rugs"}
    for card in (settings.bundles_dir / "query_category" / near).glob("*_bundle.json"):
        os.utime(card)
    assert open_reader(settings, "category").version == near


def test_a_review_tells_of_each_aspect_the_words_that_show_it(home):
    (bad,) = json.loads(_asked("sentiment", BAD, "--json").stdout)["answers"]
    (good,) = json.loads(_asked("sentiment", GOOD, "--json").stdout)["answers"]
    assert good["recommended"] > 0.6 > 0.4 > bad["recommended"]
    said = {one["aspect"]: one for one in bad["aspects"]}
    assert said["fit"]["words"] == ["tight"]
    assert said["price"]["clauses"] == ["not worth the money"]
    assert said["quality"]["polarity"] < 0
    assert "too tight" in _asked("sentiment", BAD).stdout


def test_attributes_are_typed_values_where_they_stand(home):
    (answer,) = json.loads(_asked("attributes", "Black cable 500 ml", "--json").stdout)["answers"]
    found = {one["name"]: (one["value"], one["unit"], one["text"]) for one in answer["attributes"]}
    assert found == {"colour": ("black", "", "Black"), "volume": (0.5, "l", "500 ml")}


def test_an_intent_is_answered_as_by_the_server(home):
    (answer,) = json.loads(_asked("intent", "how to clean a lamp", "--json").stdout)["answers"]
    assert sum(answer["probabilities"].values()) == pytest.approx(1, abs=1e-3)
    assert {one["what"] for one in answer["reasons"]} >= {"how", "lamp"}
    assert answer["model_name"] == "intent"


@pytest.mark.parametrize("task", READERS)
def test_each_line_of_a_file_is_answered_in_order(home, tmp_path, task):
    path = tmp_path / "texts.txt"
    path.write_text("red lamp\n\nwool rug 2 m\n", encoding="utf-8")
    answers = json.loads(_asked(task, "--file", path, "--json").stdout)["answers"]
    assert [one["text"] for one in answers] == ["red lamp", "", "wool rug 2 m"]
    assert [line for line in _asked(task, "--file", path).stdout.splitlines() if line[:1] == "#"]


@pytest.mark.parametrize("task", READERS)
def test_hostile_texts_are_answered_and_can_be_written(trained, task):
    texts = [*ODD_TEXTS.values(), *(f"red lamp{text}" for text in STEERING)]
    answers = list(open_reader(trained[0], task).answers(texts))
    assert len(answers) == len(texts)
    canonical_json(answers).encode()


@pytest.mark.parametrize("text", [ODD_TEXTS["lone surrogate"], ODD_TEXTS["empty"]])
@pytest.mark.parametrize("task", READERS)
def test_a_hostile_text_is_read_by_the_command(home, task, text):
    assert _asked(task, text).stdout


@pytest.mark.parametrize("task", ["category", "intent", "sentiment"])
def test_a_task_without_a_model_says_what_to_train(tmp_path, task):
    with pytest.raises(StateError, match="has been trained") as error:
        open_reader(Settings(home=tmp_path), task)
    assert error.value.next_step == f"counterfoil train {task}"


def test_an_unknown_task_and_no_text_are_refused():
    for arguments, what in ((("weather", "x"), "no text is read"), (("intent",), "one text or")):
        error = CliRunner().invoke(app, ["read", *arguments]).exception
        assert isinstance(error, InputError)
        assert what in str(error)
