"""Reviews are read by the home's newest sentiment model, each once and alone, or not at all."""

import os
import re

import numpy as np
import pytest
from hostile_texts import ODD_TEXTS, STEERING
from small_reviews import BAD, GOOD, small_reviews, small_sentiment
from tiny_encoder import tiny_checkpoint

from flows import review_readings
from flows.review_readings import read_shop_reviews
from governance.settings import PROJECT_ROOT, Settings
from training.encoder.checkpoint import load_encoder
from training.fine_tuning.config import FineTuning
from training.sentiment.aspects import LEXICON
from training.sentiment.config import Joining
from training.sentiment.model_file import save_sentiment
from training.sentiment.reading import COLUMNS, SCALE, read_reviews
from training.sentiment.train import fit_sentiment

MOST_MOVED = 0.25 * SCALE  # of a review's sentiment, by a sentence that no review has
REVIEWS = [(f"r{number}", None, text) for number, text in enumerate([*GOOD, *BAD])]
QUIET = lambda text: None  # noqa: E731


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path, threads=1)


def taught(settings, **facts):
    return save_sentiment(settings.bundles_dir, small_sentiment(), None, facts=facts)


def test_a_shop_without_reviews_and_one_without_a_model_are_told_apart(settings):
    assert "no reviews" in read_shop_reviews(settings, [], QUIET).said
    unread = read_shop_reviews(settings, REVIEWS, QUIET)
    assert (unread.numbers, unread.model) == ([], "")
    assert unread.said == "6 reviews unread: counterfoil train sentiment"


def test_good_reviews_lie_above_bad_ones_and_aspects_are_where_they_are_named(settings):
    bundle = taught(settings)
    found = read_shop_reviews(settings, REVIEWS, QUIET)
    assert found.model == bundle.version
    sentiment = [row[0] for row in found.numbers]
    assert min(sentiment[:3]) > 500 > max(sentiment[3:])
    fabric, tight = (dict(zip(COLUMNS, found.numbers[n], strict=True)) for n in (1, 4))
    assert fabric["aspect_quality"] > 0
    assert fabric["aspect_price"] is None
    assert tight["aspect_fit"] < 0


def test_a_review_is_read_once_and_by_another_model_again(settings):
    first, told = taught(settings), []
    before = read_shop_reviews(settings, REVIEWS, told.append)
    again = read_shop_reviews(settings, [*REVIEWS, ("new", "Nice", "soft")], told.append)
    assert told == ["6 of 6 new reviews read", "1 of 1 new reviews read"]
    assert again.numbers[:6] == before.numbers
    later = taught(settings, seed=1)
    os.utime(first.folder / "sentiment_bundle.json", (1, 1))
    assert read_shop_reviews(settings, REVIEWS, told.append).model == later.version
    assert told[2:] == ["6 of 6 new reviews read"]


def test_a_killed_reading_goes_on_after_its_last_file(settings, monkeypatch):
    monkeypatch.setattr(review_readings, "CHUNK", 2)
    taught(settings)

    def killed(line):
        if line.startswith("4 of"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        read_shop_reviews(settings, REVIEWS, killed)
    told = []
    whole = read_shop_reviews(settings, REVIEWS, told.append)
    assert told == ["2 of 2 new reviews read"]
    assert whole.numbers == read_reviews([text for *_, text in REVIEWS], small_sentiment())


def test_a_review_read_alone_has_the_numbers_that_it_has_among_others(tmp_path):
    encoder = load_encoder(str(tiny_checkpoint(tmp_path, ["love", "dress", "poor", "quality"])))
    network = FineTuning(epochs=1, length=16)
    model = fit_sentiment(small_reviews(), encoder, joining=Joining(), network=network).model
    texts = [*GOOD, *BAD, "poor " * 40]
    assert read_reviews(texts, model) == [read_reviews([text], model)[0] for text in texts]


def test_odd_reviews_stay_in_range_and_empty_ones_say_nothing(settings):
    taught(settings)
    odd = [(name, text[:90], text) for name, text in ODD_TEXTS.items()]
    found = read_shop_reviews(settings, [*odd, ("null", None, None)], QUIET)
    for (name, _, text), row in zip(odd, found.numbers, strict=False):
        said = [number for number in row if number is not None]
        assert all(-SCALE <= number <= SCALE for number in said), name
        assert row[0] is None if not text.strip() else 0 <= row[0] <= SCALE, name
    assert set(found.numbers[-1]) == {None}


def test_a_steering_sentence_moves_a_review_by_no_more_than_the_tolerance():
    texts = [*GOOD, *BAD]
    before = np.array([row[0] for row in read_reviews(texts, small_sentiment())])
    for sentence in STEERING:
        steered = read_reviews([text + sentence for text in texts], small_sentiment())
        assert np.abs(np.array([row[0] for row in steered]) - before).max() <= MOST_MOVED


def test_dbt_knows_the_aspects_of_the_lexicon():
    macro = (PROJECT_ROOT / "dbt" / "macros" / "reviews.sql").read_text()
    (names,) = re.findall(r"return\(\[(.*?)\]\)", macro)
    assert tuple(re.findall(r"'(\w+)'", names)) == tuple(LEXICON)
