"""Lists beyond being right: what each figure counts, by hand and by brute force."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from training.list_quality import (
    coverage,
    diversity,
    item_groups,
    list_quality,
    novelty,
    tail_share,
    user_groups,
)
from training.retrievers import NO_ITEM

LISTS = np.array([[0, 1, 2], [0, 3, NO_ITEM]], dtype=np.int32)
COUNTS = np.array([7, 1, 0, 0, 4])


def test_coverage_counts_items_in_the_first_k_of_any_list_once():
    assert coverage(LISTS, 5, 3) == 4 / 5
    assert coverage(LISTS, 5, 1) == 1 / 5


def test_novelty_is_the_mean_bits_of_the_shown_items_and_places_left_empty_do_not_count():
    shares = np.array([8, 2, 1, 1, 5]) / 17
    shown = shares[[0, 1, 2, 0, 3]]
    assert novelty(LISTS, COUNTS, 3) == pytest.approx(-np.log2(shown).mean())


def test_an_item_that_nobody_took_has_finite_novelty():
    assert np.isfinite(novelty(np.array([[2]]), COUNTS, 1))


def test_the_tail_is_what_lies_outside_the_most_popular_fifth():
    assert tail_share(LISTS, COUNTS, 3) == 3 / 5  # item 0 alone is the head
    assert tail_share(np.array([[0]]), COUNTS, 1) == 0.0


def test_items_of_one_category_are_alike_and_of_two_are_not():
    categories = np.array([5, 5, 9, 9, 9])
    assert diversity(np.array([[0, 1]]), categories, 2) == pytest.approx(0.0)
    assert diversity(np.array([[0, 2]]), categories, 2) == pytest.approx(1.0)
    assert diversity(np.array([[0, 1, 2]]), categories, 3) == pytest.approx(2 / 3)


def test_a_list_of_one_item_says_nothing_about_diversity():
    categories = np.array([0, 1, 1])
    both = np.array([[0, NO_ITEM], [1, 2]])
    assert diversity(both, categories, 2) == pytest.approx(0.0)
    assert diversity(both[:1], categories, 2) == 0.0


@given(st.integers(0, 10_000))
def test_diversity_of_vectors_equals_the_mean_over_all_pairs(seed):
    draw = np.random.default_rng(seed)
    vectors = draw.normal(size=(6, 4)) * draw.integers(0, 2, (6, 1))  # some are empty
    shown = draw.permutation(6)[:4][None, :]
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = vectors / np.where(length > 0, length, 1)
    pairs = [unit[a] @ unit[b] for a in shown[0] for b in shown[0] if a != b]
    found = diversity(shown, sp.csr_array(vectors), 4)
    assert found == pytest.approx(1 - np.mean(pairs), abs=1e-9)
    assert diversity(shown, vectors, 4) == pytest.approx(found)


@given(st.lists(st.integers(0, 40), min_size=1))
def test_every_request_is_in_exactly_one_group(acts):
    for groups in (user_groups(np.array(acts)), item_groups(np.array(acts))):
        assert (sum(group.astype(int) for group in groups.values()) == 1).all()


def test_all_four_at_once_are_the_four_one_by_one():
    categories = np.zeros(5, dtype=np.int32)
    found = list_quality(LISTS, COUNTS, likeness=categories, k=3)
    assert found.coverage == coverage(LISTS, 5, 3)
    assert found.novelty == novelty(LISTS, COUNTS, 3)
    assert found.diversity == diversity(LISTS, categories, 3)
    assert found.tail_share == tail_share(LISTS, COUNTS, 3)


def test_no_list_at_all_gives_zeros():
    found = list_quality(np.empty((0, 3), dtype=np.int32), COUNTS, likeness=COUNTS, k=3)
    assert (found.coverage, found.novelty, found.diversity, found.tail_share) == (0, 0, 0, 0)
