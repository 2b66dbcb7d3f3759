"""When a test of baskets begins: at the day given, or where a shop's orders allow."""

import sys
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from governance.errors import InputError
from governance.settings import PROJECT_ROOT
from training.shop_data import Lines
from training.windows import default_calendar, microseconds

sys.path.append(str(PROJECT_ROOT / "tests" / "benchmarks"))  # as the scripts there see it
from recommenders_shops import calendar_of


def _lines(first, days):
    at = [first + timedelta(days=day) for day in range(days)]
    zeros = np.zeros(days, dtype=np.int32)
    at_us = np.array([microseconds(when) for when in at])
    return Lines(zeros, zeros, zeros, at_us, zeros, zeros, zeros.astype(bool))


SHOP = _lines(datetime(2011, 1, 1, 12, tzinfo=UTC), 313)  # to 2011-11-09


def test_the_day_given_begins_the_test_and_the_last_order_is_within_it():
    calendar = calendar_of(SHOP, "2011-09-20")
    assert calendar.test.cutoff == datetime(2011, 9, 20, tzinfo=UTC)
    assert microseconds(calendar.test.ends_at) > SHOP.at_us.max()
    assert calendar.validation.ends_at == calendar.test.cutoff


def test_the_published_day_is_used_where_orders_lie_around_it():
    assert calendar_of(SHOP, None).test.cutoff == datetime(2011, 10, 15, tzinfo=UTC)


def test_a_shop_of_another_time_is_judged_by_its_last_weeks():
    later = _lines(datetime(2017, 1, 1, tzinfo=UTC), 364)
    assert calendar_of(later, None) == default_calendar(later)


@pytest.mark.parametrize("day", ["2011-01-20", "2012-01-01", "soon"])
def test_a_day_that_leaves_nothing_to_learn_or_to_judge_is_refused(day):
    with pytest.raises(InputError, match="cutoff"):
        calendar_of(SHOP, day)
