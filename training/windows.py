"""Which weeks train, which validate, which judge; and the baskets to be foretold in each.

Splits are by time only. Windows are counted in whole weeks back from ``as_of``, which is a week's
start: for Complete Journey 2018-01-01T05:00Z, so the test cutoff is 2017-11-27T05:00Z (week 49).
Recent windows train too, but only after the validation window, which they overlap, has chosen.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from training.shop_data import GUEST, Ints, Lines, Longs

WEEK = timedelta(weeks=1)
WEEK_US = int(WEEK.total_seconds()) * 1_000_000
WEEK_STARTS_HOUR = 5  # Monday 05:00 UTC: midnight in New York in winter, and night in Europe
_MONDAY = datetime(1970, 1, 5, WEEK_STARTS_HOUR, tzinfo=UTC)


@dataclass(frozen=True)
class Window:
    """Knowledge ends at ``cutoff``; the labels are first baskets in [cutoff, ends_at)."""

    name: str
    cutoff: datetime
    ends_at: datetime


@dataclass(frozen=True)
class TrainWindows:
    """Knobs; their effects are in ``recommender.yaml``."""

    train_windows: int = 3  # each costs about 8 s and 150,000 rows on two cores
    train_step_weeks: int = 2  # baskets two weeks apart differ enough to teach something new


_USUAL = TrainWindows()


@dataclass(frozen=True)
class Calendar:
    """Windows back from ``as_of``: test, before it validation, before that the training ones."""

    as_of: datetime
    test_weeks: int = 5  # weeks 49 to 53 of Complete Journey
    validation_weeks: int = 4  # a month: most users buy again within it
    train_windows: int = TrainWindows.train_windows
    train_step_weeks: int = TrainWindows.train_step_weeks

    @property
    def test(self) -> Window:
        return Window("test", self.as_of - self.test_weeks * WEEK, self.as_of)

    @property
    def validation(self) -> Window:
        ends_at = self.test.cutoff
        return Window("validation", ends_at - self.validation_weeks * WEEK, ends_at)

    @property
    def train(self) -> tuple[Window, ...]:
        """Oldest first; none reaches into the validation window."""
        latest = self.validation.cutoff
        backs = range(self.train_windows, 0, -1)
        cutoffs = [latest - back * self.train_step_weeks * WEEK for back in backs]
        length = self.validation_weeks * WEEK
        return tuple(Window("train", cut, min(cut + length, latest)) for cut in cutoffs)

    @property
    def recent(self) -> tuple[Window, ...]:
        """Between validation and test, oldest first: learned from once validation has chosen."""
        ends_at = self.test.cutoff
        backs = range(self.validation_weeks // self.train_step_weeks, 0, -1)
        cutoffs = [ends_at - back * self.train_step_weeks * WEEK for back in backs]
        return tuple(Window("recent", cut, ends_at) for cut in cutoffs)


@dataclass(frozen=True)
class Targets:
    """First baskets: items of ``users[i]`` are ``items[starts[i]:starts[i + 1]]``, sorted."""

    users: Ints
    orders: Ints  # the basket of each user
    starts: Longs
    items: Ints

    def of(self, place: int) -> Ints:
        return self.items[self.starts[place] : self.starts[place + 1]]


def microseconds(at: datetime) -> int:
    """An aware instant as microseconds since 1970."""
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def instant(at_us: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(at_us))


def week_end_after(at: datetime) -> datetime:
    """The first week's start after ``at``: the default ``as_of`` of a shop's last order."""
    return _MONDAY + ((at - _MONDAY) // WEEK + 1) * WEEK


def default_calendar(lines: Lines, windows: TrainWindows = _USUAL) -> Calendar:
    """The calendar that ends with the week of the last order."""
    as_of = week_end_after(instant(int(lines.at_us.max())))
    return Calendar(
        as_of,
        train_windows=windows.train_windows,
        train_step_weeks=windows.train_step_weeks,
    )


def first_baskets(judge: Lines, window: Window) -> Targets:
    """Every item of each known user's first order in the window (ties: smaller order id)."""
    start, end = microseconds(window.cutoff), microseconds(window.ends_at)
    inside = judge.where((judge.at_us >= start) & (judge.at_us < end) & (judge.user != GUEST))
    users, first, place = np.unique(inside.user, return_index=True, return_inverse=True)
    is_first = inside.order == inside.order[first][place]
    pairs = np.unique(np.column_stack([place[is_first], inside.item[is_first]]), axis=0)
    starts = np.searchsorted(pairs[:, 0], np.arange(len(users) + 1))
    return Targets(
        users=users,
        orders=inside.order[first],
        starts=starts.astype(np.int64),
        items=pairs[:, 1].astype(np.int32),
    )
