"""Packed records: what goes in comes out, and becomes the matrix that a plain loop would make."""

import struct
from datetime import UTC, timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packed_backends import DAY_0, LAYOUT, TEXTS, TYPES, US, record

from feature_repo.stores.packed_reading import MatrixPlan, rows_of_records
from feature_repo.stores.packed_rows import (
    RowFormat,
    event_microseconds,
    key_bytes,
    key_values,
    microseconds,
)
from governance.errors import InputError

integers = st.integers(-(1 << 63), (1 << 63) - 1)
times = st.datetimes(DAY_0 - timedelta(days=40_000), DAY_0 + timedelta(days=60_000))
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
CELLS = {
    "bigint": integers,
    "double": st.floats(allow_nan=False),
    "float": st.floats(allow_nan=False, width=32),
    "boolean": st.booleans(),
    "timestamp": times,
    "varchar": texts,
    "bigint[]": st.lists(integers, max_size=3),
    "double[]": st.lists(st.floats(allow_nan=False), max_size=3),
    "float[]": st.lists(st.floats(allow_nan=False, width=32), max_size=3),
    "varchar[]": st.lists(texts, max_size=3),
}


@st.composite
def tables(draw):
    """A format of any types, and rows of it with nulls and times."""
    kinds = draw(st.lists(st.sampled_from(sorted(CELLS)), min_size=1, max_size=10))
    layout = RowFormat("v", ("item_id",), tuple((f"c{n}", k) for n, k in enumerate(kinds)))
    count = draw(st.integers(0, 6))

    def column(cells):
        return draw(st.lists(cells, min_size=count, max_size=count))

    rows = {name: column(st.none() | CELLS[kind]) for name, kind in layout.fields}
    return layout, rows, column(times), column(st.none() | times)


@settings(deadline=None)
@given(tables())
def test_what_is_packed_comes_back(table):
    layout, rows, events, created = table
    columns = {name: pa.array(rows[name], TYPES[kind]) for name, kind in layout.fields}
    columns |= {"at": pa.array(events, US), "made": pa.array(created, US)}
    records = layout.pack(pa.table(columns), event_at="at", created_at="made")
    unpacked, found = layout.unpack(records)
    nulls = layout.nulls(unpacked)
    assert found.all()
    assert event_microseconds(unpacked).tolist() == [microseconds(at) for at in events]
    for index, (name, kind) in enumerate(layout.ordered):
        assert nulls[:, index].tolist() == [cell is None for cell in rows[name]]
        cells = layout.cells(name, records, unpacked)
        for cell, given_cell in zip(cells, rows[name], strict=True):
            if given_cell is not None:
                is_time = kind == "timestamp"
                assert cell == (microseconds(given_cell) if is_time else given_cell)


@given(times, times)
def test_record_bytes_sort_as_times_do(first, second):
    one, two = (record((at - DAY_0) / timedelta(days=1)) for at in (first, second))
    at = [event_microseconds(LAYOUT.unpack([packed])[0])[0] for packed in (one, two)]
    assert (one[:8] < two[:8]) == (at[0] < at[1])


def test_a_zoned_time_is_the_same_moment():
    assert microseconds(DAY_0) == microseconds(DAY_0.replace(tzinfo=UTC))


@pytest.mark.parametrize("layout", [LAYOUT, TEXTS])
def test_absent_records_and_records_of_another_schema_are_not_found(layout):
    other = RowFormat(layout.view, layout.keys, layout.fields[:1])
    records = [record(1, layout=layout), None, record(1, layout=other)]
    assert layout.unpack(records)[1].tolist() == [True, False, False]
    schema = struct.unpack("<Q", layout.schema)[0]
    assert [row == schema for row in rows_of_records(layout, records)["schema"]] == [True, 0, 0]


def test_the_order_of_a_declaration_does_not_change_the_records():
    turned = RowFormat("v", ("item_id",), LAYOUT.fields[::-1])
    assert (turned.schema, turned.dtype) == (LAYOUT.schema, LAYOUT.dtype)


def test_types_that_no_record_holds_are_refused():
    with pytest.raises(InputError, match="feature title is struct"):
        RowFormat(view="v", keys=("item_id",), fields=(("title", "struct"),))


def test_a_list_with_a_null_in_it_is_refused():
    layout = RowFormat("v", ("item_id",), (("sizes", "bigint[]"),))
    rows = pa.table({"sizes": [[1, None]], "at": pa.array([DAY_0], US)})
    with pytest.raises(InputError, match=r"a value of v is no bigint\[\]"):
        layout.pack(rows, event_at="at", created_at="")


@given(st.dictionaries(st.sampled_from("abc"), integers | texts, min_size=1))
def test_keys_say_what_they_were_made_of(entity):
    [key] = key_bytes(list(entity), [[value] for value in entity.values()])
    assert key_values(key) == entity


def test_keys_of_like_texts_differ():
    texts = [("1|11", "1"), ("1", "11|1"), ("11", "1|1")]
    assert len(set(key_bytes(("a", "b"), list(zip(*texts, strict=True))))) == 3
    assert key_bytes(("a",), [["7"]]) != key_bytes(("a",), [[7]])


cells = st.none() | st.integers(-5, 5)
entity_rows = st.lists(
    st.tuples(
        st.none() | st.tuples(st.integers(0, 30), cells, cells),
        st.none() | st.tuples(st.integers(0, 30), cells),
    ),
    min_size=1,
    max_size=8,
)


@settings(deadline=None)
@given(entity_rows, st.integers(0, 40), st.permutations([(0, "a"), (0, "b"), (1, "c")]))
def test_numbers_are_what_a_loop_over_rows_would_give(data, now_day, columns):
    first = RowFormat("first", ("k",), (("a", "bigint"), ("b", "double")))
    second = RowFormat("second", ("k",), (("c", "boolean"), ("name", "varchar")))
    ttls = (timedelta(days=10), None)
    records = [[packed(layout, row[n]) for row in data] for n, layout in enumerate((first, second))]
    rows = [rows_of_records(f, r) for f, r in zip((first, second), records, strict=True)]
    now = microseconds(DAY_0 + timedelta(days=now_day))
    found = MatrixPlan((first, second), ttls, tuple(columns)).numbers(rows, now=now)
    for number, row in enumerate(data):
        for place, (view, name) in enumerate(columns):
            cell, given_row = found.values[number, place], row[view]
            is_gone = given_row is None or (view == 0 and now_day - given_row[0] > 10)
            value = None if is_gone else given_row[1 + "abc".index(name) - 2 * view]
            expected = None if value is None else bool(value) if name == "c" else value
            assert np.isnan(cell) if expected is None else cell == expected
            age = found.ages_seconds[view, number]
            assert np.isnan(age) if is_gone else age == max(now_day - given_row[0], 0) * 86_400


def packed(layout, row):
    if row is None:
        return None
    columns = {"at": pa.array([DAY_0 + timedelta(days=row[0])], US)}
    given_cells = dict(zip(("a", "b") if layout.view == "first" else ("c",), row[1:], strict=True))
    for name, kind in layout.fields:
        cell = given_cells.get(name, "a name")
        cell = bool(cell) if kind == "boolean" and cell is not None else cell
        columns[name] = pa.array([cell], TYPES[kind])
    return layout.pack(pa.table(columns), event_at="at", created_at="")[0]
