"""Search and click logs written around real baskets, by a shopper whose mind is known.

In training because it is also the ground truth for position-bias and intent tests, and an
environment for policies; the flow lands its two tables as raw events and searches:
``simulate(order_lines, items, config=SimulatorConfig(seed=..., event_count=...))``.
All numbers below are fields of ``SimulatorConfig``; the names in brackets are theirs.

1. Baskets are sampled without repetition until the log holds ``event_count`` events. Purchases
   are lines with a known item and time, quantity > 0 and unit_price > 0.
2. A basket ends one session. With [research_rate] there was a session that only looked, and with
   [abandon_rate] one that left a full cart, each 1 to 3 days before. Guests have sessions too.
3. A session searches 1 + Poisson[extra_search_mean] times, each time for another line of the
   basket. Title words are typed with [word_keep_rate], the brand with [brand_rate], a category
   word with [category_rate]. With [typo_rate] a letter is lost or doubled: the shop understands
   it with [typo_forgiven_rate], otherwise it finds nothing and the query is typed again.
4. The list has at most [list_size] items: the one sought with [found_rate], others drawn from
   what had been bought before the session began, of its type, its department, the shopper's own
   past and the whole shop. It is ranked by [rank_relevance] * relevance + [rank_popularity] *
   log(1 + orders so far) + [rank_affinity] * log(1 + own orders so far) + Gumbel noise
   [rank_noise]; a share of lists [shuffled_rate] is in random order instead.
5. Position-based model: rank r is examined with probability 1 / r ** [examination_eta]; an
   examined item is clicked with sigmoid([attraction_bias] + [attraction_relevance] * relevance +
   [attraction_affinity] * log(1 + own orders) + [attraction_popularity] * log(1 + orders)).
   Relevance is 1 for the item sought, 0.5 for its type, 0.2 for its department, else 0.
   An examined item that is not clicked is dismissed with [dismiss_rate].
6. A click is a view. The buying shopper carts a viewed item that the basket holds, any other with
   [cart_rate] and takes that one out again. The other sessions cart with [cart_rate] or
   [abandon_cart_rate] and take out with [uncart_rate]; what stays is an abandoned cart.
7. Every line of the basket is bought at ordered_at. One that no list led to was picked without
   the search: it leaves its purchase only, without query_id and request_id.

Whatever a session shows or does follows from orders before its start and from its own basket,
never from a later one. Every row is synthetic and names its basket in derived_from_order_id.
What a session wants (buy, learn, compare, nothing the shop has) is added by ``intents.py``.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from training.simulator.acts import act
from training.simulator.config import SimulatorConfig
from training.simulator.history import Ints, read_history, sorted_items
from training.simulator.lists import rank_lists
from training.simulator.log import (
    EVENTS_SCHEMA,
    INTENTS_SCHEMA,
    SEARCHES_SCHEMA,
    SESSIONS_SCHEMA,
    events_table,
    intents_table,
    name_all,
    searches_table,
    sessions_table,
)
from training.simulator.queries import write_queries
from training.simulator.sessions import plan_searches, plan_sessions
from training.simulator.world import World

log = logging.getLogger(__name__)

_CHUNK_BASKETS = 2_000  # about 100,000 events: small enough for memory, large enough for numpy
_LEAST_EVENTS = 8  # a basket gives more, so this many baskets at most are simulated in vain


@dataclass(frozen=True)
class Simulation:
    """The log, and the truth behind it: what each search was after, what kind each session was."""

    events: pa.Table
    searches: pa.Table
    intents: pa.Table
    sessions: pa.Table
    config: SimulatorConfig


def simulate(order_lines: pa.Table, items: pa.Table, *, config: SimulatorConfig) -> Simulation:
    """Events and searches around the purchases of raw ``order_lines``; same input, same bytes."""
    items = sorted_items(items)
    history = read_history(order_lines, items)
    parts = [Simulation(*_empty(), config)]
    missing = config.event_count
    for number, baskets in enumerate(_chunks(len(history.order_ids), config)):
        if missing <= 0:
            break
        rng = np.random.default_rng([config.seed, 1 + number])
        part = _chunk(World(history, items, config, rng), np.sort(baskets))
        names = history.order_ids.take(pa.array(baskets))
        parts.append(_first_events(part, names, wanted=missing))
        missing -= parts[-1].events.num_rows
    if missing > config.event_count // 10:
        log.warning("the shop's baskets gave %d events fewer than asked for", missing)
    return Simulation(
        events=_concatenated([p.events for p in parts], "event_at", "event_id"),
        searches=_concatenated([p.searches for p in parts], "searched_at", "query_id"),
        intents=_concatenated([p.intents for p in parts], "query_id", "item_id"),
        sessions=_concatenated([p.sessions for p in parts], "session_id"),
        config=config,
    )


def _chunks(basket_count: int, config: SimulatorConfig) -> Iterator[Ints]:
    """All baskets in an order that the seed fixes, a chunk at a time."""
    order = np.random.default_rng([config.seed]).permutation(basket_count)
    size = int(np.clip(config.event_count // _LEAST_EVENTS, 1, _CHUNK_BASKETS))
    for start in range(0, basket_count, size):
        yield order[start : start + size]


def _chunk(world: World, baskets: Ints) -> Simulation:
    searches = plan_searches(world, plan_sessions(world, baskets))
    lists = rank_lists(world, searches)
    acts = act(world, lists)
    names = name_all(world, lists)
    return Simulation(
        events=events_table(world, names, acts),
        searches=searches_table(names, lists, write_queries(world, searches)),
        intents=intents_table(world, names, lists),
        sessions=sessions_table(names, searches.sessions),
        config=world.config,
    )


def _first_events(part: Simulation, order_ids: pa.Array, *, wanted: int) -> Simulation:
    """Whole baskets of ``part`` until ``wanted`` events; all of it where it has no more.

    ``order_ids`` come as they were drawn: cutting in order of time would leave out the latest.
    """
    if part.events.num_rows <= wanted:
        return part
    place = pc.index_in(part.events["derived_from_order_id"], value_set=order_ids).to_numpy()
    so_far = np.cumsum(np.bincount(place, minlength=len(order_ids)))
    kept = order_ids[: int(np.searchsorted(so_far, wanted)) + 1]
    return Simulation(
        events=_of_baskets(part.events, kept),
        searches=_of_baskets(part.searches, kept),
        intents=_of_baskets(part.intents, kept),
        sessions=_of_baskets(part.sessions, kept),
        config=part.config,
    )


def _of_baskets(table: pa.Table, order_ids: pa.Array) -> pa.Table:
    return table.filter(pc.is_in(table["derived_from_order_id"], value_set=order_ids))


def _concatenated(tables: list[pa.Table], *keys: str) -> pa.Table:
    return pa.concat_tables(tables).sort_by([(key, "ascending") for key in keys])


def _empty() -> tuple[pa.Table, pa.Table, pa.Table, pa.Table]:
    schemas = (EVENTS_SCHEMA, SEARCHES_SCHEMA, INTENTS_SCHEMA, SESSIONS_SCHEMA)
    events, searches, intents, sessions = (schema.empty_table() for schema in schemas)
    return events, searches, intents, sessions
