"""Feast's own importer still reads our manifest, though nothing here depends on it.

It maps types only: no defaults, no created timestamp, its own path. What it writes must name every
feature of the table, with our types.
"""

import ast
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from governance.declarations import read_feature_models
from governance.settings import PROJECT_ROOT, Settings

pytestmark = pytest.mark.pipeline

FEAST_NAMES = {"bigint": "Int64", "double": "Float64", "varchar": "String", "boolean": "Bool"}


@pytest.fixture(scope="module")
def generated(tmp_path_factory) -> str:
    if find_spec("dbt_artifacts_parser") is None:
        pytest.skip(
            "feast dbt import needs dbt-artifacts-parser (pip install dbt-artifacts-parser)"
        )
    folder = tmp_path_factory.mktemp("imported")
    environment = os.environ | Settings(home=folder).as_env()
    bin_dir = Path(sys.executable).parent
    parse = [
        bin_dir / "dbt", "parse", "--project-dir", PROJECT_ROOT / "dbt", "--profiles-dir",
        PROJECT_ROOT / "dbt", "--target-path", folder / "target", "--log-path", folder / "logs",
    ]  # fmt: skip
    out = folder / "out.py"
    feast = [
        bin_dir / "feast", "dbt", "import", "-m", folder / "target" / "manifest.json",
        "-e", "user_id", "-d", "file", "-t", "event_timestamp", "-o", out,
        *(part for model in user_tables() for part in ("--model", model.name)),
    ]  # fmt: skip
    for command in (parse, feast):
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "Skipping" not in done.stdout + done.stderr
    return out.read_text()


def user_tables():
    return [
        model
        for model in read_feature_models(PROJECT_ROOT / "dbt")
        if model.entities == ("user_id",)
    ]


def test_what_feast_generates_names_every_feature_with_our_type(generated):
    calls = [node for node in ast.walk(ast.parse(generated)) if isinstance(node, ast.Call)]
    views = [values_of(call) for call in calls if called(call) == "FeatureView"]
    fields = {view["name"]: view["schema"] for view in views}
    for model in user_tables():
        written = [(field["name"], field["dtype"]) for field in fields[model.name]]
        for column in model.features:
            assert (column.name, FEAST_NAMES[column.data_type]) in written
    assert len(views) == len(user_tables()) >= 2


def called(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else ""


def values_of(call: ast.Call) -> dict[str, object]:
    found: dict[str, object] = {}
    for keyword in call.keywords:
        value = keyword.value
        if isinstance(value, ast.List):
            found[keyword.arg] = [values_of(v) for v in value.elts if isinstance(v, ast.Call)]
        elif isinstance(value, ast.Name):
            found[keyword.arg] = value.id
        elif isinstance(value, ast.Constant):
            found[keyword.arg] = value.value
    return found
