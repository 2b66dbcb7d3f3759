"""The stubs of a new feature table: they are declared rightly, and nothing is overwritten."""

import re
import shutil

import pytest
from typer.testing import CliRunner

from flows.new_feature import write_stubs
from governance.declarations import read_feature_models
from governance.errors import InputError
from governance.settings import PROJECT_ROOT


@pytest.fixture
def dbt_dir(tmp_path):
    return shutil.copytree(
        PROJECT_ROOT / "dbt", tmp_path / "dbt", ignore=shutil.ignore_patterns("target", "logs")
    )


def files(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("entity", "topic", "table", "keys"),
    [
        ("user", "returns", "ftr_user__returns", ("user_id",)),
        ("store", "late_orders", "ftr_store__late_orders", ("store_id",)),
        ("user,item", "views", "ftr_user_item__views", ("user_id", "item_id")),
    ],
)
def test_the_stubs_are_two_files_and_a_right_declaration(dbt_dir, entity, topic, table, keys):
    before = files(dbt_dir)
    paths = write_stubs(dbt_dir, entity=entity, topic=topic)
    assert set(files(dbt_dir)) - set(before) == set(paths)
    assert {path: text for path, text in files(dbt_dir).items() if path in before} == before
    read_feature_models.cache_clear()
    (model,) = [m for m in read_feature_models(dbt_dir) if m.name == table]
    assert model.entities == keys
    assert [c.name for c in model.features] == [f"{table[4:]}_count_28d"]
    assert model.sql_path == paths[0]


def test_the_stubs_keep_the_house_rules_of_sql(dbt_dir):
    sql, yml = write_stubs(dbt_dir, entity="user,item", topic="twentyfour_letters_topic")
    lines = sql.read_text().splitlines()
    assert lines[-1] == "select * from features"
    assert max(map(len, lines)) <= 80
    assert "$" not in sql.read_text() + yml.read_text()
    assert re.search(r"One row per user, item and day on which", yml.read_text())


def test_stubs_never_overwrite(dbt_dir):
    write_stubs(dbt_dir, entity="user", topic="returns")
    before = files(dbt_dir)
    with pytest.raises(InputError, match="no stub can be written for ftr_user__returns") as caught:
        write_stubs(dbt_dir, entity="user", topic="returns")
    assert "nothing is overwritten" in caught.value.why
    assert files(dbt_dir) == before


@pytest.mark.parametrize(
    ("entity", "topic", "why"),
    [
        ("user", "Returns", "not lower-case words"),
        ("user", "re-turns", "not lower-case words"),
        ("user", "../returns", "not lower-case words"),
        ("user", "a" * 25, "not lower-case words"),
        ("guest", "returns", "fct_order_lines has no guest_id; entities are"),
        ("user,user", "returns", "named twice"),
        ("", "returns", "has no _id"),
        ("user", "purchases", "declared already"),
        ("user", "order", "declared already"),
    ],
)
def test_a_name_that_will_not_do_is_refused_and_nothing_is_written(dbt_dir, entity, topic, why):
    before = files(dbt_dir)
    with pytest.raises(InputError) as caught:
        write_stubs(dbt_dir, entity=entity, topic=topic)
    assert why in caught.value.why
    assert "counterfoil new-feature user returns" in caught.value.next_step
    assert files(dbt_dir) == before


def test_the_command_names_the_files_and_the_three_next_steps(dbt_dir, monkeypatch):
    from flows import cli
    from governance.settings import Settings

    monkeypatch.setattr(Settings, "dbt_dir", dbt_dir)
    result = CliRunner().invoke(cli.app, ["new-feature", "user", "returns"])
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        str(dbt_dir / "models" / "features" / f"ftr_user__returns.{kind}")
        for kind in ("sql", "yml")
    ]
    assert [line[:2] for line in result.stderr.splitlines()] == ["1.", "2.", "3."]
