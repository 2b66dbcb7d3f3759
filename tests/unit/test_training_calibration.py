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
from training.calibration.train import calibrate, fit_calibration, in_first_half

SCORES = arrays.arrays(
    np.float64,
    st.integers(1, 300),
    elements=st.one_of(st.floats(-1e6, 1e6), st.sampled_from([0.0, 1.0, 2.0])),  # so that some tie
)


def _sample(count, seed=0, users=50):
    """Scores whose sigmoid is the truth; lists of equal size."""
    draw = np.random.default_rng(seed)
    scores = draw.normal(-2, 1.5, count)
    truth = 1 / (1 + np.exp(-scores))
    return scores, draw.random(count) < truth, truth, np.full(users, count // users)


@given(scores=SCORES, seed=st.integers(0, 9), least_rows=st.integers(1, 40))
def test_a_confidence_never_falls_as_the_score_rises_and_is_a_probability(scores, seed, least_rows):
    is_bought = np.random.default_rng(seed).random(len(scores)) < 0.3
    fitted = fit_calibration(scores, is_bought, least_rows=least_rows)
    asked = np.sort(np.concatenate([scores, [-1e9, 1e9]]))
    confidence = fitted.confidence(asked)
    assert (np.diff(confidence) >= 0).all()
    assert (confidence >= 0).all()
    assert (confidence <= 1).all()
    assert (np.diff(fitted.scores) > 0).all()


@given(scores=SCORES, label=st.booleans())
def test_a_label_that_never_changes_is_the_confidence_of_every_score(scores, label):
    fitted = fit_calibration(scores, np.full(len(scores), label))
    assert (fitted.confidence(scores) == float(label)).all()


@given(scores=SCORES, seed=st.integers(0, 9))
def test_the_order_of_rows_changes_nothing(scores, seed):
    draw = np.random.default_rng(seed)
    is_bought, order = draw.random(len(scores)) < 0.4, draw.permutation(len(scores))
    first = fit_calibration(scores, is_bought, least_rows=5)
    second = fit_calibration(scores[order], is_bought[order], least_rows=5)
    np.testing.assert_allclose(first.scores, second.scores)
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
    fitted = fit_calibration(scores, is_bought)
    assert fitted.confidence(np.array([1.0, 2.0])).tolist() == [0.1, 0.45]


def test_neighbours_that_fall_are_pooled():
    scores = np.repeat([1.0, 2.0, 3.0], 100)
    is_bought = np.concatenate([np.arange(100) < 30, np.arange(100) < 10, np.arange(100) < 60])
    confidence = fit_calibration(scores, is_bought).confidence(np.array([1.0, 2.0, 3.0]))
    np.testing.assert_allclose(confidence, [0.2, 0.2, 0.6])


def test_a_few_lucky_rows_at_the_top_promise_nothing():
    scores = np.arange(1_000, dtype=np.float64)
    fitted = fit_calibration(scores, scores >= 997)
    assert fitted.confidence(scores).max() == pytest.approx(3 / 100)


def test_a_true_probability_has_a_small_error_and_a_false_one_a_large_one():
    _, is_bought, truth, _ = _sample(60_000)
    assert expected_calibration_error(truth, is_bought) < 0.01
    assert expected_calibration_error(truth**0.5, is_bought) > 0.1


def test_a_fitted_confidence_is_right_for_users_it_was_not_fitted_on():
    scores, is_bought, truth, sizes = _sample(40_000, users=400)
    users = [f"u{place}" for place in range(400)]
    done = calibrate(scores * 3 + 1, is_bought, sizes=sizes, user_ids=users, seed=1)
    found = done.figures["all_candidates"]
    assert found["ece"] < 0.02
    assert found["ece_interval_95"][0] <= found["ece_interval_95"][1]
    assert found["brier"] < found["brier_of_share"]
    assert done.figures["fitted_on_users"] + done.figures["users"] == 400
    assert done.figures["first_10"]["rows"] == 10 * done.figures["users"]
    assert done.figures["first_10"]["share_bought"] > 3 * found["share_bought"]
    assert np.abs(done.calibration.confidence(scores * 3 + 1) - truth).mean() < 0.01


def test_half_of_the_users_fit_whatever_the_order_they_come_in():
    users = [f"u{place}" for place in range(1_000)]
    first = in_first_half(users)
    assert 420 < first.sum() < 580
    assert (in_first_half(users[::-1])[::-1] == first).all()


def test_without_users_in_both_halves_there_is_no_calibration():
    scores, is_bought, _, _ = _sample(100, users=1)
    assert calibrate(scores, is_bought, sizes=np.array([100]), user_ids=["u1"], seed=1) is None


def test_the_interval_narrows_with_more_users():
    widths = []
    for users in (20, 500):
        scores, is_bought, _, sizes = _sample(users * 40, users=users)
        calibration = fit_calibration(scores, is_bought)
        found = calibration_figures(calibration, scores, is_bought, sizes=sizes, seed=3)
        low, high = found["all_candidates"]["ece_interval_95"]
        widths.append(high - low)
    assert widths[1] < widths[0]


def test_nothing_to_calibrate_on_is_refused_in_words():
    nothing = np.empty(0)
    with pytest.raises(InputError, match="nothing to calibrate on"):
        fit_calibration(nothing, nothing.astype(bool))
    with pytest.raises(InputError, match="no row to measure"):
        expected_calibration_error(nothing, nothing.astype(bool))
    with pytest.raises(InputError, match="1 of 2 scores are not finite"):
        fit_calibration(np.array([1.0, np.nan]), np.array([True, False]))


def test_a_calibration_survives_its_arrays():
    fitted = fit_calibration(*_sample(5_000)[:2])
    again = Calibration.from_arrays(fitted.arrays())
    scores = np.linspace(-9, 9, 50)
    assert (again.confidence(scores) == fitted.confidence(scores)).all()
