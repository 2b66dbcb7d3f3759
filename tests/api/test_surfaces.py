"""Every surface over the wire: for known and unknown users, known and new items, and both."""

import json
from collections import Counter
from dataclasses import dataclass

import httpx
import numpy as np
import pytest

from serving.champion import find_champion
from training.bundle import open_bundle
from training.recommender.model import Recommender

pytestmark = pytest.mark.pipeline
STRANGER = "nobody-we-know"
UNKNOWN = "no-such-item"


@dataclass(frozen=True)
class Shelf:
    """Items of the released model: what goes with others, and what goes with nothing yet."""

    recommender: Recommender
    linked: list
    new: str

    def categories(self, item_ids):
        return self.recommender.memory.stock.categories[self.recommender.codes_of(item_ids), -1]

    def bought(self, user_id, *, weeks):
        """What the user bought in the last so many weeks of what the model remembers."""
        own = self.recommender.candidates(user_id).shopper.bought
        return set(self.recommender.item_ids[own.item[own.weeks_ago < weeks]].tolist())


@pytest.fixture(scope="session")
def shelf(source_home, server):
    recommender = open_bundle(find_champion(server.settings).bundle_dir).recommender()
    links = np.diff(recommender.memory.covisitation.starts)
    popular = np.argsort(-recommender.memory.stock.popularity, kind="stable")
    linked = popular[links[popular] > 0][:40]
    kinds = recommender.memory.stock.categories[:, -1]
    unlinked = np.flatnonzero((links == 0) & (np.bincount(kinds)[kinds] > 3))
    return Shelf(
        recommender, recommender.item_ids[linked].tolist(), str(recommender.item_ids[unlinked[0]])
    )


def ask(server, **wish):
    answer = server.predict(wish)
    assert answer.status_code == 200, answer.text
    return answer.json()["predictions"][0]


def ids(prediction):
    return [item["item_id"] for item in prediction["items"]]


def reasons(prediction):
    return {drop["item_id"]: drop["reason"] for drop in prediction["dropped"]}


def start_of(surface, shelf):
    starts = {
        "similar": {"item_id": shelf.linked[0]},
        "cart": {"basket_item_ids": shelf.linked[:3]},
        "search": {"candidate_item_ids": shelf.linked},
    }
    return starts.get(surface, {})


@pytest.mark.parametrize("surface", ["home", "discover", "similar", "cart", "search", "email"])
@pytest.mark.parametrize("is_known", [True, False])
def test_every_surface_answers_known_and_unknown_users(
    server, shelf, known_user, surface, is_known
):
    user_id = known_user if is_known else STRANGER
    found = ask(server, user_id=user_id, k=5, surface=surface, **start_of(surface, shelf))
    assert found["surface"] == surface
    assert len(set(ids(found))) == 5
    assert found["fallback"] == (None if is_known else "cold_start")


@pytest.mark.parametrize("user_id", ["", STRANGER])
def test_what_goes_with_the_item_or_is_of_its_kind_comes_first(server, shelf, known_user, user_id):
    anchor = shelf.linked[0]
    found = ask(server, user_id=user_id or known_user, surface="similar", item_id=anchor)
    assert anchor not in ids(found)
    title = shelf.recommender.title(anchor)
    own = {f"often bought with {title}", f"of the same kind as {title}"}
    is_own = [bool(own & set(item["reasons"])) for item in found["items"]]
    assert is_own[0]
    assert is_own == sorted(is_own, reverse=True)  # then what shares a wider category only


@pytest.mark.parametrize(
    ("user_id", "fallback"), [("", "new_item"), (STRANGER, "new_user_and_item")]
)
def test_an_item_that_goes_with_nothing_yet_is_compared_by_its_category(
    server, shelf, known_user, user_id, fallback
):
    found = ask(server, user_id=user_id or known_user, k=3, surface="similar", item_id=shelf.new)
    assert found["fallback"] == fallback
    assert {item["retriever"] for item in found["items"]} == {"category"}
    assert set(shelf.categories(ids(found))) == set(shelf.categories([shelf.new]))


@pytest.mark.parametrize(
    ("user_id", "fallback"), [("", "new_item"), (STRANGER, "new_user_and_item")]
)
@pytest.mark.parametrize(
    "start",
    [
        {"surface": "similar", "item_id": UNKNOWN},
        {"surface": "cart", "basket_item_ids": [UNKNOWN]},
    ],
)
def test_an_item_no_model_knows_gives_the_users_own_list_and_is_named(
    server, known_user, user_id, fallback, start
):
    found = ask(server, user_id=user_id or known_user, k=5, **start)
    assert found["fallback"] == fallback
    assert found["unknown_item_ids"] == [UNKNOWN]
    assert len(ids(found)) == 5


@pytest.mark.parametrize("user_id", ["", STRANGER])
def test_a_basket_is_completed_and_not_repeated(server, shelf, known_user, user_id):
    basket = [*shelf.linked[:3], UNKNOWN]
    found = ask(
        server, user_id=user_id or known_user, surface="cart", basket_item_ids=basket, explain=True
    )
    assert not set(basket) & set(ids(found))
    assert found["unknown_item_ids"] == [UNKNOWN]
    assert Counter(shelf.categories(ids(found))).most_common(1)[0][1] <= 2
    assert any(item["retriever"] == "basket" for item in found["items"])
    assert set(reasons(found).values()) <= {"in_basket", "category_cap"}


@pytest.mark.parametrize("user_id", ["", STRANGER])
def test_every_hit_of_a_search_comes_back_ranked_or_with_a_reason(
    server, shelf, known_user, user_id
):
    hits = [*shelf.linked, shelf.new, UNKNOWN]
    wish = {"user_id": user_id or known_user, "surface": "search", "candidate_item_ids": hits}
    found = ask(server, **wish, exclude_item_ids=hits[:1])
    assert sorted([*ids(found), *reasons(found)]) == sorted(hits)
    assert reasons(found) == {hits[0]: "excluded", UNKNOWN: "unknown_item"}
    few = ask(server, **wish, k=2)
    assert len(ids(few)) == 2
    assert sorted([*ids(few), *reasons(few)]) == sorted(hits)
    assert Counter(reasons(few).values()) == {"beyond_k": len(hits) - 3, "unknown_item": 1}


def test_a_search_of_unknown_hits_only_is_an_empty_list_with_reasons(server, known_user):
    found = ask(server, user_id=known_user, surface="search", candidate_item_ids=[UNKNOWN])
    assert found["items"] == []
    assert reasons(found) == {UNKNOWN: "unknown_item"}


def test_a_mail_holds_nothing_just_bought_and_few_of_a_kind(server, shelf, known_user):
    found = ask(server, user_id=known_user, k=10, surface="email", explain=True)
    lately = shelf.bought(known_user, weeks=2)
    assert not lately & set(ids(found))
    assert Counter(shelf.categories(ids(found))).most_common(1)[0][1] <= 2
    dropped = {item for item, reason in reasons(found).items() if reason == "already_bought"}
    assert dropped <= lately


def test_discovery_shows_nothing_bought_before_and_draws_one_place(server, shelf, known_user):
    found = ask(server, user_id=known_user, k=6, surface="discover")
    assert not shelf.bought(known_user, weeks=np.inf) & set(ids(found))
    assert [item.get("propensity") for item in found["items"]][:5] == [None] * 5
    assert 0 < found["items"][5]["propensity"] <= 1


def test_what_the_request_names_is_dropped_and_told_when_asked(server, known_user):
    first = ids(ask(server, user_id=known_user, k=4))
    wish = {
        "user_id": known_user,
        "k": 4,
        "exclude_item_ids": [first[0]],
        "unavailable_item_ids": [first[1]],
        "seen_item_ids": [first[2]],
        "impressions": [{"item_id": first[3], "count": 4, "days_ago": 1}],
    }
    told = ask(server, **wish, explain=True)
    codes = ("excluded", "out_of_stock", "already_seen", "seen_without_click")
    assert reasons(told) == dict(zip(first, codes, strict=True))
    assert not set(first) & set(ids(told))
    quiet = ask(server, **wish)
    assert "dropped" not in quiet
    assert ids(quiet) == ids(told)


@pytest.mark.parametrize(
    ("wish", "sentence"),
    [
        ({"surface": "moon"}, "surface: must be home or discover"),
        ({"surface": "similar"}, "item_id: is missing; surface similar starts from it"),
        ({"surface": "cart"}, "basket_item_ids: is missing"),
        ({"surface": "search"}, "candidate_item_ids: is missing"),
        ({"surface": "search", "candidate_item_ids": []}, "candidate_item_ids: must be a list of"),
        ({"surface": "email", "item_id": "1"}, "item_id: belongs to surface similar, not email"),
        ({"impressions": [{"item_id": "1", "count": 0}]}, "impressions[0].count: must be a whole"),
        ({"exclude_item_ids": ["1", 2]}, "exclude_item_ids[1]: must be 1 to 128 characters"),
    ],
)
def test_a_wrong_wish_for_a_surface_is_a_400_with_its_place(server, wish, sentence):
    answer = server.predict({"user_id": "1", **wish})
    assert answer.status_code == 400
    assert list(answer.json()) == ["error"]
    assert answer.json()["error"].startswith(f"instances[0].{sentence}")


def test_v2_answers_a_basket_as_v1_does(server, shelf, known_user):
    basket = {"basket_item_ids": shelf.linked[:2]}
    tensors = {"user_id": known_user, "surface": "cart", "wish": json.dumps(basket)}
    inputs = [
        {"name": name, "shape": [1], "datatype": "BYTES", "data": [value]}
        for name, value in tensors.items()
    ]
    url = f"{server.url}/v2/models/recommender/infer"
    body = httpx.post(url, json={"inputs": inputs}, timeout=30).json()
    v2 = json.loads(body["outputs"][0]["data"][0])
    v1 = ask(server, user_id=known_user, surface="cart", **basket)
    assert v2 | {"request_id": ""} == v1 | {"request_id": ""}
