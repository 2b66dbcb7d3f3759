"""Records live in PostgreSQL by URL: the same migrations, the same rows, on a real server."""

import pytest
import sqlalchemy as sa
from sqlmodel import select

from governance.records import ContractCheck, open_records, session
from governance.settings import Settings

pytestmark = pytest.mark.pipeline


def test_the_tables_are_made_and_rows_come_back_as_written(postgres_url, tmp_path):
    settings = Settings(home=tmp_path, records_url=postgres_url)
    failures = [{"column": "quantity", "check": "not in [0]", "bad": 3, "sample": "x"}]
    with session(settings) as records:
        records.add(
            ContractCheck(
                stage="raw", table_name="order_lines", checks=3, rows_in=9, rows_kept=6,
                rows_quarantined=3, is_passed=True, failures=failures,
            )
        )  # fmt: skip
    with session(settings) as records:
        (row,) = records.exec(select(ContractCheck)).all()
    assert row.failures == failures
    assert row.recorded_at.tzinfo is not None


def test_opening_again_finds_the_schema_as_it_is(postgres_url, tmp_path):
    with session(Settings(home=tmp_path, records_url=postgres_url)) as records:
        records.exec(select(ContractCheck)).all()
    open_records.cache_clear()
    tables = sa.inspect(open_records(postgres_url)).get_table_names()
    assert {"decision", "release", "stage_run", "alembic_version"} <= set(tables)
