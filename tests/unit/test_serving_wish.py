"""Each surface gets what it starts from, and nothing that belongs to another."""

import pytest

from serving.schemas import RequestError, parse_instance, parse_instances
from serving.wish import (
    INTENTS,
    MAX_ABOUT_IDS,
    MAX_NAMED_IDS,
    SURFACES,
    RecommendRequest,
    wish_about,
)
from training.intent.lexicon import INTENTS as MODEL_INTENTS

STARTS = {
    "similar": {"item_id": "a"},
    "cart": {"basket_item_ids": ["a", "b", "a"]},
    "search": {"candidate_item_ids": ["b", "a"]},
}


def _wish(**fields):
    return parse_instance({"user_id": "1", **fields}, RecommendRequest, path="")


def _refusal(**fields):
    with pytest.raises(RequestError) as caught:
        parse_instances({"instances": [{"user_id": "1", **fields}]}, RecommendRequest)
    return str(caught.value).removeprefix("instances[0].")


def test_the_intents_of_a_wish_are_those_that_the_model_of_intents_names():
    assert INTENTS == MODEL_INTENTS
    assert _wish(query_intent="learn").as_recorded()["query_intent"] == "learn"
    assert _refusal(query_intent="sell").startswith("query_intent: must be buy or learn or")


@pytest.mark.parametrize("surface", SURFACES)
def test_every_surface_is_asked_for_with_what_it_starts_from(surface):
    wish = _wish(surface=surface, **STARTS.get(surface, {}))
    expected = {"similar": ["a"], "cart": ["a", "b"], "search": ["b", "a"]}
    assert wish.about == expected.get(surface, [])


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"surface": "similar"}, "item_id: is missing; surface similar starts from it"),
        ({"surface": "cart"}, "basket_item_ids: is missing; surface cart starts from it"),
        ({"surface": "search"}, "candidate_item_ids: is missing; surface search starts from it"),
        ({"item_id": "a"}, "item_id: belongs to surface similar, not home"),
        (
            {"surface": "similar", "item_id": "a", "basket_item_ids": ["b"]},
            "basket_item_ids: belongs to surface cart, not similar",
        ),
        (
            {"surface": "cart", "basket_item_ids": []},
            "basket_item_ids: must be a list of 1 to 200 item ids",
        ),
        (
            {"surface": "cart", "basket_item_ids": "a"},
            "basket_item_ids: must be a list of 1 to 200 item ids",
        ),
        (
            {"surface": "cart", "basket_item_ids": ["a", ""]},
            "basket_item_ids[1]: must be 1 to 128 characters",
        ),
        (
            {"surface": "cart", "basket_item_ids": ["a\0"]},
            "basket_item_ids[0]: must hold printable characters only",
        ),
        (
            {"surface": "search", "candidate_item_ids": ["a"] * (MAX_ABOUT_IDS + 1)},
            "candidate_item_ids: must be a list of 1 to 200 item ids",
        ),
        (
            {"exclude_item_ids": ["a"] * (MAX_NAMED_IDS + 1)},
            "exclude_item_ids: must be a list of at most 500 item ids",
        ),
        ({"seen_item_ids": [7]}, "seen_item_ids[0]: must be 1 to 128 characters"),
        ({"unavailable_item_ids": {}}, "unavailable_item_ids: must be a list of at most 500"),
        ({"impressions": 3}, "impressions: must be a list of at most 500 objects with item_id"),
        ({"impressions": ["a"]}, "impressions[0]: must be an object with item_id"),
        ({"impressions": [{}]}, "impressions[0].item_id: is missing; it must be 1 to 128"),
        (
            {"impressions": [{"item_id": "a", "count": 0}]},
            "impressions[0].count: must be a whole number from 1 to 10000",
        ),
        (
            {"impressions": [{"item_id": "a", "days_ago": -1}]},
            "impressions[0].days_ago: must be a number from 0 to 3650",
        ),
        (
            {"impressions": [{"item_id": "a", "days_ago": float("nan")}]},
            "impressions[0].days_ago: must be a number from 0 to 3650",
        ),
        (
            {"impressions": [{"item_id": "a", "clicks": 1}]},
            "impressions[0].clicks: unknown field; the fields are item_id, count, days_ago",
        ),
        ({"explain": "yes"}, "explain: must be true or false"),
    ],
)
def test_a_wrong_field_is_refused_with_its_place(fields, sentence):
    assert _refusal(**fields).startswith(sentence)


def test_a_search_shows_every_hit_unless_it_names_k():
    hits = [str(number) for number in range(150)]
    assert _wish(surface="search", candidate_item_ids=hits).wanted == 150
    assert _wish(surface="search", candidate_item_ids=hits, k=10).wanted == 10
    assert _wish().wanted == 10


def test_an_old_request_is_recorded_as_it_always_was():
    assert _wish().as_recorded() == {"user_id": "1", "k": 10, "surface": "home"}


def test_a_record_holds_every_field_that_says_something():
    wish = _wish(surface="search", candidate_item_ids=["a"], explain=True, seen_item_ids=[])
    assert wish.as_recorded() == {
        "user_id": "1",
        "k": 1,
        "surface": "search",
        "candidate_item_ids": ["a"],
        "seen_item_ids": [],
        "explain": True,
    }


@pytest.mark.parametrize(
    ("surface", "about", "fields"),
    [
        ("home", "", {}),
        ("home", "a", {"item_id": "a"}),  # refused afterwards, with a sentence
        ("similar", "a", {"item_id": "a"}),
        ("cart", "a, b,", {"basket_item_ids": ["a", "b"]}),
        ("search", "a", {"candidate_item_ids": ["a"]}),
    ],
)
def test_ids_with_commas_become_the_field_of_the_surface(surface, about, fields):
    assert wish_about(surface, about) == fields
