"""Places of texts on a shop's title axes: the same alone or in company, whatever was typed."""

from datetime import datetime

import numpy as np
import pytest
from hostile_texts import ODD_TEXTS, STEERING
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_encoder import tiny_checkpoint

from training.encoder.checkpoint import load_encoder
from training.text_features.model import AXES, SCALE, fit_axes, item_row
from training.text_features.reading import read_texts, vectors_of

WORDS = ("milk", "oat", "tea", "green", "bread", "rye", "soap", "apple", "juice")
TITLES = tuple(f"{one} {other}" for one in WORDS for other in WORDS)
RANGE = 2 * SCALE  # a unit vector's projection never leaves [-2, 2]
STEERED = 0.35 * SCALE  # nine words after a title of two moved it by .31 at most


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return load_encoder(str(tiny_checkpoint(tmp_path_factory.mktemp("tiny"), WORDS)))


@pytest.fixture(scope="module")
def axes(encoder):
    return fit_axes(vectors_of(TITLES, encoder))


def test_a_title_read_alone_has_the_places_that_it_has_among_all(encoder, axes):
    together = read_texts(TITLES, encoder, axes).places
    for row in range(0, len(TITLES), 7):
        assert (read_texts([TITLES[row]], encoder, axes).places[0] == together[row]).all()


def test_axes_are_the_same_for_the_same_titles_and_point_the_same_way(encoder, axes):
    again = fit_axes(vectors_of(TITLES, encoder))
    assert (again.directions == axes.directions).all()
    assert np.allclose(axes.directions.T @ axes.directions, np.eye(len(AXES)), atol=1e-9)


@pytest.mark.parametrize("titles", [(), ("",), ("milk",), ("milk", "tea"), ("milk", "milk")])
def test_too_few_titles_give_axes_on_which_all_lie_at_zero_or_near(encoder, titles):
    few = fit_axes(vectors_of(titles, encoder))
    assert np.isfinite(few.directions).all()
    assert few.directions.shape == (encoder.width, len(AXES))
    assert np.isfinite(read_texts(("bread",), encoder, few).places).all()


@pytest.mark.parametrize("text", ODD_TEXTS.values(), ids=ODD_TEXTS)
def test_odd_and_steering_texts_stay_inside_the_declared_range(encoder, axes, text):
    read = read_texts([text, *(text[:100] + steering for steering in STEERING)], encoder, axes)
    assert np.abs(read.places).max() <= RANGE
    if not text.strip():
        assert (read.places[0] == 0).all()
        assert read.word_counts[0] == 0


@pytest.fixture(scope="module")
def packaged():
    """The encoder that ships: what an untaught one makes of a sentence says nothing."""
    packaged = load_encoder()
    return packaged, fit_axes(vectors_of(TITLES, packaged))


@pytest.mark.parametrize("steering", STEERING)
def test_a_title_that_asks_for_something_stays_near_its_place(packaged, steering):
    titles = TITLES[::5]
    plain = read_texts(titles, *packaged).places
    steered = read_texts([title + steering for title in titles], *packaged).places
    assert np.abs(steered - plain).max() <= STEERED
    assert np.abs(plain[:, None] - plain).max() > 2 * STEERED  # another title is not so near


def test_what_cannot_be_seen_moves_nothing(encoder, axes):
    seen, unseen = read_texts(["oat milk", "oat\u200b  mi\u200dlk"], encoder, axes).places
    assert (seen == unseen).all()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(st.floats(-1, 1, width=32), min_size=4, max_size=4), max_size=12))
def test_any_vectors_give_finite_axes_of_fixed_sign(rows):
    vectors = np.array(rows, dtype=np.float32).reshape(-1, 4)
    axes = fit_axes(vectors)
    assert np.isfinite(axes.places_of(vectors)).all()
    largest = axes.directions[np.abs(axes.directions).argmax(axis=0), range(len(AXES))]
    assert (largest >= 0).all()


def test_a_row_stands_at_the_midnight_after_listing():
    numbers = {f"axis_{axis}": 1234 for axis in AXES} | {"word_count": 2}
    for at in ("2017-03-01", "2017-03-01 23:59:59"):
        row = item_row("7", datetime.fromisoformat(at), numbers)
        assert row["event_timestamp"] == datetime.fromisoformat("2017-03-02")
        assert row["item__title_axis_a_last"] == 0.1234
