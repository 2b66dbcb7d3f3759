"""What the README tells a person to type is run here, word by word, on the sample shop."""

import re
import shlex

import pytest
from sample_shop import counterfoil

from governance.settings import PROJECT_ROOT

README = (PROJECT_ROOT / "README.md").read_text()
ELSEWHERE = {  # run by other tests, since they stay, take minutes or need an id
    "serve": "tests/api", "up": "tests/pipeline/test_schedules.py",
    "demo": "tests/pipeline/test_main_job.py", "build": "tests/pipeline/test_bad_input.py",
    "import": "tests/pipeline/test_online_retail.py", "explain": "tests/api",
    "evaluate": "tests/pipeline/test_evaluate.py", "train": "tests/pipeline/test_main_job.py",
    "release": "tests/unit/test_records.py", "search": "tests/api",
    "listings": "tests/pipeline/test_listings.py", "read": "tests/unit/test_read_command.py",
    "new-feature": "tests/pipeline/test_add_feature.py", "push": "tests/pipeline/test_push.py",
}  # fmt: skip


def commands():
    found = dict.fromkeys(re.findall(r"`counterfoil ([a-z][^`]*)`", README))
    assert len(found) >= 15
    return [c for c in found if c.split()[0] not in ELSEWHERE and c not in {"doctor", "predict"}]


@pytest.mark.pipeline
@pytest.mark.parametrize("command", commands())
def test_a_command_of_the_readme_runs(shop_home, command):
    done = counterfoil(shop_home, *shlex.split(command))
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() or " -> " in done.stderr


def test_the_tests_that_the_readme_names_exist():
    named = set(re.findall(r"`(tests/[a-z_/]+(?:\.py)?)`", README))
    assert len(named) >= 5
    for path in [*named, *ELSEWHERE.values()]:
        assert (PROJECT_ROOT / path).exists(), path


def test_every_file_the_readme_names_exists():
    for path in re.findall(r"`((?:docs|dbt|training|governance|flows)/[A-Za-z_./]+)`", README):
        assert (PROJECT_ROOT / path).exists(), path
