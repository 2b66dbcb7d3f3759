"""Which sessions lead to a basket, what each searches for, and when.

A basket has one session that ends in it, and may have one that only looked and one that left a
full cart, each one to three days earlier. Dimensions: B baskets, S sessions, Q searches.
"""

from dataclasses import dataclass

import numpy as np

from training.simulator.history import Bools, Floats, Ints
from training.simulator.world import World

SESSION_KINDS = ("buying", "researching", "abandoning")
BUYING, RESEARCHING, ABANDONING = range(len(SESSION_KINDS))
SECOND = 1_000_000  # microseconds
DAY = 86_400 * SECOND
_SEARCH_SECONDS = (60, 300)  # a shopper spends one to five minutes on a search and its list
_CHECKOUT_SECONDS = (60, 300)  # and the same on the last look at the cart
_MOST_EXTRA = 99  # so that an earlier session ends within its day, before the basket
_RETYPE_SHARE = 0.1  # of a search's time, spent on a misspelt query that found nothing


@dataclass(frozen=True)
class Sessions:
    """S sessions in order of basket and start; ``number`` counts from 1 within the basket."""

    order: Ints
    kind: Ints
    number: Ints
    start_at: Ints
    slot: Ints  # microseconds a search takes
    search_count: Ints
    known: Ints  # lines of the history known at the start


@dataclass(frozen=True)
class Searches:
    """Q searches in order of session; ``number`` counts from 1 within the session."""

    sessions: Sessions
    session: Ints  # places in ``sessions``
    number: Ints
    target: Ints  # the item sought
    at: Ints
    is_typo: Bools
    is_forgiven: Bools  # the shop answers the misspelt query; else it is typed again


def plan_sessions(world: World, baskets: Ints) -> Sessions:
    """The sessions of ``baskets``."""
    history, config, rng = world.history, world.config, world.rng
    size = np.diff(history.basket_starts)[baskets]
    order = np.repeat(baskets, 3)
    kind = np.tile([RESEARCHING, ABANDONING, BUYING], len(baskets))
    wanted = 1 + np.minimum(rng.poisson(config.extra_search_mean, len(order)), _MOST_EXTRA)
    searches = np.minimum(wanted, np.repeat(size, 3))
    slot = rng.integers(*_SEARCH_SECONDS, len(order)) * SECOND
    checkout = rng.integers(*_CHECKOUT_SECONDS, len(order)) * SECOND
    days_before = 1 + 2 * rng.random(len(order))
    earlier = (days_before * DAY).astype(np.int64)
    ahead = np.where(kind == BUYING, searches * slot + checkout, earlier)
    start = history.order_at[order] - ahead
    chance = np.array([1.0, config.research_rate, config.abandon_rate])[kind]
    kept = np.flatnonzero(rng.random(len(order)) < chance)
    kept = kept[np.lexsort((kind[kept], start[kept], order[kept]))]
    return Sessions(
        order=order[kept],
        kind=kind[kept],
        number=numbered_within(order[kept]),
        start_at=start[kept],
        slot=slot[kept],
        search_count=searches[kept],
        known=history.known_at(start[kept]),
    )


def plan_searches(world: World, sessions: Sessions) -> Searches:
    """The searches of ``sessions``; a session never seeks the same line twice."""
    history, config, rng = world.history, world.config, world.rng
    session = np.repeat(np.arange(len(sessions.order)), sessions.search_count)
    number = numbered_within(session)
    order = sessions.order[session]
    first, size = history.basket_starts[order], np.diff(history.basket_starts)[order]
    turn = (rng.random(len(sessions.order))[session] * size).astype(np.int64)
    is_typo = rng.random(len(session)) < config.typo_rate
    slot = sessions.slot[session]
    return Searches(
        sessions=sessions,
        session=session,
        number=number,
        target=history.basket_items[first + (turn + number - 1) % size],
        at=sessions.start_at[session] + (number - 1) * slot + within(slot, _RETYPE_SHARE),
        is_typo=is_typo,
        is_forgiven=rng.random(len(session)) < config.typo_forgiven_rate,
    )


def first_typed_at(searches: Searches) -> Ints:
    """When the misspelt form of each search was typed: before its correction."""
    slot = searches.sessions.slot[searches.session]
    return searches.at - within(slot, _RETYPE_SHARE / 2)


def within(slot: Ints, share: float | Floats) -> Ints:
    """A share of a search's time in whole microseconds."""
    return (slot * share).astype(np.int64)


def numbered_within(groups: Ints) -> Ints:
    """1, 2, ... within each run of equal values."""
    if not len(groups):
        return groups
    starts = np.flatnonzero(np.r_[True, groups[1:] != groups[:-1]])
    lengths = np.diff(np.r_[starts, len(groups)])
    return np.arange(len(groups)) - np.repeat(starts, lengths) + 1
