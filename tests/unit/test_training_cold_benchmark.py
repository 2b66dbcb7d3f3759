"""The floors of cold items are what they say, and the command measures any such folder."""

import json
import subprocess
import sys
from itertools import permutations

import numpy as np
import pytest
from benchmarks.recommenders_cold_floors import (
    CategoryFloor,
    brands,
    expected_gain,
    floors,
    product_kinds,
)

from governance.settings import PROJECT_ROOT
from training.cold_items import hold_out_cold
from training.sequences import sequences_of

SCRIPT = PROJECT_ROOT / "tests" / "benchmarks" / "recommenders_cold.py"


def _floor(*, is_main_only):
    category = np.array([0, 0, 1, 1, 2], dtype=np.int32)
    popularity = np.array([2.0, 8.0, 4.0], dtype=np.float32)
    return CategoryFloor(category, popularity, history_decay=1.0, is_main_only=is_main_only)


def _score(floor, *history):
    return floor.score([np.array(history, dtype=np.int32)])[0]


def test_the_main_category_comes_first_and_popularity_orders_the_rest():
    scores = _score(_floor(is_main_only=True), 0, 1, 2)
    assert scores[0] == scores[1] > scores[2] == scores[3] > scores[4] > 0


def test_affinity_weighs_popularity():
    scores = _score(_floor(is_main_only=False), 0, 1, 2)  # 2/3 x 2 against 1/3 x 8
    assert scores[2] > scores[0] > scores[4]


def test_a_new_user_is_offered_the_popular_categories():
    for is_main_only in (True, False):
        assert np.argsort(-_score(_floor(is_main_only=is_main_only)), kind="stable")[0] == 2


def test_equal_scores_count_as_the_mean_over_their_orders():
    scores = np.array([[3.0, 1.0, 1.0, 1.0, 0.0]])
    gains = []
    for order in permutations(range(3)):
        place = 2 + order.index(0)
        gains.append(1 / np.log2(1 + place) if place <= 3 else 0)
    assert expected_gain(scores, np.array([1.0]), 3)[0] == pytest.approx(np.mean(gains))
    assert expected_gain(scores, np.array([3.0]), 10)[0] == 1.0


def test_the_brand_is_the_first_word_and_the_kind_what_follows():
    titles = ["OPI One red nail polish", "opi Two hair brush", "Essie One red nail polish", ""]
    assert len(set(brands(titles).tolist())) == 3
    many = [f"{brand} x {kind}" for brand in "abcdefghijkl" for kind in ("nail polish", "soap bar")]
    many += [f"thing number{n} of{n}" for n in range(300)]
    kinds = product_kinds(many, np.arange(len(many), dtype=np.int32), 40, seed=1)
    assert len(set(kinds[:24:2].tolist())) == 1
    assert kinds[0] != kinds[1]


def test_floors_know_no_act_on_a_cold_item():
    lists = [np.array(items, np.int32) for items in ([0, 1, 2], [1, 3], [2, 0, 4], [5, 3])]
    split = hold_out_cold(sequences_of(lists, 6), share=0.3)
    titles = ["a x red pen", "a x red cup", "b x pen", "b x cup", "a x pen", "b x red pen"]
    assert split.cold.tolist() == [4, 5]
    for variants in floors(split, titles, seed=0).values():
        for name, floor in variants.items():
            if "all acts" in name:
                assert floor.popularity.sum() == len(split.known.item)


@pytest.mark.pipeline
def test_the_command_measures_a_small_folder(tmp_path):
    draw = np.random.default_rng(0)
    kinds = [f"{a}{b}" for a in ("nail", "hair", "lip", "skin") for b in ("oil", "gel", "wax")]
    lines = []
    for user in range(400):
        shelf = np.arange(draw.integers(12), 240, 12)[: 5 + user // 28]
        lines.append(" ".join(map(str, [user + 1, *(draw.permutation(shelf)[:5] + 1)])))
    rows = [f"{item + 1}\tbrand{item % 7} line{item % 5} {kinds[item % 12]}" for item in range(240)]
    (tmp_path / "acts").write_text("\n".join(lines))
    (tmp_path / "names").write_text("\n".join(["item_id\ttitle", *rows]))
    answer = tmp_path / "figures.json"
    command = [sys.executable, SCRIPT, "--data", tmp_path, "--json", answer]
    done = subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True)
    found = json.loads(answer.read_text())["cold"]
    assert json.loads(done.stdout)["cold"] == found
    assert "two_tower epoch 1" in done.stderr
    assert found["protocol"]["cold_items"] == 21  # of 209 that anybody had
    assert found["two_tower"]["ndcg_at_10"] > 2 * found["floors"]["brand_affinity"]["ndcg_at_10"]
    low, high = found["ratio_to_popularity_interval"]
    assert low <= found["ratio_to_popularity"] <= high
    assert found["ratio_to_popularity_is_to"].startswith("category")
    assert found["new_users"]["requests"] >= 0
