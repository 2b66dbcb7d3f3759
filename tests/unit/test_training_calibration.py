"""A confidence rises with the score, stays a probability, and means what it says."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from governance.errors import InputError
from training.calibration.measure import (
    BINS,
    calibration_figures,
    equal_mass_bins,
    expected_calibration_error,
)
from training.calibration.model import Calibration
from training.calibration.train import Scored, calibrate, fit_calibration, in_first_half

SCORES = arrays.arrays(
    np.float64,
    st.integers(1, 300),
    elements=st.one_of(st.floats(-1e6, 1e6), st.sampled_from([0.0, 1.0, 2.0])),  # so that some tie
)


def _fit(scores, is_bought, **more):
    """All rows in one list of a user who buys one item at a time."""
    ones, size = np.ones(len(scores)), np.array([len(scores)])
    return fit_calibration(Scored(scores, ones, is_bought, size), **more)


def _sure(fitted, scores):
    scores = np.asarray(scores, dtype=np.float64)
    return fitted.confidence(scores, np.ones(len(scores)))


def _sample(count, seed=0, users=50):
    """Scores whose sigmoid is the truth; lists of equal size."""
    draw = np.random.default_rng(seed)
    scores = draw.normal(-2, 1.5, count)
    truth = 1 / (1 + np.exp(-scores))
    return scores, draw.random(count) < truth, truth, np.full(users, count // users)


@given(scores=SCORES, seed=st.integers(0, 9), least_rows=st.integers(1, 40))
def test_a_confidence_never_falls_as_the_score_rises_and_is_a_probability(scores, seed, least_rows):
    is_bought = np.random.default_rng(seed).random(len(scores)) < 0.3
    fitted = _fit(scores, is_bought, least_rows=least_rows)
    asked = np.sort(np.concatenate([scores, [-1e9, 1e9]]))
    confidence = _sure(fitted, asked)
    assert (np.diff(confidence) >= 0).all()
    assert (confidence >= 0).all()
    assert (confidence <= 1).all()
    assert (np.diff(fitted.levels) > 0).all()


@given(scores=SCORES, label=st.booleans())
def test_a_label_that_never_changes_is_the_confidence_of_every_score(scores, label):
    fitted = _fit(scores, np.full(len(scores), label))
    assert (_sure(fitted, scores) == float(label)).all()


@given(scores=SCORES, seed=st.integers(0, 9))
def test_the_order_of_rows_changes_nothing(scores, seed):
    draw = np.random.default_rng(seed)
    is_bought, order = draw.random(len(scores)) < 0.4, draw.permutation(len(scores))
    first = _fit(scores, is_bought, least_rows=5)
    second = _fit(scores[order], is_bought[order], least_rows=5)
    np.testing.assert_allclose(first.levels, second.levels)
    np.testing.assert_allclose(first.probabilities, second.probabilities, atol=1e-12)


@given(scores=SCORES)
def test_bins_never_part_equal_confidences_and_number_from_zero(scores):
    bins = equal_mass_bins(scores)
    assert ((bins >= 0) & (bins < BINS)).all()
    for value in np.unique(scores):
        assert len(np.unique(bins[scores == value])) == 1


def test_equal_scores_get_the_share_that_was_bought_of_them():
    scores = np.repeat([1.0, 2.0], 200)
    is_bought = np.concatenate([np.arange(200) < 20, np.arange(200) < 90])
    assert _sure(_fit(scores, is_bought), [1.0, 2.0]).tolist() == [0.1, 0.45]


def test_neighbours_that_fall_are_pooled():
    scores = np.repeat([1.0, 2.0, 3.0], 100)
    is_bought = np.concatenate([np.arange(100) < 30, np.arange(100) < 10, np.arange(100) < 60])
    confidence = _sure(_fit(scores, is_bought), [1.0, 2.0, 3.0])
    np.testing.assert_allclose(confidence, [0.2, 0.2, 0.6])


def test_a_few_lucky_rows_at_the_top_promise_nothing():
    scores = np.arange(1_000, dtype=np.float64)
    fitted = _fit(scores, scores >= 997)
    assert _sure(fitted, scores).max() == pytest.approx(3 / 100)


def test_a_true_probability_has_a_small_error_and_a_false_one_a_large_one():
    _, is_bought, truth, _ = _sample(60_000)
    assert expected_calibration_error(truth, is_bought) < 0.01
    assert expected_calibration_error(truth**0.5, is_bought) > 0.1


def test_a_fitted_confidence_is_right_for_users_it_was_not_fitted_on():
    scores, is_bought, truth, sizes = _sample(40_000, users=400)
    users = [f"u{place}" for place in range(400)]
    scored = Scored(scores * 3 + 1, np.ones(40_000), is_bought, sizes)
    done = calibrate(scored, users, seed=1)
    found = done.figures["all_candidates"]
    assert found["ece"] < 0.02
    assert found["ece_interval_95"][0] <= found["ece_interval_95"][1]
    assert found["brier"] < found["brier_of_share"]
    assert done.figures["fitted_on_users"] + done.figures["users"] == 400
    assert done.figures["first_10"]["rows"] == 10 * done.figures["users"]
    assert done.figures["first_10"]["share_bought"] > 3 * found["share_bought"]
    assert np.abs(_sure(done.calibration, scores * 3 + 1) - truth).mean() < 0.01


def test_half_of_the_users_fit_whatever_the_order_they_come_in():
    users = [f"u{place}" for place in range(1_000)]
    first = in_first_half(users)
    assert 420 < first.sum() < 580
    assert (in_first_half(users[::-1])[::-1] == first).all()


def test_without_users_in_both_halves_there_is_no_calibration():
    scores, is_bought, _, _ = _sample(100, users=1)
    scored = Scored(scores, np.ones(100), is_bought, np.array([100]))
    assert calibrate(scored, ["u1"], seed=1) is None


def test_the_interval_narrows_with_more_users():
    widths = []
    for users in (20, 500):
        scores, is_bought, _, sizes = _sample(users * 40, users=users)
        confidence = _sure(_fit(scores, is_bought), scores)
        found = calibration_figures(confidence, scores, is_bought, sizes=sizes, seed=3)
        low, high = found["all_candidates"]["ece_interval_95"]
        widths.append(high - low)
    assert widths[1] < widths[0]


def test_nothing_to_calibrate_on_is_refused_in_words():
    nothing = np.empty(0)
    with pytest.raises(InputError, match="nothing to calibrate on"):
        _fit(nothing, nothing.astype(bool))
    with pytest.raises(InputError, match="no row to measure"):
        expected_calibration_error(nothing, nothing.astype(bool))
    with pytest.raises(InputError, match="1 of 2 scores are not finite"):
        _fit(np.array([1.0, np.nan]), np.array([True, False]))


def test_a_calibration_survives_its_arrays():
    fitted = _fit(*_sample(5_000)[:2])
    again = Calibration.from_arrays(fitted.arrays())
    scores, baskets = np.linspace(-9, 9, 50), np.linspace(0, 20, 50)
    assert (again.confidence(scores, baskets) == fitted.confidence(scores, baskets)).all()


def _two_kinds_of_users():
    """The same scores, but who buys twice as much at a time buys each item twice as often."""
    draw = np.random.default_rng(7)
    scores, baskets = draw.normal(-4, 1, 80_000), np.repeat([3.0, 12.0], 40_000)
    truth = np.exp(scores + np.log(baskets)) / (1 + np.exp(scores + np.log(baskets)))
    return scores, baskets, draw.random(80_000) < truth, truth


def test_who_buys_more_at_a_time_gets_higher_confidences():
    scores, baskets, is_bought, truth = _two_kinds_of_users()
    fitted = fit_calibration(Scored(scores, baskets, is_bought, np.array([80_000])))
    assert fitted.basket_weight == pytest.approx(1.0, abs=0.05)
    confidence = fitted.confidence(scores, baskets)
    blind = fit_calibration(Scored(scores, np.ones(80_000), is_bought, np.array([80_000])))
    for size in (3.0, 12.0):
        rows = baskets == size
        error = expected_calibration_error(confidence[rows], is_bought[rows])
        without = expected_calibration_error(_sure(blind, scores)[rows], is_bought[rows])
        assert error < 0.01 < without / 4
    assert np.abs(confidence - truth).mean() < 0.01


def test_a_ranker_that_says_nothing_gets_no_weight_beside_it():
    draw = np.random.default_rng(2)
    baskets, is_bought = draw.uniform(1, 20, 4_000), draw.random(4_000) < 0.2
    for scores in (np.zeros(4_000), -is_bought.astype(float)):
        fitted = fit_calibration(Scored(scores, baskets, is_bought, np.array([4_000])))
        assert fitted.basket_weight == 0
