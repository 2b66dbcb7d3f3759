"""Filters: what a query says as a condition, and what must stay a word."""

import pytest
from hostile_texts import ODD_TEXTS
from hypothesis import given
from hypothesis import strategies as st
from query_help_shop import small_shop

from training.attributes.rules_file import read_rules
from training.query_help.filter_lesson import CatalogueItem, learn_filters
from training.query_help.filters import read_filters

WORDS = learn_filters(small_shop(), read_rules())


def told(query: str) -> set[tuple[str, str, object]]:
    return {(one.field, one.op, one.value) for one in read_filters(query, WORDS).filters}


@pytest.mark.parametrize(
    ("query", "filters", "text"),
    [
        ("sleeve under 50", {("price", "<", 50.0)}, "sleeve"),
        ("sleeve below $20", {("price", "<", 20.0)}, "sleeve"),
        ("sleeve up to 1,200 dollars", {("price", "<=", 1200.0)}, "sleeve"),
        ("between 10 and 20 sleeve", set(), "between 10 and 20 sleeve"),
        ("sleeve between 10 and 20", {("price", ">=", 10.0), ("price", "<=", 20.0)}, "sleeve"),
        ("$10-$20 sleeve", {("price", ">=", 10.0), ("price", "<=", 20.0)}, "sleeve"),
        ("sleeve in stock", {("is_in_stock", "=", True)}, "sleeve"),
        ("belkin cable", {("brand", "=", "Belkin")}, "cable"),
        ("black cable", {("colour", "=", "Black")}, "cable"),
        ("cable 2 m", {("length", "=", 2.0)}, "cable"),
        ("cable under 2 m", {("length", "<", 2.0)}, "cable"),
        ("cable at least 100 cm", {("length", ">=", 1.0)}, "cable"),
        ("lenovo", {("brand", "=", "Lenovo")}, "lenovo"),
    ],
)
def test_a_condition_is_read_and_the_rest_is_text(query, filters, text) -> None:
    assert told(query) == filters
    assert read_filters(query, WORDS).text == text


@pytest.mark.parametrize(
    "query",
    [
        "gifts under 5 years", "over 100 ideas", "not in stock", "sleeve under the desk",
        "3 in 1 cable", "sleeve under 50 euros", "sleeve under £50", "from 1990", "cable 9 m",
        "iphone 12 pro max 256", "under 50%",
    ],
)  # fmt: skip
def test_what_is_not_sure_stays_a_word(query: str) -> None:
    assert told(query) == set()
    assert read_filters(query, WORDS).text == query


def test_a_brand_after_for_or_beside_another_is_a_preference_only() -> None:
    for query, brands in (
        ("sleeve for lenovo", {"Lenovo"}),
        ("toner equivalent to canon", {"Canon"}),
        ("toner f/canon", {"Canon"}),
        ("canon or belkin", {"Canon", "Belkin"}),
    ):
        found = read_filters(query, WORDS)
        assert found.filters == ()
        assert {one.value for one in found.preferences} == brands
        assert found.text == query


def test_a_brand_written_in_two_cases_is_one_brand() -> None:
    items = [
        CatalogueItem(f"c{n}", f"{brand} radio {n}", brand)
        for n, brand in enumerate(["SONY"] * 9 + ["Sony"] * 8)
    ]
    found = read_filters("sony radio", learn_filters(items, read_rules()))
    assert [(one.field, one.value) for one in found.filters] == [("brand", "SONY")]


def test_a_name_that_titles_use_for_other_things_is_no_filter() -> None:
    cases = [CatalogueItem(f"c{n}", f"Apple phone case {n} pieces", "Casely") for n in range(9)]
    phones = [CatalogueItem(f"p{n}", f"Apple phone {n} pieces", "Apple") for n in range(3)]
    found = read_filters("apple phone", learn_filters([*cases, *phones], read_rules()))
    assert found.filters == found.preferences == ()
    assert found.text == "apple phone"


@given(st.text(max_size=80))
def test_any_text_is_read(query: str) -> None:
    found = read_filters(query, WORDS)
    assert len(found.filters) <= 24


@pytest.mark.parametrize("text", ODD_TEXTS.values(), ids=ODD_TEXTS.keys())
def test_odd_texts_hold_no_filter(text: str) -> None:
    assert read_filters(text, WORDS).filters == ()
