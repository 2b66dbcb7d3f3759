"""A plan says what a change of declarations would do, and stops what breaks a released model."""

import json
import subprocess
import sys
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from feature_repo import applied, services
from feature_repo.applied import Declared, declared_now, declared_path, remember_applied, schema_of
from feature_repo.plan import Released, diff
from flows import cli
from governance.declarations import read_feature_models
from governance.errors import GateRefused, StateError
from governance.records import ModelVersion, Release, session
from governance.settings import PROJECT_ROOT, Settings

SERVICE = "recommender_v1"
EVERYTHING = declared_now(PROJECT_ROOT / "dbt")
NOW = replace(
    EVERYTHING, services={SERVICE: EVERYTHING.services[SERVICE]}
)  # a change is one's alone
RELEASED = (Released("recommender", "abc", SERVICE, schema_of(NOW, SERVICE) or ""),)
FEATURE, TABLE = "item__price_last_usd", "ftr_item__price"


def without(facts, name):
    return {key: value for key, value in facts.items() if key != name}


def with_feature(name=FEATURE, **facts):
    return replace(NOW, features=NOW.features | {name: NOW.features.get(name, {}) | facts})


def with_table(**facts):
    return replace(NOW, tables=NOW.tables | {TABLE: NOW.tables[TABLE] | facts})


def with_service(names, service=SERVICE):
    return replace(NOW, services=NOW.services | {service: tuple(names)})


NAMES = NOW.services[SERVICE]
NEW = dict(NOW.features[FEATURE]) | {"table": TABLE, "type": "bigint"}
GAINED = replace(NOW, features=NOW.features | {"item__price_max_usd": NEW})
BREAKING = {
    "type": (with_feature(type="float"), 'type "double" -> "float"', "another type"),
    "default": (with_feature(default=1), "default 0 -> 1", "served as another"),
    "removed": (replace(NOW, features=without(NOW.features, FEATURE)), "double of", "be gone"),
    "entity": (with_table(entity="store_id"), '"item_id" -> "store_id"', "other keys"),
    "offline": (with_table(online=False), "online true -> false", "no longer be served"),
    "order": (with_service(NAMES[::-1]), "other order", "in another order"),
    "gained": (with_service([*NAMES, "item__price_max_usd"]), "+item__price_max_usd", "others"),
    "lost": (with_service(NAMES[1:]), f"-{NAMES[0]}", "its columns would be others"),
    "no service": (replace(NOW, services={}), "42 features", "service would be gone"),
}
HARMLESS = {
    "new feature": (GAINED, "bigint of ftr_item__price, default 0", "nothing that is read changes"),
    "new service": (with_service(NAMES[:2], "recommender_next"), "2 features", "nothing that"),
    "range": (with_feature(range=[0, 9]), "range", "what new rows must obey changes"),
    "null": (with_feature(nullable=True), "nullable false -> true", "new rows must obey"),
    "pii": (with_feature(pii="direct"), 'pii "none" -> "direct"', "who may see them"),
    "ttl": (with_table(ttl_days=30), "ttl_days 365 -> 30", "older rows become missing"),
    "created": (with_table(created_timestamp="made_at"), "made_at", "when a row was known"),
}  # fmt: skip


@pytest.mark.parametrize(("after", "what", "why"), BREAKING.values(), ids=BREAKING)
def test_what_a_released_model_would_not_survive_is_breaking(after, what, why):
    changes = [change for change in diff(NOW, after, RELEASED) if change.is_breaking]
    assert len(changes) == 1
    assert what in changes[0].what
    assert why in changes[0].verdict
    assert changes[0].services == (SERVICE,)
    assert changes[0].released == ("recommender abc",)


@pytest.mark.parametrize(("after", "what", "why"), HARMLESS.values(), ids=HARMLESS)
def test_what_changes_no_column_of_a_released_service_breaks_nothing(after, what, why):
    (change,) = diff(NOW, after, RELEASED)
    assert not change.is_breaking
    assert what in change.what
    assert why in change.verdict


@pytest.mark.parametrize(("after", "_what", "_why"), BREAKING.values(), ids=BREAKING)
def test_without_a_release_nothing_is_breaking_but_all_is_listed(after, _what, _why):
    changes = diff(NOW, after, ())
    assert changes
    assert not any(change.is_breaking for change in changes)
    assert any(change.verdict == "no released model reads it" for change in changes)


def test_a_model_trained_on_other_columns_than_are_applied_is_not_broken_again():
    older = (replace(RELEASED[0], schema_hash="0" * 64),)
    assert not any(c.is_breaking for c in diff(NOW, BREAKING["default"][0], older))


def test_a_table_that_goes_takes_all_its_features_with_it():
    left = {name: f for name, f in NOW.features.items() if f["table"] != TABLE}
    after = replace(NOW, tables=without(NOW.tables, TABLE), features=left)
    changes = diff(NOW, after, RELEASED)
    assert all(change.change == "removed" and change.is_breaking for change in changes)
    assert len(changes) == 1 + len(NOW.features) - len(left)


@given(st.permutations(NAMES[:6]))
def test_an_order_breaks_exactly_when_the_schema_hash_is_another(names):
    after = with_service([*names, *NAMES[6:]])
    is_breaking = any(change.is_breaking for change in diff(NOW, after, RELEASED))
    assert is_breaking == (schema_of(after, SERVICE) != RELEASED[0].schema_hash)


def test_equal_declarations_have_an_empty_plan():
    assert diff(NOW, NOW, RELEASED) == ()


def test_the_schema_of_a_snapshot_is_the_schema_hash_of_the_service():
    assert schema_of(NOW, SERVICE) == services.schema_hash(SERVICE)
    assert schema_of(NOW, "recommender_v9") is None


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("COUNTERFOIL_HOME", str(tmp_path))
    settings = Settings(home=tmp_path)
    monkeypatch.setattr(cli.cli_features, "active_settings", lambda: settings)
    return settings


def plan(*arguments):
    return CliRunner().invoke(cli.app, ["features", "plan", *arguments])


def release(settings):
    version = {"model_name": "recommender", "is_released": True, "reason": "", "comparison": {}}
    with session(settings) as records:
        records.add(
            ModelVersion(
                model_name="recommender", model_version="abc", bundle_sha256="",
                feature_service=SERVICE, schema_hash=services.schema_hash(SERVICE),
            )
        )  # fmt: skip
        records.add(Release(challenger_version="abc", champion_version=None, **version))


def test_what_was_applied_reads_back_as_it_was_declared(home):
    remember_applied(home)
    assert applied.last_applied(home) == declared_now(home.dbt_dir)
    result = plan()
    assert (result.exit_code, result.stdout.count("\n")) == (0, 1)
    assert "nothing would change" in result.stdout
    assert json.loads(plan("--json").stdout) == {"changes": []}


def test_the_command_exits_with_1_when_a_change_breaks_a_released_model(home, monkeypatch):
    remember_applied(home)
    release(home)
    views = services.SERVICES[SERVICE]
    wider = {**services.SERVICES, "recommender_next": views}
    narrower = wider | {SERVICE: views | {TABLE: views[TABLE][1:]}}
    monkeypatch.setattr(applied, "SERVICES", narrower)
    result = plan("--json")
    assert isinstance(result.exception, GateRefused)
    assert result.exception.exit_code == 1
    assert "break recommender abc" in result.exception.what
    found = {c["subject"]: c["is_breaking"] for c in json.loads(result.stdout)["changes"]}
    assert found == {SERVICE: True, "recommender_next": False}
    monkeypatch.setattr(applied, "SERVICES", wider)
    result = plan()
    assert result.exit_code == 0
    assert "recommender_next" in result.stdout


def test_a_home_where_nothing_was_applied_says_what_to_run(home):
    for text in (None, "{", "{}", '{"format": 0}', "[]"):
        if text is not None:
            declared_path(home).parent.mkdir(exist_ok=True)
            declared_path(home).write_text(text)
        with pytest.raises(StateError, match="nothing to compare") as caught:
            applied.last_applied(home)
        assert "counterfoil build" in caught.value.next_step


def test_a_plan_imports_no_feast():
    code = "import sys; import flows.feature_plan; print('FEAST', 'feast' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT_ROOT, capture_output=True)
    assert b"FEAST False" in done.stdout, done.stderr


def test_every_declared_feature_is_in_the_snapshot_with_its_table():
    models = read_feature_models(PROJECT_ROOT / "dbt")
    assert isinstance(NOW, Declared)
    assert {(c.name, m.name) for m in models for c in m.features} == {
        (name, facts["table"]) for name, facts in NOW.features.items()
    }
