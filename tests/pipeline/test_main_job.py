"""The main job on the sample shop: every stage ran for real, twice, and the records agree."""

import json
import re
import time

import duckdb
import pyarrow.parquet as pq
import pytest
from sample_shop import counterfoil

from flows.stage_list import STAGES

pytestmark = pytest.mark.pipeline


@pytest.fixture(scope="session")
def first_run(shop_home):
    path = shop_home / "first_run.json"
    if not path.exists():
        pytest.skip("the home was not built by this test session")
    return json.loads(path.read_text())


@pytest.fixture(scope="session")
def audit(shop_home):
    done = counterfoil(shop_home, "audit", "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_duration_is_said_first_and_each_stage_has_one_line(first_run):
    lines = first_run["err"].splitlines()
    assert "minutes" in lines[1]
    for stage in STAGES:
        (line,) = [text for text in lines if text.startswith(f"{stage.title:<16} ")]
        if stage.name != "import_raw":  # the fixture had imported before
            assert re.search(r"\d+\.\d s ", line), line


def test_the_job_ends_with_the_report_and_the_question_to_ask(first_run, shop_home):
    out = first_run["out"]
    assert str(shop_home / "reports" / "audit.html") in out
    assert "curl -s http://localhost:8080/v1/models/recommender:predict" in out


def test_a_second_run_finds_everything_unchanged_within_ninety_seconds(shop_home):
    started = time.monotonic()
    done = counterfoil(shop_home, "demo")
    seconds = time.monotonic() - started
    assert done.returncode == 0, done.stderr
    for stage in STAGES:
        (line,) = [t for t in done.stderr.splitlines() if t.startswith(f"{stage.title:<16} ")]
        assert ("unchanged" in line) is not stage.is_always_run, line
    assert seconds < 90


def test_rows_in_are_rows_kept_plus_rows_set_aside_for_every_table(audit):
    tables = audit["quarantine"]["tables"]
    assert set(tables) > {"order_lines", "items", "users", "events", "ftr_user__purchases"}
    for table in tables.values():
        assert table["rows_in"] == table["rows_kept"] + table["rows_quarantined"]


def test_each_row_set_aside_lies_in_quarantine_with_its_number_and_reason(audit, shop_home):
    aside = audit["quarantine"]["tables"]["order_lines"]["rows_quarantined"]
    table = pq.read_table(shop_home / "quarantine" / "complete_journey" / "order_lines.parquet")
    assert table.num_rows == aside > 0
    assert all(table["quarantine_reason"].to_pylist())
    assert len(set(table["file_row_number"].to_pylist())) == aside


def test_only_simulated_rows_are_synthetic_and_each_names_its_basket(shop_home):
    with duckdb.connect(str(shop_home / "warehouse.duckdb"), read_only=True) as con:
        orders, events, orphans = con.execute(
            "select (select count(*) from fct_order_lines where is_synthetic), "
            "(select count(*) from fct_events where not is_synthetic), "
            "(select count(*) from fct_events e where derived_from_order_id not in "
            " (select order_id from fct_order_lines))"
        ).fetchall()[0]
    assert (orders, events, orphans) == (0, 0, 0)


def test_the_report_and_its_twin_and_the_command_agree_on_every_number(audit, shop_home):
    twin = json.loads((shop_home / "reports" / "audit.json").read_text())
    assert twin == audit
    page = (shop_home / "reports" / "audit.html").read_text()
    assert f"{audit['quarantine']['rows_in']:,}" in page
    assert f"{audit['model']['metrics']['ndcg_at_10']:.4f}" in page
    for floor in audit["model"]["floors"].values():
        assert f"{floor['ndcg_at_10']:.4f}" in page
    for table in audit["quarantine"]["tables"].values():
        assert f"{table['rows_kept']:,}" in page


def test_the_report_has_no_address_from_outside(shop_home, audit):
    page = (shop_home / "reports" / "audit.html").read_text()
    assert not re.search(r"(src|href)\s*=|url\(|@import|<script|https?://", page)


def test_lineage_leads_from_raw_tables_through_features_to_the_model(audit):
    edges = {tuple(edge) for edge in audit["lineage"]["edges"]}
    reached, queue = set(), ["raw.order_lines"]
    while queue:
        start = queue.pop()
        for one, other in edges:
            if one == start and other not in reached:
                reached.add(other)
                queue.append(other)
    assert {"ftr_user__purchases", "ftr_item__sales", "recommender_v3"} <= reached
    assert any(name.startswith("recommender ") for name in reached)


def test_the_release_decision_and_its_figures_are_recorded(audit):
    assert audit["releases"]
    comparison = audit["releases"][-1]["comparison"]
    assert {"challenger", "floor popularity", "floor personal_frequency"} <= set(comparison)


def test_the_commands_that_look_agree_with_the_audit(shop_home, audit):
    listed = counterfoil(shop_home, "models", "ls", "--json")
    (champion,) = [row for row in json.loads(listed.stdout) if row["alias"] == "champion"]
    assert champion["version"] == audit["model"]["version"]
    features = json.loads(counterfoil(shop_home, "features", "ls", "--json").stdout)
    assert len(features) == sum(len(table["columns"]) for table in audit["features"])
