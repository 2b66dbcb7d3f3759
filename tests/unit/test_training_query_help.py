"""Query help as a whole: rescue's ladder, and what is saved is what answers."""

import json

import pytest
from hostile_texts import ODD_TEXTS
from hypothesis import given, settings
from hypothesis import strategies as st
from query_help_shop import NOW, asked, other_sessions, small_shop, typed_again

from governance.errors import InputError
from training.attributes.rules_file import read_rules
from training.query_help.filters import Asked, Filter
from training.query_help.model import QueryHelp
from training.query_help.rescue import Rescued
from training.query_help.train import learn_query_help
from training.query_help.words import words_of

SHOP = small_shop()
PRICES = {item.item_id: float(number % 50) for number, item in enumerate(SHOP)}
ROWS = [
    *typed_again(
        "computer sleeve", "notebook sleeve", [i.item_id for i in SHOP if "sleeve" in i.title]
    ),
    *asked("grey sleeve", users=8),
    *other_sessions(),
]
HELP = learn_query_help(SHOP, ROWS, rules=read_rules(), seed=1, as_of=NOW)
BY_ID = {item.item_id: item for item in SHOP}


def holds(item_id: str, one: Filter) -> bool:
    item = BY_ID[item_id]
    if one.field == "price":
        above, below = PRICES[item_id] > float(one.value), PRICES[item_id] < float(one.value)
        return {"<": below, "<=": not above, ">": above, ">=": not below}.get(one.op, False)
    if one.field == "length":
        return f" {one.value:g} m" in item.title
    named = {"brand": item.brand, "category": item.category, **item.attributes}
    return named.get(one.field) == one.value


def search(text: str, filters: tuple[Filter, ...], k: int) -> list[str]:
    """Items that have every word and hold every filter."""
    wanted = set(words_of(text))
    return [
        item.item_id for item in SHOP
        if wanted and wanted <= set(words_of(item.title))
        and all(holds(item.item_id, one) for one in filters)
    ][:k]  # fmt: skip


def popular(category: str, k: int) -> list[str]:
    return [item.item_id for item in SHOP if category in ("", item.category)][:k]


def rescued(query: str) -> Rescued:
    return HELP.rescue(HELP.read_filters(query), search=search, popular=popular, k=10)


@pytest.mark.parametrize(
    ("query", "rungs"),
    [
        ("laser printer", []),
        ("lasser prnter", ["spelling", "spelling"]),
        ("computer sleeve", ["synonyms"]),
        ("gaming keyboard", ["fewer words"]),
        ("canon charger black 3 m under 1", ["fewer filters"]),
        ("xyzzy", ["popular"]),
    ],
)
def test_the_ladder_stops_at_the_first_rung_that_finds_enough(query, rungs) -> None:
    found = rescued(query)
    assert [step.rung for step in found.steps][: len(rungs)] == rungs
    assert found.items
    assert (found.steps == ()) == (rungs == [])
    assert all(step.told for step in found.steps)


def test_a_query_with_a_slip_is_never_completed_to() -> None:
    rows = [*asked("laser prnter", users=20), *asked("laser printer", users=8)]
    found = learn_query_help(SHOP, rows, rules=read_rules(), seed=1, as_of=NOW)
    assert found.correct("laser prnter").changes
    assert next(one.text for one in found.complete("laser p")) == "laser printer"
    assert "laser prnter" not in found.completions.phrases


def test_the_tightest_filter_goes_first() -> None:
    asked_for = Asked(
        "charger", "charger", (Filter("brand", "=", "Canon"), Filter("price", "<", -1.0))
    )
    found = HELP.rescue(asked_for, search=search, k=10)
    assert found.filters == (Filter("brand", "=", "Canon"),)
    assert found.is_enough


def test_without_popular_items_an_empty_answer_is_honest() -> None:
    found = HELP.rescue(Asked("xyzzy", "xyzzy"), search=search, k=10)
    assert (found.items, found.is_enough) == ((), False)


QUERIES = st.lists(
    st.sampled_from(
        ["canon", "lenovo", "black", "grey", "cable", "printer", "sleeve", "computer", "xyzzy",
         "under $20", "over $45", "2 m", "between 3 and 4", "keybord", "in stock", "for", ""]
    ),
    max_size=6,
).map(" ".join)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(QUERIES)
def test_no_item_violates_a_filter_that_is_said_to_hold(query: str) -> None:
    found = rescued(query)
    for item_id in found.items:
        assert all(holds(item_id, one) for one in found.filters)


@pytest.mark.parametrize("text", ODD_TEXTS.values(), ids=ODD_TEXTS.keys())
def test_odd_texts_are_rescued(text: str) -> None:
    assert len(rescued(text).items) <= 10


def test_what_is_saved_answers_alike_and_is_the_same_bytes_again() -> None:
    saved = json.dumps(HELP.as_json(), sort_keys=True)
    loaded = QueryHelp.from_json(json.loads(saved))
    assert loaded == HELP
    assert loaded.rescue(loaded.read_filters("lasser prnter"), search=search, k=5) == HELP.rescue(
        HELP.read_filters("lasser prnter"), search=search, k=5
    )
    again = learn_query_help(SHOP, ROWS, rules=read_rules(), seed=1, as_of=NOW)
    assert json.dumps(again.as_json(), sort_keys=True) == saved


@pytest.mark.parametrize(
    "broken", [{}, {"format": 2}, {"format": 1}, {"format": 1, "vocabulary": 3}]
)
def test_what_is_no_query_help_is_refused(broken) -> None:
    with pytest.raises(InputError, match="query help cannot be read"):
        QueryHelp.from_json(broken)


def test_rows_from_the_cutoff_on_teach_nothing() -> None:
    late = [*asked("late wish", users=30, days_ago=-1)]
    found = learn_query_help(SHOP, late, rules=read_rules(), seed=1, as_of=NOW)
    assert "late wish" not in found.completions.phrases
