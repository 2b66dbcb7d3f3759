"""The two places that packed records lie in, against a dictionary that obeys the rules."""

import sqlite3
from contextlib import closing
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from packed_backends import (
    DAY_0,
    LAYOUT,
    PAIRS,
    TEXTS,
    empty_backend,
    keys_of,
    materialise,
    push,
    record,
    values,
)

from feature_repo.stores.packed_reading import Want
from feature_repo.stores.packed_rows import RowFormat, microseconds
from governance.errors import InputError, StateError

OTHER = RowFormat("w", ("item_id",), (("n", "bigint"),))
NARROW = RowFormat("v", ("item_id",), LAYOUT.fields[:1])


@pytest.fixture(params=["sqlite", "redis"])
def backend(request, tmp_path):
    return empty_backend(request.param, tmp_path, request)


def day(number):
    return microseconds(DAY_0 + timedelta(days=number))


@pytest.mark.parametrize("layout", [LAYOUT, TEXTS])
def test_a_later_creation_of_the_same_event_overwrites(backend, layout):
    backend.prepare(layout)
    made = {"a": record(5, 5, 1, layout), "b": record(5, 5, 1, layout)}
    push(backend, made, layout)
    push(backend, {"a": record(5, 6, 2, layout), "b": record(5, None, 2, layout)}, layout)
    assert values(backend, ["a", "b"], layout) == [2, 1]


def test_materialising_replaces_what_is_older_and_keeps_what_is_newer(backend):
    backend.prepare(LAYOUT)
    push(backend, {"gone": record(5), "moved_back": record(5), "pushed": record(9, value=1)})
    materialise(backend, {"moved_back": record(3, value=2), "pushed": record(3)}, until=7)
    assert values(backend, ["gone", "moved_back", "pushed", "never"]) == [None, 2, 1, None]
    assert backend.states(["v"])["v"] == (LAYOUT.schema, day(7))


def test_views_of_one_entity_are_read_together_and_dropped_alone(backend):
    for layout in (LAYOUT, TEXTS, OTHER):
        backend.prepare(layout)
        materialise(backend, {"a": record(1, 1, 7, layout)}, until=1, layout=layout)
    formats = (LAYOUT, TEXTS, OTHER)
    found = backend.read(formats, keys_of(LAYOUT, ["a", "b"]))
    assert [r is not None for r in (found[0] + found[1] + found[2])] == [True, False] * 3
    backend.drop("v")
    assert values(backend, ["a"], OTHER) == values(backend, ["a"], TEXTS) == [7]
    assert set(backend.all_states()) == {"texts", "w"}
    backend.prepare(LAYOUT)
    assert values(backend, ["a"]) == [None]


def test_one_read_answers_for_several_entities(backend):
    for layout in (OTHER, LAYOUT, TEXTS, PAIRS):
        backend.prepare(layout)
    push(backend, {"a": record(1, value=1)})
    push(backend, {"a": record(2, 2, 2, OTHER), "b": record(2, 2, 3, OTHER)}, OTHER)
    push(backend, {"b": record(3, 3, 4, TEXTS)}, TEXTS)
    push(backend, {("u", "a"): record(4, 4, 5, PAIRS)}, PAIRS)
    formats = (LAYOUT, OTHER, TEXTS)
    asked = [Want(formats, keys_of(LAYOUT, ["b", "a", "c"])), Want((PAIRS,), [])]
    asked.append(Want((PAIRS,), keys_of(PAIRS, [("u", "a"), ("a", "u")])))
    found = backend.read_rows(asked)
    numbers = [part["bigint"][:, 0].tolist() for want in found.rows for part in want]
    assert numbers == [[0, 1, 0], [3, 2, 0], [4, 0, 0], [], [5, 0]]
    assert found.states["pairs"].newest_event == found.states.newest_at == day(4)
    assert backend.read_rows(asked).states is found.states


def test_the_data_clock_is_the_newest_pushed_event_until_a_materialisation_passes_it(backend):
    backend.prepare(LAYOUT)
    assert backend.all_states().newest_at is None
    materialise(backend, {}, until=3)
    assert backend.all_states().newest_at == day(3)
    push(backend, {"a": record(5), "b": record(4)})
    push(backend, {"a": record(4)})
    assert backend.all_states().newest_at == day(5)
    materialise(backend, {}, until=7)
    assert backend.all_states()["v"].newest_event is None
    assert backend.all_states().newest_at == day(7)


def test_a_changed_schema_replaces_whatever_was_there(backend):
    for layout in (NARROW, OTHER):
        backend.prepare(layout)
        push(backend, {"a": record(9, 9, 1, layout)}, layout)
    backend.prepare(LAYOUT)
    push(backend, {"a": record(1, value=2)})
    assert values(backend, ["a"]) == [2]
    assert values(backend, ["a"], OTHER) == [1]


def test_changed_columns_are_not_materialised_until_they_are(backend):
    for layout, until in ((LAYOUT, 5), (LAYOUT, None), (NARROW, None)):
        backend.prepare(layout)
        if until is not None:
            materialise(backend, {"a": record(1)}, until=until)
        expected = day(5) if layout is LAYOUT else None
        assert backend.states(["v"])["v"] == (layout.schema, expected)


def test_nothing_prepared_reads_as_no_state_and_no_rows(backend):
    assert backend.states(["v"]) == {}
    found = backend.read_rows([Want((LAYOUT, TEXTS), keys_of(LAYOUT, ["a"]))])
    assert not found.states
    assert [part["event_at"].tolist() for part in found.rows[0]] == [[0], [0]]


@pytest.mark.parametrize("layout", [LAYOUT, TEXTS])
def test_many_ids_come_back_in_the_order_asked(backend, layout):
    backend.prepare(layout)
    made = {str(n): record(1, None, n, layout) for n in range(3_000)}
    push(backend, made, layout)
    asked = [*reversed(made), "absent", "5", "5"] * 4
    assert values(backend, asked, layout) == [*range(2_999, -1, -1), None, 5, 5] * 4


writes = st.lists(
    st.tuples(
        st.dictionaries(st.sampled_from("abc"), st.tuples(st.integers(0, 6), st.integers(0, 3))),
        st.sampled_from([LAYOUT, TEXTS]),
    ),
    max_size=6,
)
SAME_BACKEND = {"suppress_health_check": [HealthCheck.function_scoped_fixture], "deadline": None}


@settings(max_examples=40, **SAME_BACKEND)
@given(writes, st.randoms())
def test_in_whatever_order_events_come_the_newest_stays(backend, sequence, random):
    """By event, then by creation; of two that say the same, the later to come."""
    for layout in (LAYOUT, TEXTS):
        backend.drop(layout.view)
        backend.prepare(layout)
    random.shuffle(sequence)
    held = {}
    for number, (cells, layout) in enumerate(sequence):
        push(backend, {k: record(*at, number, layout) for k, at in cells.items()}, layout)
        for key, at in cells.items():
            held[layout.view, key] = max(held.get((layout.view, key), (at, -1)), (at, number))
    for layout in (LAYOUT, TEXTS):
        expected = [held.get((layout.view, key), (None, None))[1] for key in "abc"]
        assert values(backend, list("abc"), layout) == expected


PERSON, OTHER_PERSON = "person-4711", "person-4712"


def fill_with_people(backend):
    people = RowFormat("people", ("user_id",), (("n", "bigint"),))
    for layout in (people, PAIRS, TEXTS):
        backend.prepare(layout)
    users = [PERSON, OTHER_PERSON, *(f"person-{n}" for n in range(9_000, 11_000))]
    push(backend, {user: record(1, 1, 1, people) for user in users}, people)
    pairs = {(user, str(n)): record(1, 1, n, PAIRS) for user in users[:40] for n in range(30)}
    push(backend, pairs, PAIRS)
    push(backend, {"a": record(1, 1, 1, TEXTS)}, TEXTS)
    return people


def everything(backend):
    """Every byte that the place keeps."""
    if hasattr(backend, "path"):
        with closing(sqlite3.connect(backend.path)) as connection:
            connection.execute("pragma wal_checkpoint(truncate)").fetchall()
        return b"".join(p.read_bytes() for p in sorted(backend.path.parent.glob("online.db*")))
    client = backend._redis
    parts = [key + (client.dump(key) or b"") for key in client.scan_iter(count=1_000)]
    members = [m for key in client.scan_iter(_type="zset") for m in client.zrange(key, 0, -1)]
    return b"".join([*parts, *members])


def test_a_deleted_person_is_in_no_view_and_no_byte(backend):
    people = fill_with_people(backend)
    assert PERSON.encode() in everything(backend)
    assert backend.delete("user_id", [PERSON, "nobody"]) == {"people": 1, "pairs": 30}
    assert PERSON.encode() not in everything(backend)
    assert values(backend, [PERSON, OTHER_PERSON], people) == [None, 1]
    pairs = [(PERSON, "3"), (OTHER_PERSON, "3")]
    assert values(backend, pairs, PAIRS) == [None, 3]
    assert backend.delete("user_id", [PERSON]) == {"people": 0, "pairs": 0}
    assert backend.delete("item_id", ["3", "a"]) == {"pairs": 39, "texts": 1}


def test_redis_that_does_not_answer_is_said_with_what_to_do():
    from feature_repo.stores.packed_redis import RedisBackend

    with pytest.raises(StateError, match="does not answer") as caught:
        RedisBackend("127.0.0.1:1", "test")
    assert "COUNTERFOIL_ONLINE_STORE" in caught.value.next_step
    with pytest.raises(InputError, match="cannot be read"):
        RedisBackend("redis://somewhere", "test")
