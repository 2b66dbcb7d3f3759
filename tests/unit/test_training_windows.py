"""Windows split by time only, and fall on Complete Journey's weeks exactly."""

from datetime import UTC, datetime, timedelta

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from training.shop_data import GUEST, Lines
from training.windows import (
    WEEK,
    Calendar,
    TrainWindows,
    Window,
    default_calendar,
    first_baskets,
    microseconds,
    week_end_after,
)

LAST_ORDER = datetime(2018, 1, 1, 4, 1, 20, tzinfo=UTC)


def _lines(*rows):
    user, item, order, at = zip(*rows, strict=True)
    ones = np.ones(len(rows), dtype=np.float32)
    whole = [np.array(column, dtype=np.int32) for column in (user, item, order)]
    return Lines(*whole, np.array([microseconds(a) for a in at]), ones, ones, ones > 1)


def test_the_test_window_of_complete_journey_starts_with_week_49():
    calendar = Calendar(as_of=week_end_after(LAST_ORDER))
    assert calendar.as_of == datetime(2018, 1, 1, 5, tzinfo=UTC)
    assert calendar.test.cutoff == datetime(2017, 11, 27, 5, tzinfo=UTC)


@given(st.integers(1, 6), st.integers(1, 6), st.integers(1, 5), st.integers(1, 4))
def test_no_window_reaches_into_a_later_one(test, validation, count, step):
    calendar = Calendar(LAST_ORDER, test, validation, count, step)
    assert calendar.test.ends_at == calendar.as_of
    assert calendar.validation.ends_at <= calendar.test.cutoff
    assert all(w.cutoff < w.ends_at <= calendar.validation.cutoff for w in calendar.train)


def test_recent_windows_lie_between_validation_and_test():
    calendar = Calendar(as_of=week_end_after(LAST_ORDER))
    assert [window.cutoff for window in calendar.recent] == [
        calendar.validation.cutoff,
        calendar.validation.cutoff + 2 * WEEK,
    ]
    assert {window.ends_at for window in calendar.recent} == {calendar.test.cutoff}


def test_knobs_change_the_training_windows_and_none_that_judges():
    lines = _lines((0, 0, 0, LAST_ORDER))
    usual, found = default_calendar(lines), default_calendar(lines, TrainWindows(1, 3))
    assert [window.cutoff for window in found.train] == [found.validation.cutoff - 3 * WEEK]
    assert len(usual.train) == 3
    assert (found.test, found.validation) == (usual.test, usual.validation)


@given(st.integers(0, 20 * 365 * 24 * 3600))
def test_a_week_ends_after_any_instant_within_seven_days(seconds):
    at = datetime(2009, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    end = week_end_after(at)
    assert timedelta(0) < end - at <= WEEK
    assert (end.weekday(), end.hour, end.minute) == (0, 5, 0)


def test_the_first_basket_is_whole_and_later_baskets_are_left_out():
    start = datetime(2017, 11, 27, 5, tzinfo=UTC)
    day = timedelta(days=1)
    lines = _lines(
        (GUEST, 9, 0, start + day),
        (0, 8, 1, start - day),
        (0, 5, 2, start),
        (0, 3, 2, start),
        (0, 3, 2, start),
        (0, 7, 3, start + day),
        (4, 6, 5, start + 2 * day),
        (5, 6, 6, start + 8 * day),
    )
    targets = first_baskets(lines, Window("test", start, start + WEEK))
    assert targets.users.tolist() == [0, 4]
    assert targets.orders.tolist() == [2, 5]
    assert [targets.of(0).tolist(), targets.of(1).tolist()] == [[3, 5], [6]]


def test_of_two_baskets_in_one_instant_the_smaller_order_counts():
    start = datetime(2017, 11, 27, 5, tzinfo=UTC)
    lines = _lines((0, 1, 4, start), (0, 2, 7, start))
    targets = first_baskets(lines, Window("test", start, start + WEEK))
    assert targets.items.tolist() == [1]
