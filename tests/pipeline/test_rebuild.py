"""Building only what a change touches gives the very bytes that a whole build gives."""

import hashlib
import shutil

import duckdb
import pytest

from flows.steps import transform
from governance.settings import Settings

pytestmark = pytest.mark.pipeline

WATCHED = {
    "order_lines": "ordered_at",
    "events": "event_at",
    "searches": "searched_at",
    "promotions": "started_at",
}
MARTS = ("fct_order_lines", "fct_events", "fct_searches", "fct_promotions")


@pytest.fixture(scope="module")
def settings(shop_home, tmp_path_factory):
    """A copy of the sample shop's home whose raw views the tests cut and mend."""
    home = tmp_path_factory.mktemp("rebuild") / "home"
    skipped = shutil.ignore_patterns("prefect", "bundles", "training_sets", "*.db*")
    shutil.copytree(shop_home, home, ignore=skipped)
    return Settings(home=home)


@pytest.fixture(scope="module")
def whole_views(settings):
    """The raw views as they are, to put back."""
    with duckdb.connect(str(settings.warehouse_path)) as warehouse:
        views = "select view_name, sql from duckdb_views() where schema_name = 'raw'"
        found = dict(warehouse.execute(views).fetchall())
    return {table: found[table].split(" AS ", 1)[1].rstrip(";\n ") for table in WATCHED}


def define(settings, views, **wrapped):
    """Raw views as ``wrapped`` says, with {rows} for what they were; the others as they were."""
    with duckdb.connect(str(settings.warehouse_path)) as warehouse:
        for table, body in views.items():
            text = wrapped.get(table, "select * from {rows}").format(rows=f"({body})")
            warehouse.execute(f"create or replace view raw.{table} as {text}").fetchall()


def build(settings):
    return transform.run(settings, lambda line: None).facts["rebuilt_from"]


def made(settings):
    """Digest of every feature file, and every row of the marts as one number."""
    files = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in settings.features_dir.glob("*.parquet")
    }
    with duckdb.connect(str(settings.warehouse_path), read_only=True) as warehouse:
        for mart in MARTS:
            rows = f"select count(*), sum(hash(r)) from {mart} as r"
            files[mart] = str(warehouse.execute(rows).fetchall())
    return files


@pytest.fixture(scope="module")
def earlier_shop(settings, whole_views):
    """The shop three days earlier, without one old order and with the wrong price of another."""
    with duckdb.connect() as con:
        rows = f"({whole_views['order_lines']})"
        (last,) = con.execute(f"select max(ordered_at)::date from {rows}").fetchall()[0]
        old = con.execute(
            f"select order_id, min(ordered_at)::date from {rows} where user_id is not null"
            " group by all having min(ordered_at) < ?::date - 40 order by 2 desc, 1 limit 2",
            [last],
        ).fetchall()
    (missing, _), (wrong, first_day) = old
    cuts = {
        table: f"select * from {{rows}} where {at} < date '{last}' - 3"
        for table, at in WATCHED.items()
    }
    cuts["order_lines"] = (
        "select * replace (case when order_id = '"
        f"{wrong}' then unit_price + 1 else unit_price end as unit_price)"
        f" from ({cuts['order_lines']}) where order_id <> '{missing}'"
    )
    return cuts, str(first_day)


def test_new_days_and_late_rows_give_the_bytes_of_a_whole_build(
    settings, shop_home, whole_views, earlier_shop
):
    cuts, first_day = earlier_shop
    before = made(settings)

    define(settings, whole_views, **cuts)
    assert build(settings) == first_day  # rows went and one price changed
    cut_down = made(settings)
    (settings.home_dir / "dbt" / "built_days.json").unlink()
    assert build(settings) == ""
    assert made(settings) == cut_down
    assert cut_down != before

    define(settings, whole_views)
    assert build(settings) == first_day  # the days come back, and with them the late order
    assert made(settings) == before


def test_a_killed_build_is_followed_by_a_whole_one(settings, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(transform, "dbt_build", killed)
    with pytest.raises(KeyboardInterrupt):
        build(settings)
    from flows.rebuild import first_day_to_rebuild

    assert not (settings.home_dir / "dbt" / "built_days.json").exists()
    assert first_day_to_rebuild(settings) is None


def test_other_code_or_rates_make_everything_anew(settings, whole_views):
    from flows import rebuild

    rebuild.remember(settings)
    define(settings, whole_views, searches="select * from {rows} limit 10")
    assert rebuild.first_day_to_rebuild(settings) is not None
    dearer = settings.model_copy(update={"usd_per_gbp": 2.0})
    assert rebuild.first_day_to_rebuild(dearer) is None
