"""A feature is declared once, and reads as it was written; what is wrong: the file beside."""

from datetime import timedelta

import pytest
from sample_declaration import GOOD, declare

from governance.declarations import DATA_TYPES, read_feature_models, read_raw_tables
from governance.errors import InputError
from governance.settings import Settings


def test_a_declaration_reads_as_it_was_written(tmp_path):
    (model,) = read_feature_models(declare(tmp_path))
    assert model.entities == ("user_id",)
    assert model.ttl == timedelta(days=30)
    (feature,) = model.features
    assert (feature.name, feature.low, feature.high) == ("user__visit_count_28d", 0.0, 100.0)
    assert (feature.nullable, feature.default, feature.pii) == (False, 0, "indirect")
    assert feature.line == GOOD.splitlines().index("      - name: user__visit_count_28d") + 1


def test_a_table_may_be_keyed_by_two_entities(tmp_path):
    text = GOOD.replace("ftr_user__visits", "ftr_user_item__visits")
    text = text.replace("entity: user_id", "entity: [user_id, item_id]")
    text = text.replace("[user_id, event", "[user_id, item_id, event")
    text = text.replace("user__visit", "user_item__visit")
    key = "      - {name: item_id, data_type: varchar, description: What,"
    key += " config: {meta: {pii: none}}}\n      - {name: event_t"
    text = text.replace("      - {name: event_t", key)
    (model,) = read_feature_models(declare(tmp_path, text, name="ftr_user_item__visits"))
    assert model.entities == ("user_id", "item_id")
    assert [column.name for column in model.features] == ["user_item__visit_count_28d"]


@pytest.mark.parametrize(
    ("data_type", "default"),
    [
        ("varchar", "none"),
        ("double", 0.5),
        ("boolean", False),
        ("bigint[]", (1, 2)),
        ("float[]", ()),
        ("double[]", (0.5,)),
        ("varchar[]", ("a",)),
        ("timestamp", None),
    ],
)
def test_every_type_may_be_declared_with_a_default_of_it(tmp_path, data_type, default):
    assert data_type in DATA_TYPES
    written = {None: "null", False: "false"}.get(default, default)
    written = list(written) if isinstance(written, tuple) else written
    text = GOOD.replace("data_type: bigint", f"data_type: {data_type}")
    text = text.replace("default: 0", f"default: {written}").replace("range: [0, 100]", "")
    (model,) = read_feature_models(declare(tmp_path, text))
    assert model.features[0].data_type == data_type
    assert model.features[0].default == default


def test_a_file_that_is_not_yaml_is_named_with_its_line(tmp_path):
    with pytest.raises(InputError, match=r"ftr_user__visits\.yml is not YAML") as caught:
        read_feature_models(declare(tmp_path, "models:\n  - name: [\n"))
    assert caught.value.where.endswith("ftr_user__visits.yml:3")


def test_no_feature_model_at_all_is_an_error(tmp_path):
    with pytest.raises(InputError, match="no feature model"):
        read_feature_models(tmp_path)


def test_our_own_declarations_are_read_and_are_nine_tables():
    models = read_feature_models(Settings().dbt_dir)
    assert {model.name for model in models} == {
        "ftr_item__engagement", "ftr_item__price", "ftr_item__reviews", "ftr_item__sales",
        "ftr_item__stock", "ftr_item__text", "ftr_user__engagement", "ftr_user__purchases",
        "ftr_user__text",
    }  # fmt: skip
    assert all(model.sql_path.is_file() for model in models)
    assert all((c.default is None) == c.nullable for model in models for c in model.features)


def test_the_shop_contract_has_every_raw_table():
    names = {table.name for table in read_raw_tables(Settings().dbt_dir)}
    assert names == {
        "users", "items", "order_lines", "events", "searches",
        "campaigns", "coupons", "redemptions", "promotions", "reviews", "stock",
    }  # fmt: skip
