"""Services: one column order, one hash, and errors that say where to look."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from feature_repo import services
from feature_repo.services import (
    columns_hash,
    defaults,
    schema_hash,
    service_columns,
    service_models,
)
from governance.errors import InputError
from governance.settings import PROJECT_ROOT
from training.intent.lexicon import INTENTS

# What the released bundles were trained on: (columns, schema hash).
RECOMMENDER_V1 = (42, "9ee20fc1d79e3917f515fa8cc2f2a240d79169af1a9c3e33a5607755e65f4e86")
ALL = ("recommender_v1", "recommender_v2", "recommender_v3")

DECLARATION = """
models:
  - name: {name}
    description: One row per user.
    config:
      contract: {{enforced: true}}
      meta:
        owner: team
        feast: {{entity: user_id, timestamp: at, created_timestamp: made, ttl: 7d}}
    data_tests: [unique_key: {{arguments: {{columns: [user_id, at]}}}}]
    columns:
      - {{name: user_id, data_type: varchar, description: k, config: {{meta: {{pii: none}}}}}}
      - {{name: at, data_type: timestamp, description: k}}
      - {{name: made, data_type: timestamp, description: k}}
      - name: user__{feature}
        data_type: {data_type}
        description: k
        config: {{meta: {{default: {default}, pii: none}}}}
"""


def declare(folder: Path, *names: str, data_type: str = "bigint", default: str = "0") -> Path:
    """Tables ftr_user__<topic>, each with one feature user__<topic>_count."""
    (folder / "models").mkdir(parents=True)
    for name in names:
        feature = f"{name.removeprefix('ftr_user__')}_count"
        text = DECLARATION.format(name=name, feature=feature, data_type=data_type, default=default)
        (folder / "models" / f"{name}.yml").write_text(text)
    return folder


@pytest.fixture
def one_view(monkeypatch):
    monkeypatch.setattr(services, "SERVICES", {"s_v1": {"ftr_user__a": ("user__a_count",)}})


def test_the_released_service_keeps_its_columns_and_their_order():
    columns = [column.name for column in service_columns("recommender_v1")]
    views = services.SERVICES["recommender_v1"]
    assert columns == [name for names in views.values() for name in names]
    assert [model.name for model in service_models("recommender_v1")] == list(views)
    assert (len(columns), schema_hash("recommender_v1")) == RECOMMENDER_V1


def test_the_second_service_is_the_first_and_the_intent_of_the_last_query():
    first, second = (
        [column.name for column in service_columns(f"recommender_v{number}")] for number in (1, 2)
    )
    added = [f"user__search_{intent}_last" for intent in INTENTS]
    assert [name for name in second if name not in added] == first
    assert [column.name for column in service_columns("recommender_v2", entity="user_id")][
        -len(added) :
    ] == added


def test_the_third_service_is_the_second_and_the_stock_of_items():
    second, third = (
        [column.name for column in service_columns(f"recommender_v{number}")] for number in (2, 3)
    )
    assert third == [*second, "item__on_hand_last_28d", "item__out_of_stock_rate_28d"]


def test_a_feature_that_a_table_gains_is_in_no_service_until_it_is_named(
    tmp_path, one_view, monkeypatch
):
    folder = declare(tmp_path / "a", "ftr_user__a")
    before = schema_hash("s_v1", dbt_dir=folder)
    path = folder / "models" / "ftr_user__a.yml"
    entry = path.read_text()[path.read_text().index("      - name: user__a_count") :]
    wider = declare(tmp_path / "b", "ftr_user__a")
    path = wider / "models" / "ftr_user__a.yml"
    path.write_text(path.read_text() + entry.replace("user__a_count", "user__b_count"))
    assert len(service_models("s_v1", dbt_dir=wider)[0].features) == 2
    assert schema_hash("s_v1", dbt_dir=wider) == before
    named = {"s_v1": {"ftr_user__a": ("user__b_count", "user__a_count")}}
    monkeypatch.setattr(services, "SERVICES", named)
    names = [column.name for column in service_columns("s_v1", dbt_dir=wider)]
    assert names == ["user__b_count", "user__a_count"]
    assert schema_hash("s_v1", dbt_dir=wider) != before


def test_the_services_are_read_without_feast():
    code = (
        "import sys; from feature_repo.services import schema_hash; schema_hash('recommender_v1')\n"
        "print('FEAST', 'feast' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT_ROOT, capture_output=True)
    assert b"FEAST False" in done.stdout


def test_it_is_said_which_services_name_a_feature():
    assert services.services_of("ftr_item__price", "item__price_last_usd") == ALL
    assert services.services_of("ftr_item__price") == ALL
    assert services.services_of("ftr_item__price", "item__price_max_usd") == ()


@pytest.mark.parametrize("service", ALL)
def test_columns_of_the_entities_together_are_the_columns_of_the_service(service):
    parts = [service_columns(service, entity=key) for key in ("user_id", "item_id")]
    assert (*parts[0], *parts[1]) == service_columns(service)


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


def test_a_service_that_names_an_undeclared_feature_is_refused_with_the_line(tmp_path, monkeypatch):
    view = services.SERVICES["recommender_v1"]["ftr_item__price"]
    empty = {"recommender_v1": {"ftr_user__a": view}}
    monkeypatch.setattr(services, "SERVICES", empty)
    with pytest.raises(InputError, match=f"names {view[0]}, which is not declared") as caught:
        service_columns("recommender_v1", dbt_dir=declare(tmp_path, "ftr_user__a"))
    path, line = caught.value.where.split(":")
    assert view[0] in (PROJECT_ROOT / path).read_text().splitlines()[int(line) - 1]


def test_a_service_may_not_name_a_feature_twice(tmp_path, monkeypatch):
    twice = {"s_v1": {"ftr_user__a": ("user__a_count", "user__a_count")}}
    monkeypatch.setattr(services, "SERVICES", twice)
    with pytest.raises(InputError, match="s_v1 names user__a_count twice"):
        service_columns("s_v1", dbt_dir=declare(tmp_path, "ftr_user__a"))
