"""Up to three reasons per recommended item, in plain words, each a fact of the user's history.

Pure. Every number quoted is counted from the purchases themselves, so that a reader can check it.
Strongest kind first: own habit, own rhythm, what it goes with, similar shoppers, popularity.
"""

import numpy as np

from training.recommender.assortment import POPULAR_RANK
from training.recommender.history import RECENCY
from training.recommender.signals import Memory, Signals
from training.shop_data import Ints

MOST_REASONS = 3
RECENT = 20  # baskets that "your last n baskets" looks at
_DUE = 0.8  # of the usual gap gone: worth saying
_REGULAR = 3  # purchases before a gap is called usual

Reasons = tuple[tuple[str, ...], ...]


def explain(memory: Memory, signals: Signals, items: Ints, titles: tuple[str, ...]) -> Reasons:
    """One tuple of reasons per item, in the order of ``items``."""
    found: list[list[str]] = [[] for _ in items]
    _add_habits(found, signals, items)
    _add_companions(found, memory, signals, items, titles)
    _add_crowd(found, memory, signals, items)
    return tuple(tuple(reasons[:MOST_REASONS]) for reasons in found)


def explain_popular(memory: Memory, items: Ints) -> Reasons:
    """Reasons for somebody of whom nothing is known."""
    rank = memory.stock.month_rank[items]
    return tuple(("popular this month",) if r < POPULAR_RANK else () for r in rank)


def _add_habits(found: list[list[str]], signals: Signals, items: Ints) -> None:
    own, columns = signals.habits, signals.habits.columns
    baskets = signals.bought.basket_count
    for place, item in enumerate(items):
        row = int(np.searchsorted(own.items, item))
        if row == len(own.items) or own.items[row] != item:
            continue
        times, recent = int(columns["basket_count"][row]), int(columns[f"in_last_{RECENT}"][row])
        if recent:
            found[place].append(_in_baskets("bought in", recent, "last ", min(baskets, RECENT)))
        else:
            found[place].append(_in_baskets("bought before, in", times, "", baskets))
        gap, since = columns["mean_gap_weeks"][row], columns["weeks_since_last"][row]
        if times >= _REGULAR and since >= _DUE * gap and since <= 2 * gap:
            text = f"bought every {gap:.1f} weeks on average, last {since:.1f} weeks ago"
            found[place].append(text)


def _in_baskets(verb: str, times: int, which: str, baskets: int) -> str:
    return f"{verb} {times} of your {which}{baskets} baskets"


def _add_companions(
    found: list[list[str]],
    memory: Memory,
    signals: Signals,
    items: Ints,
    titles: tuple[str, ...],
) -> None:
    own = signals.habits
    strength = own.columns[RECENCY].astype(np.float32)
    causes = memory.covisitation.causes(own.items, strength, items)
    for place, cause in enumerate(causes):
        if cause < 0 or not titles[cause]:
            continue
        row = int(np.searchsorted(own.items, cause))
        times = int(own.columns["basket_count"][row])
        count = "1 of your baskets" if times == 1 else f"{times} of your baskets"
        found[place].append(f"often bought with {titles[cause]} (in {count})")


def _add_crowd(found: list[list[str]], memory: Memory, signals: Signals, items: Ints) -> None:
    near = signals.scores["neighbours"]
    usual = float(np.sort(near)[-min(POPULAR_RANK, len(near))])
    rank = memory.stock.month_rank[items]
    for place, item in enumerate(items):
        if near[item] > 0 and near[item] >= usual:
            found[place].append("bought often by shoppers with baskets like yours")
        if rank[place] < POPULAR_RANK:
            found[place].append("popular this month")
