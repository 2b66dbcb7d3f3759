"""What the shopper does with the lists: examine by position, click, dismiss, cart, uncart, buy.

Dimensions: Q searches, N impressions, E events.
"""

from dataclasses import dataclass

import numpy as np

from training.simulator.history import Bools, History, Ints
from training.simulator.lists import Lists
from training.simulator.sessions import ABANDONING, BUYING, Sessions, within
from training.simulator.world import World

EVENT_TYPES = ("impression", "view", "cart", "uncart", "purchase", "dismiss")
IMPRESSION, VIEW, CART, UNCART, PURCHASE, DISMISS = range(len(EVENT_TYPES))
NO_SEARCH, NO_POSITION = -1, 0
# Shares of a search's time after its first tenth: the list shows, is read downwards, is acted on.
_SHOWN, _READ, _READ_DOWN, _CARTED, _UNCARTED, _SPREAD = 0.02, 0.1, 0.3, 0.55, 0.75, 0.1


@dataclass(frozen=True)
class Acts:
    """E events of sessions; search and position are NO_SEARCH and NO_POSITION outside lists."""

    sessions: Sessions
    session: Ints  # places in ``sessions``
    search: Ints
    item: Ints
    kind: Ints
    position: Ints
    at: Ints


@dataclass(frozen=True)
class _Choices:
    """N flags: what became of each impression."""

    clicked: Bools
    dismissed: Bools
    carted: Bools
    uncarted: Bools
    bought: Bools


def act(world: World, lists: Lists) -> Acts:
    """Every event of the sessions behind ``lists``."""
    chosen = _choose(world, lists)
    slot = lists.searches.sessions.slot[lists.searches.session[lists.search]]
    began = lists.searches.at[lists.search]
    spread = _SPREAD * world.rng.random(len(slot))
    read = _READ + _READ_DOWN * lists.position / world.config.list_size + spread
    moments = (
        (IMPRESSION, np.ones_like(chosen.clicked), within(slot, _SHOWN)),
        (VIEW, chosen.clicked, within(slot, read)),
        (DISMISS, chosen.dismissed, within(slot, read)),
        (CART, chosen.carted, within(slot, _CARTED + spread)),
        (UNCART, chosen.uncarted, within(slot, _UNCARTED + spread)),
    )
    parts = [_listed(lists, kind, where=flags, at=began + late) for kind, flags, late in moments]
    return _joined([*parts, _purchases(world.history, lists, chosen.bought)])


def _choose(world: World, lists: Lists) -> _Choices:
    history, config, sessions = world.history, world.config, lists.searches.sessions
    session = lists.searches.session[lists.search]
    kind, chance = sessions.kind[session], world.rng.random((5, len(session)))
    is_buying = kind == BUYING
    in_basket = history.is_in_basket(sessions.order[session], lists.item)
    examined = chance[0] < np.array(config.propensities())[lists.position - 1]
    clicked = examined & (chance[1] < lists.attraction)
    cart_rate = np.where(kind == ABANDONING, config.abandon_cart_rate, config.cart_rate)
    carted = clicked & ((chance[3] < cart_rate) | (in_basket & is_buying))
    carted = _first_only(carted, session * len(history.item_ids) + lists.item)
    bought = carted & in_basket & is_buying
    return _Choices(
        clicked=clicked,
        dismissed=examined & ~clicked & (chance[2] < config.dismiss_rate),
        carted=carted,
        uncarted=carted & ~bought & (is_buying | (chance[4] < config.uncart_rate)),
        bought=bought,
    )


def _first_only(chosen: Bools, keys: Ints) -> Bools:
    """Of the chosen cells with one key, the first: nobody carts an item twice in a session."""
    cells = np.flatnonzero(chosen)
    only = np.zeros_like(chosen)
    only[cells[np.unique(keys[cells], return_index=True)[1]]] = True
    return only


def _listed(lists: Lists, kind: int, *, where: Bools, at: Ints) -> Acts:
    """Events on the impressions ``where``; what happens in the cart has no position."""
    search = lists.search[where]
    in_list = kind in {IMPRESSION, VIEW, DISMISS}
    return Acts(
        sessions=lists.searches.sessions,
        session=lists.searches.session[search],
        search=search,
        item=lists.item[where],
        kind=np.full(len(search), kind),
        position=lists.position[where] if in_list else np.full(len(search), NO_POSITION),
        at=at[where],
    )


def _purchases(history: History, lists: Lists, bought: Bools) -> Acts:
    """Each line of the basket is bought, with the search whose list led to it, if one did."""
    sessions = lists.searches.sessions
    session, item = _basket_lines(history, sessions)
    cells = np.flatnonzero(bought)
    led = lists.searches.session[lists.search[cells]] * len(history.item_ids) + lists.item[cells]
    search = np.full(len(session), NO_SEARCH)
    places = np.searchsorted(session * len(history.item_ids) + item, led)
    search[places] = lists.search[cells]
    return Acts(
        sessions=sessions,
        session=session,
        search=search,
        item=item,
        kind=np.full(len(session), PURCHASE),
        position=np.full(len(session), NO_POSITION),
        at=history.order_at[sessions.order[session]],
    )


def _basket_lines(history: History, sessions: Sessions) -> tuple[Ints, Ints]:
    """The session and item of every line that the buying sessions end with, sorted by both."""
    buying = np.flatnonzero(sessions.kind == BUYING)
    order = sessions.order[buying]
    size = np.diff(history.basket_starts)[order]
    session = np.repeat(buying, size)
    within_basket = np.arange(len(session)) - np.repeat(np.cumsum(size) - size, size)
    first = np.repeat(history.basket_starts[order], size)
    return session, history.basket_items[first + within_basket]


def _joined(parts: list[Acts]) -> Acts:
    return Acts(
        sessions=parts[0].sessions,
        session=np.concatenate([part.session for part in parts]),
        search=np.concatenate([part.search for part in parts]),
        item=np.concatenate([part.item for part in parts]),
        kind=np.concatenate([part.kind for part in parts]),
        position=np.concatenate([part.position for part in parts]),
        at=np.concatenate([part.at for part in parts]),
    )
