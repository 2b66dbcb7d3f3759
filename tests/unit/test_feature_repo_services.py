"""Services: one column order, one hash, and errors that say where to look."""

from pathlib import Path

import numpy as np
import pytest

from feature_repo import services
from feature_repo.services import columns_hash, defaults, schema_hash, service_columns
from governance.errors import InputError

DECLARATION = """
models:
  - name: {name}
    description: One row per user.
    config:
      contract: {{enforced: true}}
      meta:
        owner: team
        feast: {{entity: user_id, timestamp: at, created_timestamp: made, ttl: 7d}}
    columns:
      - {{name: user_id, data_type: varchar, description: k}}
      - {{name: at, data_type: timestamp, description: k}}
      - {{name: made, data_type: timestamp, description: k}}
      - name: user__order_count
        data_type: {data_type}
        description: k
        config: {{meta: {{default: {default}}}}}
"""


def declare(folder: Path, *names: str, data_type: str = "bigint", default: str = "0") -> Path:
    (folder / "models").mkdir(parents=True)
    for name in names:
        text = DECLARATION.format(name=name, data_type=data_type, default=default)
        (folder / "models" / f"{name}.yml").write_text(text)
    return folder


@pytest.fixture
def one_view(monkeypatch):
    monkeypatch.setattr(services, "SERVICES", {"s_v1": ("ftr_user__a",)})


def test_columns_are_views_in_service_order_then_features_in_declared_order():
    columns = [column.name for column in service_columns("recommender_v1")]
    models = services.service_models("recommender_v1")
    assert [model.name for model in models] == list(services.SERVICES["recommender_v1"])
    assert columns == [column.name for model in models for column in model.features]
    assert len(columns) > 20


def test_columns_of_the_entities_together_are_the_columns_of_the_service():
    parts = [service_columns("recommender_v1", entity=key) for key in ("user_id", "item_id")]
    assert (*parts[0], *parts[1]) == service_columns("recommender_v1")


@pytest.mark.parametrize("change", [{"data_type": "double"}, {"default": "1"}])
def test_the_schema_hash_changes_with_type_and_default(tmp_path, one_view, change):
    before = schema_hash("s_v1", dbt_dir=declare(tmp_path / "a", "ftr_user__a"))
    same = schema_hash("s_v1", dbt_dir=declare(tmp_path / "b", "ftr_user__a"))
    after = schema_hash("s_v1", dbt_dir=declare(tmp_path / "c", "ftr_user__a", **change))
    assert before == same != after


def test_the_schema_hash_changes_with_the_order():
    columns = service_columns("recommender_v1")
    assert columns_hash(columns) != columns_hash(columns[::-1])


def test_a_missing_default_is_nan(tmp_path, one_view):
    given = defaults(service_columns("s_v1", dbt_dir=declare(tmp_path / "a", "ftr_user__a")))
    none = service_columns("s_v1", dbt_dir=declare(tmp_path / "b", "ftr_user__a", default="null"))
    assert given.tolist() == [0.0]
    assert np.isnan(defaults(none)).tolist() == [True]


def test_an_unknown_service_is_refused_with_the_known_ones():
    with pytest.raises(InputError, match="nope is unknown") as caught:
        service_columns("nope")
    assert "recommender_v1" in caught.value.why


def test_a_service_that_names_an_undeclared_view_is_refused(tmp_path, one_view):
    with pytest.raises(InputError, match="names ftr_user__a, which is not declared"):
        service_columns("s_v1", dbt_dir=declare(tmp_path, "ftr_user__b"))


def test_two_views_of_a_service_may_not_share_a_feature_name(tmp_path, monkeypatch):
    monkeypatch.setattr(services, "SERVICES", {"s_v1": ("ftr_user__a", "ftr_user__b")})
    with pytest.raises(InputError, match="user__order_count is declared twice"):
        service_columns("s_v1", dbt_dir=declare(tmp_path, "ftr_user__a", "ftr_user__b"))
