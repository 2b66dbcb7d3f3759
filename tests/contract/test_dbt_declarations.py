"""The dbt project as files: names, pairs, contracts, grains and keys. No dbt run, no warehouse.

Run: pytest tests/contract/test_dbt_declarations.py
"""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

DBT = Path(__file__).resolve().parents[2] / "dbt"
MODELS = DBT / "models"
MODEL_NAME = re.compile(
    r"^(stg_[a-z]+__[a-z_]+|int_[a-z_]+__[a-z]+ed|(dim|fct)_[a-z_]+|ftr_(user|item|user_item)__[a-z_]+)$"
)
FEATURE_NAME = re.compile(
    r"^(user|item|user_item)__[a-z_]+_(count|sum|mean|min|max|last|distinct|rate|age_days)"
    r"(_usd|_seconds)?(_(1h|1d|7d|28d|90d))?$"
)
RAW_TABLES = {
    "users", "items", "order_lines", "events", "searches",
    "campaigns", "coupons", "redemptions", "promotions", "reviews", "stock",
}  # fmt: skip

PII_CLASSES = {"none", "pseudonym", "direct", "indirect"}

SQL_FILES = sorted(MODELS.rglob("*.sql"))
FEATURE_FILES = sorted((MODELS / "features").glob("ftr_*.yml"))
MART_FILES = sorted((MODELS / "marts").glob("*.yml"))


def read(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def only_model(path: Path) -> dict[str, Any]:
    (model,) = read(path)["models"]
    return model


def raw_tables() -> list[dict[str, Any]]:
    files = sorted((MODELS / "sources").glob("raw__*.yml"))
    return [t for path in files for s in read(path)["sources"] for t in s["tables"]]


def unit_tests() -> list[dict[str, Any]]:
    return [t for path in MODELS.rglob("*.yml") for t in read(path).get("unit_tests", [])]


def test_the_globs_find_the_models() -> None:
    assert len(SQL_FILES) >= 26
    assert len(FEATURE_FILES) >= 5
    assert len(MART_FILES) >= 6


def test_the_room_holds_no_python() -> None:
    assert not list(DBT.rglob("*.py"))


@pytest.mark.parametrize("sql", SQL_FILES, ids=lambda path: path.stem)
def test_every_model_has_its_yml_a_lawful_name_and_a_grain(sql: Path) -> None:
    model = only_model(sql.with_suffix(".yml"))
    assert model["name"] == sql.stem
    assert MODEL_NAME.match(sql.stem)
    assert re.search(r"\. One row per [^.]+\.$", model["description"])


@pytest.mark.parametrize("sql", SQL_FILES, ids=lambda path: path.stem)
def test_sql_ends_in_a_named_cte_within_80_columns(sql: Path) -> None:
    lines = sql.read_text(encoding="utf-8").splitlines()
    assert re.fullmatch(r"select \* from [a-z_]+", lines[-1])
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize("path", FEATURE_FILES + MART_FILES, ids=lambda path: path.stem)
def test_contracts_are_enforced_with_a_type_and_a_tested_key(path: Path) -> None:
    model = only_model(path)
    assert model["config"]["contract"] == {"enforced": True}
    assert all(c["data_type"] and c["description"] for c in model["columns"])
    tests = [t for t in model.get("data_tests", []) if "unique_key" in t]
    assert tests or any("unique" in c.get("data_tests", []) for c in model["columns"])


@pytest.mark.parametrize("path", FEATURE_FILES, ids=lambda path: path.stem)
def test_every_feature_is_declared_in_full(path: Path) -> None:
    model = only_model(path)
    feast = model["config"]["meta"]["feast"]
    entities = feast["entity"] if isinstance(feast["entity"], list) else [feast["entity"]]
    keys = [*entities, feast["timestamp"]]
    assert set(feast) == {"entity", "timestamp", "created_timestamp", "ttl", "online"}
    assert {"unique_key": {"arguments": {"columns": keys}}} in model["data_tests"]
    features = [c for c in model["columns"] if c["name"] not in {*keys, feast["created_timestamp"]}]
    assert features
    for feature in features:
        assert FEATURE_NAME.match(feature["name"]), feature["name"]
        assert set(feature["config"]["meta"]) == {"default", "range", "nullable", "pii"}
        assert "as_declared" in feature["data_tests"]


@pytest.mark.parametrize("path", FEATURE_FILES, ids=lambda path: path.stem)
def test_a_unit_test_expects_every_feature(path: Path) -> None:
    model = only_model(path)
    declared = {c["name"] for c in model["columns"]}
    heads = [
        set(t["expect"]["rows"].splitlines()[0].split(","))
        for t in unit_tests()
        if t["model"] == model["name"]
    ]
    keys = {c["name"] for c in model["columns"][:2]}
    assert len(heads) >= 2
    assert all(keys <= head <= declared for head in heads)
    assert set.union(*heads) == declared


def test_the_shop_contract_declares_every_raw_table_and_column() -> None:
    tables = {table["name"]: table for table in raw_tables()}
    assert set(tables) == RAW_TABLES
    for name, table in tables.items():
        meta = table["config"]["meta"]
        assert {"key", "min_rows", "optional"} <= set(meta), name
        columns = {c["name"]: c["config"]["meta"] for c in table["columns"]}
        named = {*meta["key"], *meta.get("no_repeat_on", []), *meta.get("references", {})}
        assert named <= set(columns), name
        assert all(
            m["pii"] in {"none", "pseudonym", "direct", "indirect"} for m in columns.values()
        )
        assert "is_synthetic" in columns, name


def test_the_recommender_depends_on_every_feature_model() -> None:
    (exposure,) = read(MODELS / "exposures.yml")["exposures"]
    assert set(exposure["depends_on"]) == {f"ref('{path.stem}')" for path in FEATURE_FILES}
