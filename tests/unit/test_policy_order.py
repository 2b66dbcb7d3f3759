"""What moves: diversity spreads the places shown, and one place is drawn with a known chance."""

import math
from collections import Counter

import numpy as np
import pytest
from ranked_lists import PLAIN, ranked, settle

from training.policy.model import SurfacePolicy

DRAWS = 4_000


def _kept(listed, policy, **wish):
    return listed.items[settle(listed, None, policy, **wish).kept].tolist()


def test_an_item_unlike_those_above_it_passes_one_of_their_kind():
    listed = ranked(categories=[1, 1, 1, 2, 1, 1], scores=[1.0, 0.95, 0.9, 0.85, 0.5, 0.0])
    assert _kept(listed, SurfacePolicy(mmr_lambda=0.5)) == [10, 13, 11, 12, 14, 15]
    moved = settle(listed, None, SurfacePolicy(mmr_lambda=0.5)).is_moved
    assert moved.tolist() == [False, True, True, True, False, False]


def test_vectors_tell_items_of_different_categories_apart_or_not():
    listed = ranked(4, vectors=[[1, 0], [2, 0], [0, 1], [0, 0]], scores=[1.0, 0.9, 0.8, 0.0])
    assert _kept(listed, SurfacePolicy(mmr_lambda=0.5), k=2)[:2] == [10, 12]


def test_only_the_places_shown_are_spread():
    listed = ranked(6, categories=[1, 1, 2, 1, 1, 2])
    kept = _kept(listed, SurfacePolicy(mmr_lambda=0.3), k=2)
    assert kept == [10, 12, 11, 13, 14, 15]


def test_lambda_zero_looks_at_likeness_alone_and_rank_breaks_ties():
    listed = ranked(4, categories=[1, 1, 2, 3])
    assert _kept(listed, SurfacePolicy(mmr_lambda=0.0), k=3) == [10, 12, 13, 11]


@pytest.mark.parametrize(("size", "pool", "place"), [(30, 5, 0), (30, 20, 2), (4, 20, 0)])
def test_the_logged_propensity_is_how_often_the_item_is_drawn(size, pool, place):
    listed = ranked(size)
    policy = SurfacePolicy(explore=True, explore_pool=pool, explore_place=place)
    drawn, logged = Counter(), {}
    for number in range(DRAWS):
        outcome = settle(listed, None, policy, request_id=f"{number:032x}")
        item = int(listed.items[outcome.kept[outcome.explored]])
        drawn[item] += 1
        logged[item] = outcome.propensity
    assert sum(logged.values()) == pytest.approx(1.0)  # all of the pool was drawn
    for item, chance in logged.items():
        four_sigma = 4 * math.sqrt(chance * (1 - chance) / DRAWS)
        assert drawn[item] / DRAWS == pytest.approx(chance, abs=four_sigma)


def test_what_was_drawn_takes_its_place_and_the_others_keep_their_order():
    listed, policy = ranked(12), SurfacePolicy(explore=True, explore_place=2, explore_pool=9)
    for number in range(50):
        outcome = settle(listed, None, policy, request_id=str(number))
        assert outcome.explored == 1
        rest = np.delete(outcome.kept, 1)
        assert rest.tolist() == sorted(rest.tolist())
        assert 1 <= outcome.kept[1] <= 9


def test_without_an_exploration_slot_no_probability_is_told():
    outcome = settle(ranked())
    assert (outcome.explored, outcome.propensity) == (None, None)


def test_a_list_of_one_item_is_drawn_for_certain():
    outcome = settle(ranked(1), None, SurfacePolicy(explore=True), k=5)
    assert (outcome.explored, outcome.propensity) == (0, 1.0)


def test_an_empty_list_stays_empty():
    outcome = settle(ranked(0), None, SurfacePolicy(explore=True, mmr_lambda=0.2, category_cap=1))
    assert (len(outcome.kept), len(outcome.dropped), outcome.explored) == (0, 0, None)
    assert len(settle(ranked(0), None, PLAIN).kept) == 0
