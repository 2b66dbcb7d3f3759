"""The log as the shop contract wants it: raw events and searches, and what was true behind them.

Ids are read, not decoded: ``ses-<order>-<n>``, ``qry-<order>-<n>-<m>`` (``-typo`` where it was
misspelt, found nothing and was typed again), ``req-...`` (``-shuffled`` where the list was in
random order), ``evt-<order>-<nnnn>``. Dimensions: S sessions, Q searches, E events.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from training.simulator.acts import EVENT_TYPES, NO_POSITION, NO_SEARCH, Acts
from training.simulator.history import NOBODY, Ints
from training.simulator.lists import Lists
from training.simulator.queries import Texts
from training.simulator.sessions import (
    SECOND,
    SESSION_KINDS,
    Sessions,
    first_typed_at,
    numbered_within,
)
from training.simulator.world import World

_TIME = pa.timestamp("us")
EVENTS_SCHEMA = pa.schema(
    {
        "event_id": pa.string(),
        "session_id": pa.string(),
        "user_id": pa.string(),
        "item_id": pa.string(),
        "event_type": pa.string(),
        "event_at": _TIME,
        "ingested_at": _TIME,
        "position": pa.int64(),
        "request_id": pa.string(),
        "query_id": pa.string(),
        "is_synthetic": pa.bool_(),
        "derived_from_order_id": pa.string(),
    }
)
SEARCHES_SCHEMA = pa.schema(
    {
        "query_id": pa.string(),
        "session_id": pa.string(),
        "user_id": pa.string(),
        "query": pa.string(),
        "searched_at": _TIME,
        "result_count": pa.int64(),
        "is_synthetic": pa.bool_(),
        "derived_from_order_id": pa.string(),
    }
)
INTENTS_SCHEMA = pa.schema(
    {
        "query_id": pa.string(),
        "item_id": pa.string(),
        "is_typo": pa.bool_(),
        "is_shuffled": pa.bool_(),
        "derived_from_order_id": pa.string(),
    }
)
SESSIONS_SCHEMA = pa.schema(
    {"session_id": pa.string(), "kind": pa.string(), "derived_from_order_id": pa.string()}
)


@dataclass(frozen=True)
class Names:
    """Id strings by code: S sessions, then Q searches."""

    session: pa.Array
    order: pa.Array
    user: pa.Array
    query: pa.Array
    request: pa.Array


def name_all(world: World, lists: Lists) -> Names:
    """Every id that more than one row holds."""
    history, searches, sessions = world.history, lists.searches, lists.searches.sessions
    order = history.order_ids.take(pa.array(sessions.order))
    tail = _join(order, sessions.number)
    search_tail = _join(tail.take(pa.array(searches.session)), searches.number)
    suffix = pc.if_else(pa.array(lists.is_shuffled), "-shuffled", "")
    return Names(
        session=pc.binary_join_element_wise("ses", tail, "-"),
        order=order,
        user=_take(history.user_ids, history.order_user[sessions.order], NOBODY),
        query=pc.binary_join_element_wise("qry", search_tail, "-"),
        request=pc.binary_join_element_wise("req-", search_tail, suffix, ""),
    )


def events_table(world: World, names: Names, acts: Acts) -> pa.Table:
    """E rows, numbered within their basket in order of time."""
    order = acts.sessions.order[acts.session]
    row = np.lexsort((acts.item, acts.position, acts.kind, acts.session, acts.at, order))
    session, search, position = acts.session[row], acts.search[row], acts.position[row]
    mean_delay = world.config.ingest_delay_seconds * SECOND
    delay = world.rng.exponential(mean_delay, len(row)).astype(np.int64)
    derived_from = names.order.take(pa.array(session))
    number = pc.utf8_lpad(pa.array(numbered_within(order[row])).cast(pa.string()), 4, "0")
    columns = [
        pc.binary_join_element_wise("evt", derived_from, number, "-"),
        names.session.take(pa.array(session)),
        names.user.take(pa.array(session)),
        world.history.item_ids.take(pa.array(acts.item[row])),
        pa.array(EVENT_TYPES).take(pa.array(acts.kind[row])),
        _times(acts.at[row]),
        _times(acts.at[row] + delay),
        pa.array(position, mask=position == NO_POSITION),
        _take(names.request, search, NO_SEARCH),
        _take(names.query, search, NO_SEARCH),
        _trues(len(row)),
        derived_from,
    ]
    return pa.Table.from_arrays(columns, schema=EVENTS_SCHEMA)


def searches_table(names: Names, lists: Lists, texts: Texts) -> pa.Table:
    """Q rows, and one more for each misspelt query that found nothing."""
    searches = lists.searches
    result_count = np.bincount(lists.search, minlength=len(searches.session)).astype(np.int64)
    is_shown_misspelt = pa.array(searches.is_typo & searches.is_forgiven)
    answered = _search_rows(
        names,
        searches.session,
        query_id=names.query,
        query=pc.if_else(is_shown_misspelt, pa.array(texts.misspelt), pa.array(texts.meant)),
        at=searches.at,
        result_count=result_count,
    )
    failed = np.flatnonzero(searches.is_typo & ~searches.is_forgiven)
    unanswered = _search_rows(
        names,
        searches.session[failed],
        query_id=pc.binary_join_element_wise(names.query.take(pa.array(failed)), "typo", "-"),
        query=pa.array(texts.misspelt, pa.string()).take(pa.array(failed)),
        at=first_typed_at(searches)[failed],
        result_count=np.zeros(len(failed), dtype=np.int64),
    )
    return pa.concat_tables([answered, unanswered])


def intents_table(world: World, names: Names, lists: Lists) -> pa.Table:
    """What each answered search was after: the truth that the log does not tell."""
    searches = lists.searches
    columns = [
        names.query,
        world.history.item_ids.take(pa.array(searches.target)),
        pa.array(searches.is_typo & searches.is_forgiven),
        pa.array(lists.is_shuffled),
        names.order.take(pa.array(searches.session)),
    ]
    return pa.Table.from_arrays(columns, schema=INTENTS_SCHEMA)


def sessions_table(names: Names, sessions: Sessions) -> pa.Table:
    """What kind each session is of: the second truth that the log does not tell."""
    kind = pa.array(SESSION_KINDS).take(pa.array(sessions.kind))
    return pa.Table.from_arrays([names.session, kind, names.order], schema=SESSIONS_SCHEMA)


def _search_rows(
    names: Names,
    session: Ints,
    *,
    query_id: pa.Array,
    query: pa.Array,
    at: Ints,
    result_count: Ints,
) -> pa.Table:
    columns = [
        query_id,
        names.session.take(pa.array(session)),
        names.user.take(pa.array(session)),
        query,
        _times(at),
        pa.array(result_count),
        _trues(len(session)),
        names.order.take(pa.array(session)),
    ]
    return pa.Table.from_arrays(columns, schema=SEARCHES_SCHEMA)


def _join(head: pa.Array, number: Ints) -> pa.Array:
    return pc.binary_join_element_wise(head, pa.array(number).cast(pa.string()), "-")


def _take(names: pa.Array, codes: Ints, absent: int) -> pa.Array:
    """The name of each code, null where the code is ``absent``."""
    return names.take(pa.array(codes, mask=codes == absent))


def _times(microseconds: Ints) -> pa.Array:
    return pa.array(microseconds).cast(_TIME)


def _trues(count: int) -> pa.Array:
    return pa.array(np.ones(count, dtype=np.bool_))
