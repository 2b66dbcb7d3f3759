"""Up to three reasons per recommended item, in plain words, each a fact of the user's history.

Pure. Every number quoted is counted from the purchases themselves, so that a reader can check it.
Strongest kind first: own habit, own rhythm, what it goes with, similar shoppers, popularity.
"""

import numpy as np

from training.recommender.assortment import POPULAR_RANK
from training.recommender.history import RECENCY
from training.recommender.signals import Memory, Shopper
from training.shop_data import Bools, Ints

MOST_REASONS = 3
RECENT = 20  # baskets that "your last n baskets" looks at
_DUE = 0.8  # of the usual gap gone: worth saying
_REGULAR = 3  # purchases before a gap is called usual

Reasons = tuple[tuple[str, ...], ...]


def explain(
    memory: Memory, shopper: Shopper, items: Ints, *, is_near: Bools, titles: tuple[str, ...]
) -> Reasons:
    """One tuple of reasons per item; ``is_near``: the user's neighbours propose the item."""
    found: list[list[str]] = [[] for _ in items]
    _add_habits(found, shopper, items)
    _add_companions(found, memory, shopper, items, titles)
    _add_crowd(found, memory, items, is_near)
    return tuple(tuple(reasons[:MOST_REASONS]) for reasons in found)


def explain_popular(memory: Memory, items: Ints) -> Reasons:
    """Reasons for somebody of whom nothing is known."""
    rank = memory.stock.month_rank[items]
    return tuple(("popular this month",) if r < POPULAR_RANK else () for r in rank)


def _add_habits(found: list[list[str]], shopper: Shopper, items: Ints) -> None:
    own, columns = shopper.habits, shopper.habits.columns
    baskets = shopper.bought.basket_count
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
    shopper: Shopper,
    items: Ints,
    titles: tuple[str, ...],
) -> None:
    own = shopper.habits
    strength = own.columns[RECENCY].astype(np.float32)
    causes = memory.covisitation.causes(own.items, strength, items)
    for place, cause in enumerate(causes):
        if cause < 0 or titles[cause] in ("", titles[items[place]]):
            continue
        row = int(np.searchsorted(own.items, cause))
        times = int(own.columns["basket_count"][row])
        count = "1 of your baskets" if times == 1 else f"{times} of your baskets"
        found[place].append(f"often bought with {titles[cause]} (in {count})")


def _add_crowd(found: list[list[str]], memory: Memory, items: Ints, is_near: Bools) -> None:
    rank = memory.stock.month_rank[items]
    for place in range(len(items)):
        if is_near[place]:
            found[place].append("bought often by shoppers with baskets like yours")
        if rank[place] < POPULAR_RANK:
            found[place].append("popular this month")
