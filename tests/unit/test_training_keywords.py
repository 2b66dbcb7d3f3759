"""Words a listing lacks: only true ones, few, and measured by searching again."""

from collections.abc import Mapping, Sequence

import pytest
from hostile_texts import ODD_TEXTS, STEERING
from hypothesis import given, settings
from hypothesis import strategies as st

from training.keywords.effect import optimise
from training.keywords.facts import facts_of
from training.keywords.model import (
    MOST_WORDS,
    Asked,
    Fact,
    Item,
    Missed,
    Search,
    is_stuffed,
    propose,
    words_of,
)

LAMP = Item("lamp", "Acme L20", "Lighting", (Fact("colour", "Red"), Fact("type", "Desk lamp")))
TABLE = Item("table", "Oak table", "Furniture")
SOFA = Item("sofa", "Red sofa", "Furniture")
ITEMS = (LAMP, TABLE, SOFA)


def _search_of(changed: Mapping[str, str]) -> Search:
    """Items that share a word with the query, those that share more of it first."""
    words = {item.item_id: words_of(changed.get(item.item_id, item.title)) for item in ITEMS}

    def search(query: str, most: int) -> Sequence[str]:
        shared = {one: len(have & words_of(query)) for one, have in words.items()}
        found = [one for one in sorted(shared, key=lambda one: (-shared[one], one)) if shared[one]]
        return found[:most]

    return search


def test_a_missed_query_is_mended_by_a_word_that_an_attribute_backs():
    asked = [Asked("desk lamp", {"lamp": 1})]
    proposals, rows = optimise([LAMP], asked, search_of=_search_of, catalogue=ITEMS)
    assert proposals[0].words == ("desk", "lamp")
    assert (rows[0].rank_before, rows[0].rank_after) == (None, 1)
    assert rows[0].evidence == {"desk": "type: Desk lamp", "lamp": "type: Desk lamp"}


def test_a_word_that_the_item_is_not_is_never_proposed():
    proposals, _ = optimise([LAMP], [Asked("blue lamp", {"lamp": 1})], search_of=_search_of)
    assert proposals[0].words == ("lamp",)
    assert "blue" in proposals[0].refused


def test_enough_purchases_after_several_queries_back_a_word():
    asked = [Asked("bedside light", {"lamp": 2}), Asked("bedside thing", {"lamp": 1})]
    proposals, _ = optimise([LAMP], asked, search_of=_search_of)
    assert proposals[0].evidence == {"bedside": "bought 3 times after 2 queries with it"}
    assert proposals[0].refused["light"] == "nothing says that the item is so"


def test_a_query_of_the_category_counts_only_where_all_of_it_is_true():
    near = Item("other", "Acme torch", "Lighting")
    asked = [Asked("red lamp", {"other": 2}), Asked("green lamp", {"other": 2})]
    _, rows = optimise([LAMP], asked, search_of=_search_of, catalogue=(*ITEMS, near))
    assert [(row.query, row.reason) for row in rows] == [("red lamp", "bought in its category")]


def test_a_number_is_true_of_the_items_that_have_it_only():
    sets = [Item("a", "Brick house 75192", "Toys"), Item("b", "Brick city 10300", "Toys")]
    _, rows = optimise(
        sets, [Asked("brick 75192", {"a": 3})], search_of=lambda _: lambda _query, _most: []
    )
    assert [row.item_id for row in rows] == ["a"]


def test_a_word_that_mends_nothing_is_taken_back():
    asked = [Asked("desk lamp", {"lamp": 1})]
    proposals, rows = optimise([LAMP], asked, search_of=lambda _: _search_of({}))
    assert (proposals[0].words, rows[0].rank_after) == ((), None)
    assert proposals[0].refused["desk"] == "it mends no query"


def test_a_listing_is_never_stuffed():
    facts = tuple(Fact("tag", f"word{letter}x") for letter in "abcdefghijkl")
    item = Item("one", "Thing", "", facts)
    missed = [Missed(fact.text, None, "bought after it", 5) for fact in facts]
    proposal = propose(item, missed, [])
    assert len(proposal.words) <= MOST_WORDS
    assert "the cap on added words" in proposal.refused.values()
    assert is_stuffed("lamp lamp lamp")


def test_a_title_that_the_quality_rule_refuses_is_not_proposed():
    missed = [Missed("red lamp", None, "bought after it", 1)]
    assert propose(LAMP, missed, [], lambda title: "Red" in title).words == ()


def test_what_an_item_fits_or_denies_is_no_claim():
    told = '{"t_compatibility": "HP LaserJet", "t_wi_fi": "No", "b_touch": false, "t_type": "Ink"}'
    assert [fact.text for fact in facts_of(told, supplier="Acme")] == ["Acme", "Ink"]
    assert facts_of("[broken") == ()


@pytest.mark.parametrize("text", [*ODD_TEXTS.values(), *STEERING])
def test_odd_and_steering_queries_add_no_word_that_is_not_backed(text):
    proposals, _ = optimise([LAMP], [Asked(text, {"lamp": 1})], search_of=_search_of)
    assert proposals[0].words == ()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text("abcdelmprst ", max_size=20), max_size=6))
def test_every_proposed_word_has_evidence_and_is_new(queries):
    asked = [Asked(text, {"lamp": 1}) for text in queries]
    proposals, _ = optimise([LAMP], asked, search_of=_search_of)
    for word in proposals[0].words:
        assert proposals[0].evidence[word]
        assert not words_of(word) & words_of(LAMP.title)
