"""The benchmark of baskets measures the product's own recommender in a home, floors beside it."""

import json
import subprocess
import sys

import pytest

from governance.settings import PROJECT_ROOT

pytestmark = pytest.mark.pipeline

SCRIPT = str(PROJECT_ROOT / "tests" / "benchmarks" / "recommenders.py")


@pytest.fixture(scope="module")
def figures(shop_home, tmp_path_factory):
    answer = tmp_path_factory.mktemp("baskets") / "figures.json"
    command = [sys.executable, SCRIPT, "--data", str(shop_home), "--protocol", "baskets"]
    done = subprocess.run(
        [*command, "--quick", "--json", str(answer)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    (found,) = json.loads(answer.read_text()).values()
    return found


def test_the_recommender_its_retrievers_and_the_floors_are_judged_alike(figures):
    models = [figures["fused"], figures["neighbours"], *figures["floors"].values()]
    for model in models:
        low, high = model["interval"]["ndcg_at_10"]
        assert 0 < low <= model["ndcg_at_10"] <= high < 1
        assert 0 < model["coverage_at_10"] <= 1
        by_user = model["by_user"].values()
        assert sum(group["requests"] for group in by_user) == figures["protocol"]["users"]


def test_what_is_above_a_floor_is_above_it_user_by_user(figures):
    found = figures["fused"]["above_floors"]
    assert set(found) == set(figures["floors"])
    for name, floor in figures["floors"].items():
        difference = figures["fused"]["ndcg_at_10"] - floor["ndcg_at_10"]
        assert found[name]["ndcg_at_10"]["difference"] == pytest.approx(difference, abs=2e-5)
    assert found["popularity"]["ndcg_at_10"]["is_clear"]


def test_everybody_gets_the_same_ten_items_of_popularity_and_others_of_the_recommender(figures):
    count = figures["protocol"]["items"]
    covered = figures["floors"]["popularity"]["coverage_at_10"]
    assert covered == pytest.approx(10 / count, abs=1e-5)
    assert figures["fused"]["coverage_at_10"] > 10 * covered
