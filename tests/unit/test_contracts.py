"""Rows that break a contract are set aside with row and reason; no row is lost."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from governance.contract_check import REASON, check, refuse_above
from governance.contracts import raw_contract
from governance.declarations import Column, RawTable
from governance.errors import ContractFailed

COLUMNS = (
    Column("order_id", "varchar", "", 1, nullable=False),
    Column("item_id", "varchar", "", 2),
    Column("quantity", "bigint", "", 3, not_in=(0.0,), low=-5, high=5),
    Column("price", "double", "", 4, nullable=False, above=0),
    Column("kind", "varchar", "", 5, choices=("a", "b")),
)
TABLE = RawTable(
    "order_lines", "", COLUMNS, ("order_id",), ("item_id", "quantity", "price"),
    (("item_id", "items"),), 0, None, False, Path("raw.yml"), 7,
)  # fmt: skip
SCHEMA = pa.schema(
    [("order_id", pa.string()), ("item_id", pa.string()), ("quantity", pa.int64()),
     ("price", pa.float64()), ("kind", pa.string())]
)  # fmt: skip


@pytest.fixture(scope="module")
def backend():
    return ibis.duckdb.connect()


def run(backend, folder, rows, items=("i1", "i2")):
    folder.mkdir(exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), folder / "lines.parquet")
    pq.write_table(pa.table({"item_id": pa.array(items, pa.string())}), folder / "items.parquet")
    lines = backend.read_parquet(str(folder / "lines.parquet"), file_row_number=True)
    others = {"items": backend.read_parquet(str(folder / "items.parquet"))}
    contract = raw_contract(TABLE, others)
    return contract, check(contract, lines, quarantine_path=folder / "q.parquet")


def line(order_id="o", item_id="i1", quantity=1, price=1.0, kind="a"):
    return {
        "order_id": order_id, "item_id": item_id, "quantity": quantity, "price": price,
        "kind": kind,
    }  # fmt: skip


def test_a_null_key_of_the_other_table_lets_nothing_through(backend, tmp_path):
    _, result = run(backend, tmp_path, [line("o1"), line("o2", item_id="gone")], items=("i1", None))
    assert (result.rows_kept, result.rows_quarantined) == (1, 1)


def test_what_happens_after_it_was_landed_is_set_aside(backend, tmp_path):
    landed = datetime(2020, 1, 1, 12, tzinfo=UTC)
    times = np.array(["2099-01-01", "2020-01-02", "NaT"], dtype="datetime64[us]")
    table = pa.table({"order_id": ["a", "b", "c"], "ordered_at": times})
    pq.write_table(table, tmp_path / "lines.parquet")
    lines = backend.read_parquet(str(tmp_path / "lines.parquet"), file_row_number=True)
    columns = (Column("order_id", "varchar", "", 1), Column("ordered_at", "timestamp", "", 2))
    declared = replace(TABLE, columns=columns, no_repeat_on=(), references=(),
                       happened_at=("ordered_at",))  # fmt: skip
    result = check(
        raw_contract(declared, {}, landed), lines, quarantine_path=tmp_path / "q.parquet"
    )
    assert (result.rows_kept, result.rows_quarantined) == (2, 1)
    assert result.failures[0][:2] == ("ordered_at", "not after it was landed")


def test_a_clean_table_keeps_every_row_and_leaves_no_quarantine(backend, tmp_path):
    _, result = run(backend, tmp_path, [line("o1"), line("o2", price=2.0)])
    assert (result.rows_in, result.rows_kept, result.rows_quarantined) == (2, 2, 0)
    assert not (tmp_path / "q.parquet").exists()


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (line(None, price=3.0), "order_id: not null; "),
        (line("o2", quantity=0, price=3.0), "quantity: not in [0]; "),
        (line("o2", quantity=9), "quantity: <= 5; "),
        (line("o2", price=0.0), "price: > 0; "),
        (line("o2", price=float("nan")), "price: not null; "),
        (line("o2", kind="c", price=3.0), "kind: in ['a', 'b']; "),
        (line("o2", item_id="i9"), "item_id: stands in items; "),
        (line("o1", price=3.0), "order_id: key not repeated; "),
        (line("o2"), "item_id, quantity, price: not an exact duplicate; "),
    ],
)
def test_each_rule_sets_its_row_aside_with_its_reason(backend, tmp_path, bad, reason):
    _, result = run(backend, tmp_path, [line("o1"), bad])
    assert (result.rows_in, result.rows_kept, result.rows_quarantined) == (2, 1, 1)
    (row,) = pq.read_table(tmp_path / "q.parquet").to_pylist()
    assert row["file_row_number"] == 1
    assert row[REASON] == reason


def test_a_null_passes_every_rule_but_not_null(backend, tmp_path):
    _, result = run(backend, tmp_path, [line("o1", item_id=None, quantity=None, kind=None)])
    assert result.rows_quarantined == 0


def test_too_many_bad_rows_stop_with_the_table_of_checks(backend, tmp_path):
    contract, result = run(backend, tmp_path, [line("o1"), line("o2", price=-1.0)])
    refuse_above(result, contract, limit_rate=0.5)
    with pytest.raises(ContractFailed) as caught:
        refuse_above(result, contract, limit_rate=0.4)
    text = str(caught.value)
    assert "contract order_lines failed: 1 of 15 checks, 1 of 2 rows" in text
    assert "order_id=o2 price=-1.0" in text
    assert "declared  raw.yml:7" in text


def test_a_missing_column_and_a_wrong_type_are_named_at_once(backend, tmp_path):
    table = pa.table({"order_id": ["o"], "item_id": ["i1"], "quantity": [1.5], "price": [1.0]})
    pq.write_table(table, tmp_path / "lines.parquet")
    lines = backend.read_parquet(str(tmp_path / "lines.parquet"), file_row_number=True)
    with pytest.raises(ContractFailed) as caught:
        check(raw_contract(TABLE, {}), lines, quarantine_path=tmp_path / "q.parquet")
    assert {failure[0] for failure in caught.value.failures} == {"quantity", "kind"}


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(
        st.builds(
            line,
            order_id=st.sampled_from(["o1", "o2", "o3", None]),
            item_id=st.sampled_from(["i1", "i9", None]),
            quantity=st.sampled_from([0, 1, 9, None]),
            price=st.sampled_from([1.0, 0.0, None, float("nan")]),
            kind=st.sampled_from(["a", "z", None]),
        )
    )
)
def test_rows_in_are_rows_kept_plus_rows_set_aside(backend, tmp_path, rows):
    _, result = run(backend, tmp_path / "any", rows)
    assert result.rows_in == len(rows) == result.rows_kept + result.rows_quarantined
