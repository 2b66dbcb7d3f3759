"""The house rules that a machine can hold: rooms, names, imports, sizes of promises."""

import ast
import re
import subprocess
import sys
import tomllib

import pytest

from governance.settings import PROJECT_ROOT

ROOMS = ("governance", "feature_repo", "training", "serving", "flows")  # imports go leftwards
FORBIDDEN_NAMES = {"utils.py", "helpers.py", "common.py", "misc.py", "base.py"}
SERVING_MAY_IMPORT = re.compile(r"^training\.(bundle|text_bundle|[a-z_]+\.model)$")


def python_files(room):
    files = sorted((PROJECT_ROOT / room).rglob("*.py"))
    assert files, room
    return files


def imported_modules(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            yield node.module or ""


@pytest.mark.parametrize("room", ROOMS)
def test_imports_go_one_way(room):
    later = ROOMS[ROOMS.index(room) + 1 :]
    for path in python_files(room):
        for module in imported_modules(path):
            assert module.split(".")[0] not in later, f"{path} imports {module}"


def test_serving_reads_models_and_bundles_but_never_training_code():
    for path in python_files("serving"):
        for module in imported_modules(path):
            if module.startswith("training"):
                assert SERVING_MAY_IMPORT.match(module), f"{path} imports {module}"


@pytest.mark.parametrize("room", ["governance"])
def test_the_leaf_imports_no_heavy_package(room):
    for path in python_files(room):
        for module in imported_modules(path):
            assert module.split(".")[0] not in {"feast", "torch", "prefect", "kserve", "dbt"}, path


def test_no_file_is_a_drawer():
    for room in (*ROOMS, "tests", "dbt"):
        for path in (PROJECT_ROOT / room).rglob("*.py"):
            assert path.name not in FORBIDDEN_NAMES, path


def test_dbt_is_not_a_python_package_and_tests_are_not_packages():
    assert not list((PROJECT_ROOT / "dbt").rglob("__init__.py"))
    assert not list((PROJECT_ROOT / "tests").rglob("__init__.py"))


@pytest.mark.parametrize("room", [*ROOMS, "dbt", "tests"])
def test_each_room_has_a_readme_of_at_most_forty_lines(room):
    lines = (PROJECT_ROOT / room / "README.md").read_text().splitlines()
    assert 5 <= len(lines) <= 40


def test_the_readme_keeps_to_one_hundred_and_fifty_lines():
    text = (PROJECT_ROOT / "README.md").read_text()
    assert len(text.splitlines()) <= 150
    assert "make demo" in text
    assert "make test" in text


def test_every_module_says_what_it_is():
    for room in ROOMS:
        for path in python_files(room):
            assert ast.get_docstring(ast.parse(path.read_text())), f"{path} has no docstring"


def test_every_direct_dependency_has_a_floor():
    project = tomllib.loads((PROJECT_ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    assert len(wanted) > 20
    for requirement in wanted:
        assert ">=" in requirement, requirement


def test_every_direct_dependency_is_pinned_exactly_in_the_lock():
    project = tomllib.loads((PROJECT_ROOT / "pyproject.toml").read_text())["project"]
    lock = (PROJECT_ROOT / "requirements.lock").read_text()
    pinned = {name.lower() for name in re.findall(r"^([A-Za-z0-9_.\-]+)==", lock, re.M)}
    for requirement in [*project["dependencies"], *project["optional-dependencies"]["dev"]]:
        name = re.split(r"[\[<>=]", requirement)[0].lower()
        assert name in pinned, name


def test_help_imports_nothing_heavy():
    code = (
        "import sys; sys.argv = ['counterfoil', '--help']\n"
        "from flows.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'feast', 'torch', 'prefect', 'kserve', 'dbt', 'ibis', 'pandas'}\n"
        "print('HEAVY', sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True
    )
    assert "HEAVY []" in done.stdout
