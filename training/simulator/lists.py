"""The ranked list that answers a search: candidates known by then, scored, ordered, cut.

Candidates are drawn from lines already bought (so popular items come more often): of the type
sought, of its department, of the shopper's own past, of the whole shop; and the item sought.
Dimensions: Q searches, C candidates (columns), N impressions (cells that are shown).
"""

from dataclasses import dataclass

import numpy as np

from training.simulator.history import NOBODY, Bools, Floats, History, Ints
from training.simulator.sessions import Searches
from training.simulator.world import World

_SAME_TYPE, _SAME_DEPARTMENT, _OWN, _SHOP = 6, 3, 3, 3  # draws; some coincide and are dropped
_RELEVANCE = (1.0, 0.5, 0.2)  # same item, same type, same department
_ABSENT = -1


@dataclass(frozen=True)
class Lists:
    """N impressions in order of search and position."""

    searches: Searches
    search: Ints  # places in ``searches``
    item: Ints
    position: Ints  # from 1
    attraction: Floats  # the true chance of a click once examined
    is_shuffled: Bools  # Q


def rank_lists(world: World, searches: Searches) -> Lists:
    """A list for every search."""
    config, rng = world.config, world.rng
    item = _candidates(world, searches)
    relevance, popularity, affinity = _signals(world.history, searches, item)
    is_shuffled = rng.random(len(item)) < config.shuffled_rate
    noise = rng.gumbel(size=item.shape)
    score = (
        config.rank_relevance * relevance
        + config.rank_popularity * popularity
        + config.rank_affinity * affinity
        + config.rank_noise * noise
    )
    score = np.where(is_shuffled[:, None], noise, score)
    logit = (
        config.attraction_bias
        + config.attraction_relevance * relevance
        + config.attraction_affinity * affinity
        + config.attraction_popularity * popularity
    )
    score = np.where(item == _ABSENT, -np.inf, score)
    best: Ints = np.argsort(-score, axis=1, kind="stable")[:, : config.list_size]
    item = np.take_along_axis(item, best, axis=1)
    attraction = np.take_along_axis(1 / (1 + np.exp(-logit)), best, axis=1)
    search, column = np.nonzero(item != _ABSENT)
    return Lists(
        searches=searches,
        search=search,
        item=item[search, column],
        position=column + 1,
        attraction=attraction[search, column],
        is_shuffled=is_shuffled,
    )


def _signals(history: History, searches: Searches, item: Ints) -> tuple[Floats, Floats, Floats]:
    """Q x C relevance, log(1 + orders so far) and log(1 + own orders so far)."""
    sessions, session = searches.sessions, searches.session
    shown, target = np.maximum(item, 0), searches.target[:, None]
    known = np.broadcast_to(sessions.known[session][:, None], item.shape)
    user = np.broadcast_to(history.order_user[sessions.order[session]][:, None], item.shape)
    same_type = history.item_type[shown] == history.item_type[target]
    same_department = history.item_department[shown] == history.item_department[target]
    relevance = np.select([shown == target, same_type, same_department], _RELEVANCE, 0.0)
    orders = history.by_item.count(shown, known=known)
    return relevance, np.log1p(orders), np.log1p(history.own_orders(user, shown, known=known))


def _candidates(world: World, searches: Searches) -> Ints:
    """Q x C item codes, each at most once a row, _ABSENT where nothing was drawn."""
    history, rng = world.history, world.rng
    target, order = searches.target, searches.sessions.order[searches.session]
    known = searches.sessions.known[searches.session][:, None]
    missed = rng.random(len(target)) >= world.config.found_rate
    drawn = [target[:, None]]
    for index, groups, count in (
        (history.by_type, history.item_type[target], _SAME_TYPE),
        (history.by_department, history.item_department[target], _SAME_DEPARTMENT),
        (history.by_user, history.order_user[order], _OWN),
    ):
        shape = (len(target), count)
        asked, until = np.broadcast_to(groups[:, None], shape), np.broadcast_to(known, shape)
        line = index.draw(asked, known=until, uniform=rng.random(shape))
        drawn.append(np.where((line < 0) | (asked == NOBODY), _ABSENT, history.line_item[line]))
    line = (rng.random((len(target), _SHOP)) * known).astype(np.int64)
    drawn.append(np.where(known > 0, history.line_item[line], _ABSENT))
    items = np.concatenate(drawn, axis=1)
    items = np.where(missed[:, None] & (items == target[:, None]), _ABSENT, items)
    return _without_repeats(items)


def _without_repeats(items: Ints) -> Ints:
    """Each row sorted, repeats blanked."""
    items = np.sort(items, axis=1)
    items[:, 1:][items[:, 1:] == items[:, :-1]] = _ABSENT
    return items
