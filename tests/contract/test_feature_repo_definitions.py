"""What Feast sees is what is declared: names, types, order, ttl, owner; and one scanned file."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from governance.declarations import read_feature_models
from governance.settings import PROJECT_ROOT, Settings

pytestmark = pytest.mark.pipeline  # Feast's import alone takes seconds

REPO = PROJECT_ROOT / "feature_repo"


@pytest.fixture(scope="module")
def models():
    return read_feature_models(PROJECT_ROOT / "dbt")


@pytest.fixture(scope="module")
def built(models):
    from feature_repo import views

    return views.feature_views(models, features_dir=Path("/features"))


def test_feast_scans_definitions_and_nothing_else(monkeypatch):
    from feast.repo_operations import get_repo_files

    monkeypatch.chdir(REPO)
    assert get_repo_files(REPO) == [REPO / "definitions.py"]


def test_a_view_has_the_declared_features_in_name_type_and_order(models, built):
    from feature_repo.views import FEAST_TYPES

    assert len(models) >= 5
    for model in models:
        view = built[model.name]
        declared = [(c.name, FEAST_TYPES[c.data_type]) for c in model.features]
        assert [(field.name, field.dtype) for field in view.features] == declared
        assert [entity.name for entity in view.entity_columns] == list(model.entities)


def test_a_view_carries_ttl_owner_pii_and_its_file(models, built):
    for model in models:
        view = built[model.name]
        assert (view.ttl, view.owner, view.online) == (model.ttl, model.owner, model.is_online)
        assert view.batch_source.path == f"/features/{model.name}.parquet"
        assert view.batch_source.timestamp_field == model.timestamp
        assert view.batch_source.created_timestamp_column == model.created_timestamp
        pii = {column.pii for column in model.columns}
        assert view.tags["pii"] in pii
        assert view.tags["pii"] != "none" or pii == {"none"}


def test_every_service_is_built_from_the_features_that_it_names_in_order(built):
    from feature_repo import views
    from feature_repo.services import SERVICES

    services = views.feature_services(built, dbt_dir=PROJECT_ROOT / "dbt")
    for name, members in SERVICES.items():
        projections = services[name].feature_view_projections
        named = {p.name: tuple(field.name for field in p.features) for p in projections}
        assert list(named.items()) == list(members.items())


def test_feast_apply_registers_the_same_objects_as_ours(tmp_path):
    from feature_repo import store

    by_feast = Settings(home=tmp_path / "feast")
    by_feast.home_dir.mkdir()
    environment = os.environ | by_feast.as_env() | {"PYTHONPATH": str(PROJECT_ROOT)}
    feast = Path(sys.executable).with_name("feast")
    done = subprocess.run(
        [feast, "--chdir", REPO, "apply"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    ours = store.apply(Settings(home=tmp_path / "ours"))
    theirs = store.open_store(by_feast)
    for listed in ("list_feature_views", "list_entities", "list_feature_services"):
        names = [sorted(found.name for found in getattr(s, listed)()) for s in (ours, theirs)]
        assert names[0] == names[1] != []
