"""Adding a feature is one change of three files, from SQL to the value that is served.

In a copy of the project and on a part of the sample shop. COUNTERFOIL_TEST_HOME names a home to
cut the shop from; without it the main job runs once for the whole session.
"""

import json
import subprocess
import sys
from collections import defaultdict
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest
from feature_change import add_the_feature, changed_files, copy_project, cut_home
from sample_shop import environment

from feature_repo.applied import remember_applied
from feature_repo.services import schema_hash
from governance.settings import Settings

pytestmark = pytest.mark.pipeline

SERVE = """
import json, sys
from datetime import datetime
from feature_repo import store as api
from flows.feature_plan import changes_of
from governance.settings import PROJECT_ROOT, get_settings

as_of, users = datetime.fromisoformat(sys.argv[1]), json.loads(sys.argv[2])
settings = get_settings()
changes = changes_of(settings)
store = api.apply(settings)
api.materialise(settings, as_of=as_of)
ours = api.read_matrix(store, "brands_v1", entity="user_id", ids=users)
feasts = store.get_online_features(
    features=store.get_feature_service("brands_v1"),
    entity_rows=[{"user_id": user} for user in users],
).to_dict()
print(json.dumps({
    "root": str(PROJECT_ROOT),
    "changes": [[c["change"], c["subject"], c["is_breaking"]] for c in changes],
    "columns": [column.name for column in ours.columns],
    "served": ours.values[:, 1].tolist(),
    "by_feast": feasts["user__brand_distinct_28d"],
    "v1": api.schema_hash("recommender_v1"),
}))
"""


def run_in(project: Path, home: Path, *command: str) -> str:
    values = environment(home) | Settings(home=home).as_env() | {"PYTHONPATH": str(project)}
    done = subprocess.run(
        command, cwd=project, env=values, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout


def build(project: Path, home: Path, *tables: str, rebuild_from: str = "") -> str:
    dbt = str(Path(sys.executable).with_name("dbt"))
    folders = ["--project-dir", "dbt", "--profiles-dir", "dbt", "--target-path", str(home / "dbt")]
    logs = ["--log-path", str(home / "logs")]
    chosen = ["--select", "int_order_lines__bounded", *tables]
    if rebuild_from:
        chosen += ["--vars", json.dumps({"rebuild_from": rebuild_from})]
    return run_in(project, home, dbt, "--no-use-colors", "build", *folders, *logs, *chosen)


def query(home: Path, sql: str) -> list[tuple]:
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as con:
        return con.execute(sql).fetchall()


@pytest.fixture
def home(shop_home, tmp_path):
    folder = tmp_path / "home"
    cut_home(shop_home, folder)
    remember_applied(Settings(home=folder))
    return folder


@pytest.fixture
def project(tmp_path):
    return copy_project(tmp_path / "project")


def brands_of(home: Path) -> dict[str, list[tuple[date, str]]]:
    """What each user bought, by day: plain rows, counted in Python."""
    bought = defaultdict(list)
    rows = query(
        home,
        "select user_id, cast(ordered_at as date), brand from fct_order_lines"
        " join dim_items using (item_id) where not is_return and brand is not null",
    )
    for user, day, brand in rows:
        bought[user].append((day, brand))
    return bought


def test_a_feature_is_added_and_served_by_a_change_of_three_files(home, project):
    add_the_feature(project)
    out = build(project, home, "ftr_user__purchases")
    assert "user_purchases_count_a_brand_once_in_a_window" in out

    bought, window = brands_of(home), timedelta(days=28)
    sql = "select user_id, event_timestamp, user__brand_distinct_28d from ftr_user__purchases"
    for user, at, value in query(home, sql):
        day = at.date()
        assert value == len({b for d, b in bought[user] if day - window <= d < day}), (user, at)

    [(as_of,)] = query(home, "select as_of from int_order_lines__bounded")
    users = sorted(bought)
    script = run_in(
        project, home, sys.executable, "-c", SERVE, as_of.isoformat(), json.dumps(users)
    )
    found = json.loads(script.splitlines()[-1])
    end = as_of.date()
    recount = [len({b for d, b in bought[u] if end - window <= d < end}) for u in users]
    assert found["root"] == str(project)
    assert found["columns"] == ["user__order_count_28d", "user__brand_distinct_28d"]
    assert found["served"] == recount == found["by_feast"]
    assert len(set(recount)) > 10
    assert found["changes"] == [
        ["added", "user__brand_distinct_28d", False],
        ["added", "brands_v1", False],
    ]
    assert found["v1"] == schema_hash("recommender_v1")
    assert changed_files(project) == {
        "dbt/models/features/ftr_user__purchases.sql",
        "dbt/models/features/ftr_user__purchases.yml",
        "feature_repo/definitions.py",
    }


def test_fresh_stubs_build_and_count_what_they_say(home, project):
    for entity, topic in (("user", "returns"), ("user,item", "visits")):
        run_in(project, home, sys.executable, "-m", "flows.cli", "new-feature", entity, topic)
    assert changed_files(project) == {
        f"dbt/models/features/{table}.{kind}"
        for table in ("ftr_user__returns", "ftr_user_item__visits")
        for kind in ("sql", "yml")
    }
    build(project, home, "ftr_user__returns", "ftr_user_item__visits")
    [(as_of,)] = query(home, "select as_of from int_order_lines__bounded")
    since = f"ordered_at >= timestamp '{as_of - timedelta(days=28)}'"
    for table, keys in (
        ("ftr_user__returns", "user_id"),
        ("ftr_user_item__visits", "user_id, item_id"),
    ):
        feature = f"{table[4:]}_count_28d"
        path = home / "features" / f"{table}.parquet"
        newest = query(
            home,
            f"select * from (select {keys}, max_by({feature}, event_timestamp) as newest"
            f" from '{path}' group by {keys}) where newest > 0",
        )
        counted = query(
            home, f"select {keys}, count(*) from fct_order_lines where {since} group by {keys}"
        )
        assert counted
        assert sorted(newest) == sorted(counted)

    def rows():
        tables = ("ftr_user__returns", "ftr_user_item__visits")
        return [query(home, f"select count(*), sum(hash(t)) from {table} as t") for table in tables]

    before = rows()  # stubs make all their rows at every build; those that stand there already stay
    day = (as_of - timedelta(days=3)).date()
    build(project, home, "ftr_user__returns", "ftr_user_item__visits", rebuild_from=str(day))
    assert rows() == before
