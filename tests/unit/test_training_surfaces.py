"""Surfaces that start from items: what goes with them, what is of their kind, hits in order."""

from dataclasses import replace

import numpy as np
import pytest

from training.covisitation.model import Covisitation
from training.recommender.assortment import Assortment
from training.recommender.model import Recommender
from training.recommender.signals import Memory
from training.recommender.surfaces import as_ranked, blended, start_from
from training.sasrec.vectors import SasrecVectors

# Department, category: 0 and 1 are of one kind, 2 and 3 of a second, 4 and 5 of a third beside it.
CATEGORIES = np.array([[0, 0], [0, 0], [0, 1], [0, 1], [1, 2], [1, 2]], dtype=np.int32)
POPULARITY = np.array([9.0, 1.0, 8.0, 2.0, 7.0, 0.0], dtype=np.float32)  # 5 was never sold
LINKS = {0: {4: 2.0, 2: 1.0}, 2: {4: 1.0}}  # of the others nothing is known


@pytest.fixture(scope="module")
def recommender():
    """Six items and nobody: what a surface answers a stranger."""
    rows = [LINKS.get(item, {}) for item in range(6)]
    return Recommender(
        user_ids=np.array([], dtype=np.str_),
        item_ids=np.array([f"i{item}" for item in range(6)]),
        titles=tuple(f"ITEM {item}" for item in range(6)),
        memory=Memory(
            history=None,
            covisitation=Covisitation(
                np.cumsum([0, *map(len, rows)]),
                np.array([item for row in rows for item in row], dtype=np.int32),
                np.array([weight for row in rows for weight in row.values()], dtype=np.float32),
            ),
            neighbours=None,
            sasrec=SasrecVectors(
                np.empty((0, 2), np.float32), np.eye(2, dtype=np.float32), np.array([1, 4])
            ),
            stock=_stock(),
            repeats=None,
        ),
    )


def _stock():
    whatever = np.zeros(6, dtype=np.float32)
    return Assortment(
        popularity=POPULARITY,
        week_count=whatever,
        month_count=whatever,
        month_rank=np.arange(6, dtype=np.int32),
        repeat_rate=whatever,
        baskets_per_buyer=whatever,
        trend=whatever,
        weeks_since_sold=whatever,
        price_position=whatever,
        category_share=np.zeros((6, 2), dtype=np.float32),
        categories=CATEGORIES,
    )


def _without_categories(recommender):
    stock = replace(recommender.memory.stock, categories=np.zeros((6, 3), dtype=np.int32))
    return replace(recommender, memory=replace(recommender.memory, stock=stock))


def _start(recommender, surface, *items, limit=10):
    return start_from(recommender.memory, surface, np.array(items, dtype=np.int32), limit)


def _ranking(recommender, surface, *about, weight=1.0):
    found = recommender.candidates("nobody", surface=surface, about=about)
    return found, recommender.rank(found, None, None, signal_weight=weight)


@pytest.mark.parametrize("surface", ["home", "discover", "email"])
def test_a_list_for_a_person_starts_from_no_item(recommender, surface):
    assert _start(recommender, surface, 0) is None


def test_what_goes_with_an_item_and_what_is_of_its_kind_are_proposed(recommender):
    start = _start(recommender, "similar", 0)
    assert start.items.tolist() == [1, 2, 3, 4]  # 5 shares nothing with it, 0 is the item itself
    assert start.is_linked.tolist() == [False, False, True, False, True, False]
    assert not start.is_new
    assert 0 <= start.signal.min() <= start.signal.max() <= 1


def test_the_limit_keeps_the_best(recommender):
    assert _start(recommender, "similar", 0, limit=2).items.tolist() == [1, 2]


def test_a_basket_wants_companions_before_its_own_kind(recommender):
    start = _start(recommender, "cart", 0)
    assert start.signal.argmax() == 4
    assert start.signal[1] < start.signal[2]


def test_the_links_of_a_basket_add_up(recommender):
    alone, both = _start(recommender, "cart", 2), _start(recommender, "cart", 0, 2)
    assert alone.is_linked.tolist() == [False] * 4 + [True, False]
    assert both.signal[4] == max(both.signal)
    assert both.signal[[0, 2]].tolist() == [0, 0]


def test_an_item_without_links_is_compared_by_its_category_and_popularity(recommender):
    start = _start(recommender, "similar", 5)
    assert start.is_new
    assert start.items.tolist() == [4]
    start = _start(recommender, "similar", 3)
    assert np.argsort(-start.signal, kind="stable")[:3].tolist() == [2, 0, 1]


def test_an_item_nobody_knows_is_no_start(recommender):
    assert _start(recommender, "similar", -1) is None
    found, ranking = _ranking(recommender, "similar", "i9")
    assert found.start is None
    assert ranking.item_ids[0] == "i0"  # the most popular


def test_a_kind_in_common_outweighs_any_popularity(recommender):
    start = _start(recommender, "similar", 3)
    assert start.signal[2] > start.signal[0] > start.signal[1] > 0


def test_hits_keep_their_order_until_the_personal_rank_weighs_in(recommender):
    hits = ("i5", "i3", "i0")
    _, by_order = _ranking(recommender, "search", *hits)
    assert by_order.item_ids == hits
    assert set(by_order.retrievers) == {"given"}
    _, by_popularity = _ranking(recommender, "search", *hits, weight=0.0)
    assert by_popularity.item_ids == ("i0", "i3", "i5")


def test_a_search_without_known_hits_is_empty(recommender):
    found, ranking = _ranking(recommender, "search", "i9")
    assert (len(found.items), ranking.item_ids) == (0, ())


def test_a_shop_without_categories_has_links_only(recommender):
    bare = _without_categories(recommender)
    assert _start(bare, "similar", 0).items.tolist() == [2, 4]
    assert _start(bare, "similar", 3) is None
    _, ranking = _ranking(bare, "similar", "i0")
    assert all(reasons[0] == "often bought with ITEM 0" for reasons in ranking.reasons)
    kinds = as_ranked(bare.memory, (0, 1, 2), (3.0, 2.0, 1.0)).categories
    assert len(np.unique(kinds)) == 3  # a cap by category hides nothing


def test_reasons_name_the_item_of_the_basket(recommender):
    _, ranking = _ranking(recommender, "similar", "i0")
    told = dict(zip(ranking.item_ids, ranking.reasons, strict=True))
    assert told["i4"][0] == "often bought with ITEM 0"
    assert told["i1"][0] == "of the same kind as ITEM 0"
    named = dict(zip(ranking.item_ids, ranking.retrievers, strict=True))
    assert (named["i4"], named["i1"]) == ("co_visitation", "category")


def test_a_cart_ranks_popular_items_beside_its_own_for_a_stranger(recommender):
    found, ranking = _ranking(recommender, "cart", "i2", weight=0.5)
    assert set(found.item_ids) == {f"i{item}" for item in range(6)}
    named = dict(zip(ranking.item_ids, ranking.retrievers, strict=True))
    assert (named["i4"], named["i0"]) == ("basket", "popular")


def test_a_weight_of_one_is_the_signal_and_of_zero_the_personal_rank(recommender):
    start, items = _start(recommender, "similar", 0), np.array([1, 2, 4])
    personal = np.array([-3.0, 1.0, 5.0])
    assert blended(personal, start, items, weight=1.0) == pytest.approx(start.signal[items])
    assert blended(personal, start, items, weight=0.0) == pytest.approx([0, 0.5, 1])
    assert blended(personal, None, items, weight=1.0) is personal


def test_an_item_without_a_vector_has_zeros(recommender):
    ranked = as_ranked(recommender.memory, (4, 0, 1), (3.0, 2.0, 1.0))
    assert ranked.vectors.tolist() == [[0, 1], [0, 0], [1, 0]]
    assert ranked.categories.tolist() == CATEGORIES[[4, 0, 1]].tolist()
