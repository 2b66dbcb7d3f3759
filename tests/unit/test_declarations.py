"""A feature is declared once; a wrong declaration is an error with file and line."""

from datetime import timedelta

import pytest

from governance.declarations import read_feature_models, read_raw_tables
from governance.errors import InputError
from governance.settings import Settings

GOOD = """
models:
  - name: ftr_user__visits
    description: Visits. One row per user and day.
    config:
      contract: {enforced: true}
      meta:
        owner: growth
        feast:
          {entity: user_id, timestamp: event_timestamp, created_timestamp: created_at, ttl: 30d}
    columns:
      - {name: user_id, data_type: varchar, description: Who.}
      - {name: event_timestamp, data_type: timestamp, description: When.}
      - {name: created_at, data_type: timestamp, description: When it was computed.}
      - name: user__visit_count_28d
        data_type: bigint
        description: Visits.
        config: {meta: {nullable: false, range: [0, null], default: 0, pii: indirect}}
"""


def declare(folder, text):
    path = folder / "models" / "features" / "ftr_user__visits.yml"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    return folder


def test_a_declaration_reads_as_it_was_written(tmp_path):
    (model,) = read_feature_models(declare(tmp_path, GOOD))
    assert model.entities == ("user_id",)
    assert model.ttl == timedelta(days=30)
    (feature,) = model.features
    assert (feature.name, feature.low, feature.high) == ("user__visit_count_28d", 0.0, None)
    assert (feature.nullable, feature.default, feature.pii) == (False, 0, "indirect")
    assert feature.line == 15


@pytest.mark.parametrize(
    ("wrong", "right", "why"),
    [
        ("enforced: true", "enforced: false", "contract is not enforced"),
        ("entity: user_id, ", "", "names no entity"),
        ("timestamp: event_timestamp, ", "timestamp: seen_at, ", "seen_at is named in meta.feast"),
        ("ttl: 30d", "ttl: soon", "ttl is not a number of days"),
        ("data_type: bigint", "data_type: decimal", "decimal maps to no Feast type"),
        ("user__visit_count_28d", "visits", "the name is not"),
        ("pii: indirect", "pii: secret", "pii class secret is unknown"),
        ("range: [0, null]", "range: 0", "is not [low, high]"),
        ("        description: Visits.", "        tags: [x]", "description is missing"),
    ],
)
def test_each_wrong_declaration_is_one_error_with_file_and_line(tmp_path, wrong, right, why):
    assert wrong in GOOD
    with pytest.raises(InputError) as caught:
        read_feature_models(declare(tmp_path, GOOD.replace(wrong, right)))
    assert why in caught.value.why
    assert "ftr_user__visits.yml:" in caught.value.where
    assert caught.value.next_step


def test_a_file_that_is_not_yaml_is_named(tmp_path):
    with pytest.raises(InputError, match=r"ftr_user__visits\.yml is not YAML"):
        read_feature_models(declare(tmp_path, "models: ["))


def test_no_feature_model_at_all_is_an_error(tmp_path):
    with pytest.raises(InputError, match="no feature model"):
        read_feature_models(tmp_path)


def test_our_own_declarations_are_read_and_are_five_tables():
    models = read_feature_models(Settings().dbt_dir)
    assert {model.name for model in models} == {
        "ftr_item__engagement", "ftr_item__price", "ftr_item__sales",
        "ftr_user__engagement", "ftr_user__purchases",
    }  # fmt: skip
    assert all(model.sql_path.is_file() for model in models)
    assert all(c.default is not None for model in models for c in model.features)


def test_the_shop_contract_has_every_raw_table():
    names = {table.name for table in read_raw_tables(Settings().dbt_dir)}
    assert names == {
        "users", "items", "order_lines", "events", "searches",
        "campaigns", "coupons", "redemptions", "promotions",
    }  # fmt: skip
