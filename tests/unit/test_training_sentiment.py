"""Sentiment of reviews and their aspects: split without leaks, odd texts, saved models."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hostile_texts import ODD_TEXTS, STEERING
from hypothesis import given, settings
from hypothesis import strategies as st
from small_reviews import BAD, GOOD, small_reviews, small_sentiment
from tiny_encoder import tiny_checkpoint

from flows.text_training import TextWish, train_text
from governance.errors import InputError
from governance.settings import Settings
from training.encoder.checkpoint import load_encoder
from training.fine_tuning.config import FineTuning
from training.sentiment.aspects import LEXICON, aspects_of, clauses_of
from training.sentiment.config import Joining, read_config
from training.sentiment.model_file import open_sentiment, save_sentiment
from training.sentiment.reviews import held_out, labelled, read_reviews, texts_of
from training.sentiment.task import save, teach
from training.sentiment.train import fit_sentiment

sys.path.append(str(Path(__file__).parents[1] / "benchmarks"))
from language_intervals import auc_figures, f1_figures
from language_sentiment_aspects import aspect_figures, read_sample

_MOST_MOVED = 0.25  # of a probability, by a sentence that no review has


@pytest.fixture(scope="module")
def model():
    return small_sentiment()


def test_words_and_network_learn_what_is_liked(tmp_path, model):
    encoder = load_encoder(str(tiny_checkpoint(tmp_path, ["love", "dress", "poor", "quality"])))
    network = FineTuning(epochs=1, length=16)
    both = fit_sentiment(small_reviews(), encoder, joining=Joining(), network=network).model
    for each in (model, both):
        good, bad = each.probabilities(["love this dress", "poor quality, returned it"])
        assert good > 0.6 > 0.4 > bad


class _Screen:
    def __init__(self, killed_after=99):
        self.killed_after = killed_after

    def say(self, text): ...

    def begin(self, epochs): ...

    def epoch(self, curve):
        if len(curve) == self.killed_after:
            raise KeyboardInterrupt


def _home(folder):
    encoder = tiny_checkpoint(folder.parent / "tiny", ["love", "poor"])
    return Settings(home=folder, encoder=str(encoder), threads=1)


def _file(folder):
    shop_columns = {"item_id": "Clothing ID", "title": "Title", "text": "Review Text"}
    frame = small_reviews().rename(columns=shop_columns | {"is_positive": "Recommended IND"})
    frame.to_parquet(folder / "reviews.parquet")
    return folder / "reviews.parquet"


def _taught(tmp_path):
    _file(tmp_path)
    encoder = load_encoder(str(tiny_checkpoint(tmp_path / "tiny", ["love", "poor"])))
    curves = []
    taught = teach(
        tmp_path, encoder=encoder, knobs=FineTuning(epochs=1, length=16), checkpoint=None,
        progress=lambda _: None, watch=curves.append, joining=Joining(),
    )  # fmt: skip
    assert len(curves) == 1
    return taught


def test_a_model_that_was_saved_answers_as_before_to_the_last_bit(tmp_path):
    taught = _taught(tmp_path)
    assert {"macro_f1", "auc", "words_auc", "network_auc"} <= set(taught.metrics)
    folder = save(tmp_path / "bundles", taught, facts={}, pages={"a.html": "page"}).folder
    model, texts = open_sentiment(folder).model(), [*GOOD, *BAD, *ODD_TEXTS.values()]
    texts = texts_of(pd.DataFrame({"text": texts}))
    assert np.array_equal(model.probabilities(texts), taught.model.probabilities(texts))
    assert np.array_equal(model.polarities(texts), taught.model.polarities(texts))


def test_the_command_teaches_by_the_tasks_own_file_and_a_killed_run_goes_on(tmp_path):
    settings, data, screen = _home(tmp_path / "whole"), _file(tmp_path), _Screen()
    (tmp_path / "knobs.yaml").write_text(
        "joining: {held_out: 0.3}\nnetwork: {epochs: 2, length: 16}\n"
    )
    wish = TextWish("sentiment", data=data, config=tmp_path / "knobs.yaml")
    whole = train_text(settings, wish, screen).bundle
    assert whole.card["knobs"]["joining.held_out"] == 0.3
    assert "joining.held_out" in (whole.folder / "card.html").read_text()
    assert open_sentiment(whole.folder).model().network is not None
    assert whole.card["int8"]["examples"] == whole.card["validation_examples"]
    killed = _home(tmp_path / "killed")
    with pytest.raises(KeyboardInterrupt):
        train_text(killed, wish, _Screen(killed_after=1))
    assert train_text(killed, wish, _Screen()).bundle.version == whole.version


def test_a_saved_model_of_words_alone_is_whole(model, tmp_path):
    loaded = save_sentiment(tmp_path, model, None, facts={}).model()
    assert np.array_equal(loaded.probabilities(GOOD), model.probabilities(GOOD))


@pytest.mark.parametrize("name", ["words.json", "words.safetensors", "network"])
def test_a_saved_model_with_a_changed_file_is_refused(tmp_path, name):
    folder = save(tmp_path / "bundles", _taught(tmp_path), facts={}, pages={}).folder
    found = [path for path in folder.rglob(f"{name}*") if path.is_file()]
    assert found
    found[0].write_bytes(found[0].read_bytes()[:-1] + b"?")
    with pytest.raises(InputError, match="cannot be trusted"):
        open_sentiment(folder)


def test_same_reviews_teach_the_same_model(model):
    again = fit_sentiment(small_reviews(), None, joining=Joining(), network=FineTuning()).model
    assert np.array_equal(again.words.weights, model.words.weights)


def test_a_review_without_words_is_a_usual_one(model):
    share = small_reviews()["is_positive"].mean()
    assert model.probabilities(["", "  "]) == pytest.approx([share, share])
    assert model.polarities([""]) == pytest.approx([0.0])


def test_odd_texts_have_a_probability_and_a_clause_list(model):
    found = model.probabilities(texts_of(pd.DataFrame({"text": list(ODD_TEXTS.values())})))
    assert np.isfinite(found).all()
    assert (found >= 0).all()
    assert (found <= 1).all()
    assert all(len(clauses_of(text)) <= 60 for text in ODD_TEXTS.values())


def test_a_steering_sentence_moves_a_score_by_no_more_than_the_tolerance(model):
    texts = [*GOOD, *BAD]
    before = model.probabilities(texts)
    for sentence in STEERING:
        after = model.probabilities([text + sentence for text in texts])
        assert np.abs(after - before).max() <= _MOST_MOVED


def test_a_steering_sentence_moves_words_and_network_together_by_no_more():
    network = FineTuning(epochs=3, length=32)
    model = fit_sentiment(small_reviews(), load_encoder(), joining=Joining(), network=network).model
    assert abs(model.network_weight) > 0.1  # the network has a say
    before = model.probabilities([*GOOD, *BAD])
    for sentence in STEERING:
        after = model.probabilities([text + sentence for text in [*GOOD, *BAD]])
        assert np.abs(after - before).max() <= _MOST_MOVED
        assert ((after > 0.5) == (before > 0.5)).all()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 20)), min_size=2, max_size=60))
def test_no_item_and_no_text_that_identifies_is_on_both_sides_of_a_split(rows):
    frame = pd.DataFrame(rows, columns=["item_id", "text"]).astype({"text": str})
    frame["text"] += " is what somebody wrote at length about it."
    out = held_out(frame, 0.3, seed=0)
    for column in ("item_id", "text"):
        assert not set(frame[column][out]) & set(frame[column][~out])


def test_what_everybody_writes_of_everything_joins_no_items():
    frame = pd.DataFrame({"item_id": list(range(200)), "text": ["Great!"] * 200})
    assert 0.15 <= held_out(frame, 0.2, seed=0).mean() <= 0.25


def test_about_the_share_asked_for_is_held_out():
    assert 0.15 <= held_out(small_reviews(), 0.2, seed=0).mean() <= 0.25


def test_clauses_end_at_marks_and_before_words_that_turn():
    assert clauses_of("Soft fabric but too tight, returned.") == [
        "Soft fabric", "but too tight", "returned",
    ]  # fmt: skip


def test_aspects_are_found_by_the_words_of_the_lexicon():
    assert aspects_of("the fabric is itchy") == ("quality", "comfort")
    assert aspects_of("I ordered two") == ()


def test_the_composed_sample_knows_every_aspect_and_the_lexicon_finds_most(model):
    told = {name for _, marks in read_sample() for name in marks}
    assert told == set(LEXICON)
    assert aspect_figures(model)["found_f1"] >= 0.9


def test_no_reviews_at_all_have_no_probabilities(model):
    assert len(model.probabilities([])) == 0


def test_reviews_without_a_needed_column_are_refused_by_its_name(tmp_path):
    pd.DataFrame({"Title": ["a"], "Review Text": ["b"]}).to_parquet(tmp_path / "reviews.parquet")
    with pytest.raises(InputError, match="Clothing ID"):
        read_reviews(tmp_path)
    with pytest.raises(InputError, match="no such file"):
        read_reviews(tmp_path / "none.parquet")


def test_a_mark_that_is_neither_0_nor_1_is_refused_with_its_row():
    frame = pd.DataFrame({"item_id": ["a"], "title": [""], "text": ["b"], "is_positive": [3]})
    with pytest.raises(InputError, match="marked 3"):
        labelled(frame, where="here")


def test_reviews_of_one_kind_are_refused():
    frame = small_reviews().assign(is_positive=1)
    with pytest.raises(InputError, match="too few"):
        fit_sentiment(frame, None, joining=Joining(), network=FineTuning())


def test_the_file_of_knobs_holds_the_defaults_of_joining():
    assert read_config()[0] == Joining()


def test_intervals_hold_their_figure_and_a_floor_is_drawn_in_the_same_rows():
    labels = np.array([0, 1] * 50)
    scores = labels + np.random.default_rng(0).normal(0, 1, 100)
    figures = auc_figures(scores, labels, floor=scores)
    assert figures["auc_low"] <= figures["auc"] <= figures["auc_high"]
    assert figures["auc_above_floor_low"] == figures["auc_above_floor_high"] == 0
    assert f1_figures(labels == 1, labels)["f1"] == 1.0
