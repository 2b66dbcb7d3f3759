"""A shop's search: what is read of a query holds, each change is told, relevance leads."""

import json
from dataclasses import replace

import pytest
import torch
from hostile_texts import ODD_TEXTS, STEERING
from hypothesis import given, settings
from hypothesis import strategies as st
from small_search import POPULAR, build_small, products, untaught_encoder

from governance.errors import StateError
from serving.schemas import RequestError, parse_instance
from serving.search_answer import Searcher
from serving.search_wish import FUSION_NAMES, SearchRequest
from training.encoder.checkpoint import load_encoder
from training.encoder.model import Encoder
from training.fine_tuning.config import FineTuning
from training.fine_tuning.taught import judge_taught
from training.query_help.filters import Filter
from training.shop_search.config import ShopSearchKnobs
from training.shop_search.finding import NEAREST
from training.shop_search.model import open_shop_search
from training.shop_search.personal import personal_order
from training.shop_search.translation import with_read
from training.text_search.cross_encoder import cross_lesson, teach_cross
from training.text_search.filters import Between, Filters
from training.text_search.fit_fusion import fit_fusion
from training.text_search.fusion import FUSIONS
from training.text_search.index import Hit
from training.text_search.judged import known_items
from training.text_search.learned_file import learned_folders
from training.text_search.query_encoder import QueryEncoder

BY_ID = {product.item_id: product for product in products()}
ONLY_WORDS = ShopSearchKnobs(near_from=2.0)  # the encoder is untaught: its nearness says nothing


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shop")
    encoder = untaught_encoder(folder)
    build_small(folder, encoder)
    return folder, encoder


@pytest.fixture(scope="module")
def shop(home):
    folder, encoder = home
    return replace(
        open_shop_search(folder / "bundles" / "search", encoder=encoder), knobs=ONLY_WORDS
    )


def asked(shop, recommend=lambda _: None, **wish):
    return Searcher(shop, recommend).answers([parse_instance(wish, SearchRequest, path="")])[0]


def titles(answer):
    return [item["title"] for item in answer["items"]]


def test_misspelt_words_are_mended_and_conditions_hold(shop):
    answer = asked(shop, query="kyboard under $10")
    assert answer["corrected_query"] == "keyboard under $10"
    assert [(f["field"], f["op"], f["value"]) for f in answer["read_filters"]] == [
        ("price", "<", 10.0)
    ]
    assert len(answer["items"]) == 5
    assert all("keyboard" in title for title in titles(answer))
    assert answer["rescue"] == []
    assert answer["items"][0]["parts"]["words"] == ["keyboard"]


def test_an_item_says_by_which_list_and_words_it_was_found(shop):
    answer = asked(shop, query="wireless charger", k=40, explain=True)
    best, worst = (answer["items"][place]["parts"] for place in (0, -1))
    assert best["lexical_rank"] <= 15
    assert (best["words"], best["missing_words"]) == (["wireless", "charger"], [])
    assert (worst["words"], worst["missing_words"]) == (["wireless"], ["charger"])
    assert answer["index_version"] == answer["model_version"]


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("purple backpack", "purple was left out"),
        ("printer under 10", "under 10 was not asked for"),
        ("xyzzy", "popular in the shop"),
    ],
)
def test_a_query_that_finds_nothing_is_rescued_and_says_how(shop, query, told):
    answer = asked(shop, query=query)
    assert answer["items"]
    assert told in [step["told"] for step in answer["rescue"]]


def test_where_nothing_has_sold_yet_what_is_nearest_in_meaning_is_shown_and_said(shop):
    answer = asked(replace(shop, popular={}), query="xyzzy", k=4)
    assert len(answer["items"]) == 4
    assert "nearest in meaning" in answer["rescue"][-1]["told"]


def test_where_nothing_that_sells_may_be_shown_what_is_nearest_and_allowed_is(shop):
    answer = asked(shop, query="xyzzy", filters={"category": ["Backpacks"]})
    assert all("backpack" in title for title in titles(answer))
    assert [step["rung"] for step in answer["rescue"]] == ["popular"]
    assert answer["rescue"][0]["told"] == NEAREST.told


def test_what_sells_in_a_ticked_category_is_shown_before_what_is_nearest(shop):
    answer = asked(shop, query="xyzzy", filters={"category": ["Printers"]})
    assert [item["item_id"] for item in answer["items"]] == POPULAR["Printers"]


def test_one_shoppers_order_is_made_of_the_scores_that_everybody_has(shop):
    """Asking for 200 to order them again must not change what they score."""
    few, many = (shop.find("wireless monitor", count=count) for count in (5, 75))
    assert many.hits[:5] == few.hits


def test_what_was_read_twice_is_told_once(shop):
    answer = asked(shop, query="kyboard for canon")
    assert [one["value"] for one in answer["preferences"]] == ["Canon"]


def test_a_fact_that_few_of_the_products_tell_stays_a_word(home, tmp_path):
    """One monitor tells its colour: red as a filter would hide all others."""
    _, encoder = home
    items = [
        replace(p, title=p.title.replace("red", "r").replace("black", "b").replace("white", "w"))
        if "monitor" in p.title and p.item_id != "i47" else p
        for p in products()
    ]  # fmt: skip
    build_small(tmp_path, encoder, items)
    opened = open_shop_search(tmp_path / "bundles/search", encoder=encoder)
    for kind, fields in (("monitor", []), ("printer", ["colour"])):
        answer = asked(replace(opened, knobs=ONLY_WORDS), query=f"red {kind}", k=15)
        assert [one["field"] for one in answer["read_filters"]] == fields
        assert answer["items"]


def test_what_the_request_filters_by_is_never_given_up(shop):
    given = {"brand": ["Acme"], "price": {"high": 30}}
    for query in ("xyzzy", "sony printer over 70", "backpack", "printer"):
        answer = asked(shop, query=query, filters=given)
        assert answer["items"]
        for item in answer["items"]:
            product = BY_ID[item["item_id"]]
            assert (product.brand, product.price <= 30) == ("Acme", True)


def test_a_filter_by_a_fact_that_nothing_tells_is_refused_with_its_place(shop):
    with pytest.raises(
        RequestError, match=r"instances\[0\].filters: no product tells its attribute"
    ):
        asked(shop, query="printer", filters={"attributes": {"taste": "sweet"}})


@pytest.mark.parametrize(
    ("wish", "place"),
    [
        ({}, "query: is missing; send query, or prefix for completions"),
        ({"query": "x" * 513}, "query: must be at most 512 characters"),
        ({"query": "x", "k": 0}, "k: must be a whole number from 1 to 100"),
        ({"query": "x", "fusion": "magic"}, "fusion: must be lexical or dense"),
        ({"query": "x", "prefix": "y"}, "query: belongs to a query, not to a prefix"),
        ({"query": "x", "filters": {"colour": "red"}}, "filters.colour: unknown field; the fields"),
        ({"query": "x", "filters": {"brand": "HP"}}, "filters.brand: must be a list of 1 to 50"),
        ({"query": "x", "filters": {"brand": [7]}}, "filters.brand[0]: must be a text of 1 to"),
        ({"query": "x", "filters": {"price": {"low": "5"}}}, "filters.price.low: must be a number"),
        ({"query": "x", "filters": {"price": {"max": 5}}}, "filters.price.max: unknown field; the"),
        ({"query": "x", "filters": {"price": {"low": 5, "high": 1}}}, "filters.price: must have"),
        ({"query": "x", "filters": {"attributes": {"size": []}}}, "filters.attributes: size must"),
    ],
)
def test_a_wrong_request_is_told_its_first_wrong_place(wish, place):
    with pytest.raises(RequestError) as refused:
        parse_instance(wish, SearchRequest, path="")
    assert str(refused.value).startswith(place)


def test_every_fusion_of_the_index_may_be_named(shop):
    """The learned one of an index that has a fitted ranker."""
    assert FUSION_NAMES == FUSIONS
    judged = known_items(shop.index.catalogue, 40)
    fitted = replace(shop, index=fit_fusion(shop.index, judged, progress=lambda _: None))
    for name in FUSION_NAMES:
        assert len(asked(fitted, query="wireless keyboard", k=3, fusion=name)["items"]) == 3


@pytest.mark.parametrize("query", ["wireless keyboard", ""])
def test_the_learned_fusion_of_an_index_that_learned_nothing_is_refused(shop, query):
    with pytest.raises(RequestError) as refused:
        asked(shop, query=query, fusion="learned")
    assert str(refused.value) == (
        "instances[0].fusion: the fusion learned was not fitted; this index can be asked for "
        "lexical, dense, rule, convex, reciprocal_rank; counterfoil train search --learn fits it"
    )


def test_a_version_with_a_cross_encoder_reads_the_best_again_and_says_so(home, tmp_path):
    folder, name = home
    plain, encoder = open_shop_search(folder / "bundles/search", encoder=name), load_encoder(name)
    lesson = cross_lesson(plain.index, known_items(plain.index.catalogue, 20))
    tuned = teach_cross(encoder, lesson, FineTuning(epochs=1, length=16))
    folders = learned_folders(tmp_path / "state", None, judge_taught(tuned, lesson))
    build_small(tmp_path, name, folders=folders)
    shop = open_shop_search(tmp_path / "bundles/search", encoder=name)
    taught = replace(plain, index=replace(plain.index, cross=tuned.model))
    for query in ("wireless charger", "red monitor"):
        items, again, without = (asked(one, query=query)["items"] for one in (shop, taught, plain))
        assert items == again
        assert all(0 <= item["parts"]["cross_score"] <= 1 for item in items)
        assert not any("cross_score" in item["parts"] for item in without)
    assert (
        "cross_score" not in asked(shop, query="red monitor", fusion="dense")["items"][0]["parts"]
    )


def test_a_prefix_is_completed(shop):
    answer = asked(shop, prefix="wirel", k=3)
    assert answer["completions"][0]["text"] == "wireless"
    assert len(answer["completions"]) == 3


@pytest.mark.parametrize("text", ODD_TEXTS.values(), ids=ODD_TEXTS.keys())
def test_odd_texts_are_searched_and_completed(shop, text):
    found = shop.find(text)
    assert len(found.hits) <= 10
    assert len(shop.help.complete(text)) <= 10
    json.dumps([hit.title for hit in found.hits])


@pytest.mark.parametrize("steering", STEERING)
def test_steering_in_a_title_does_not_lift_it(home, tmp_path, steering):
    """By at most 3 of 15 places: its words make it longer, and none of them is asked for."""
    folder, encoder = home
    items = [replace(p, title=p.title + steering) if p.item_id == "i09" else p for p in products()]
    build_small(tmp_path, encoder, items)
    places = []
    for where in (folder, tmp_path):
        opened = open_shop_search(where / "bundles" / "search", encoder=encoder)
        answer = asked(opened, query="wireless keyboard", k=75)
        places.append([item["item_id"] for item in answer["items"]].index("i09"))
    assert places[1] >= places[0] - 3


def test_help_and_index_are_one_version_and_the_same_source_gives_it_again(home, tmp_path):
    folder, encoder = home
    build_small(tmp_path, encoder)
    one, again = (json.loads((f / "bundles/search/current.json").read_text())
                  for f in (folder, tmp_path))  # fmt: skip
    assert one == again
    version = tmp_path / "bundles/search" / again["version"]
    card = json.loads((version / "search_index.json").read_text())
    assert {"query_help.json", "popular.json"} <= card["files"].keys()
    assert card["help"]["told"].startswith("no sessions")
    help_file = version / "query_help.json"
    help_file.write_text(help_file.read_text().replace("keyboard", "keybored"))
    with pytest.raises(Exception, match="cannot be trusted"):
        open_shop_search(tmp_path / "bundles/search", encoder=encoder)


def test_an_encoder_that_cannot_be_exported_reads_queries_itself(home, monkeypatch, caplog):
    folder, encoder = home

    def refuse(*_args, **_knobs):
        raise RuntimeError("no such operator")

    quick = open_shop_search(folder / "bundles" / "search", encoder=encoder)
    monkeypatch.setattr(torch.onnx, "export", refuse)
    plain = open_shop_search(folder / "bundles" / "search", encoder=encoder)
    assert isinstance(quick.index.encoder, QueryEncoder)
    assert isinstance(plain.index.encoder, Encoder)
    assert "queries are read by torch" in caplog.text
    found = [[hit.item_id for hit in shop.find("red monitor").hits] for shop in (quick, plain)]
    assert found[0] == found[1]


def test_without_an_index_it_is_said_what_to_run(tmp_path):
    with pytest.raises(StateError, match="counterfoil train search"):
        open_shop_search(tmp_path)


def said(scores, **more):
    return {
        "items": [{"item_id": item_id, "score": score} for item_id, score in scores.items()],
        "dropped": [], "fallback": None, "is_degraded": False, "request_id": "r1", **more,
    }  # fmt: skip


def test_a_shopper_has_an_order_of_their_own_and_the_decision_is_named(shop):
    plain = asked(shop, query="backpack", k=15)
    last = plain["items"][-1]["item_id"]
    others = {item["item_id"]: 0.1 for item in plain["items"]}
    answer = asked(shop, lambda _: said({**others, last: 0.9}), query="backpack", k=15, user_id="7")
    place = [item["item_id"] for item in answer["items"]].index(last)
    assert place < 14
    assert answer["recommender_request_id"] == "r1"
    assert {item["item_id"] for item in answer["items"]} == set(others)
    for item in answer["items"]:
        parts = item["parts"]
        assert item["score"] == pytest.approx(
            0.8 * parts["relevance"] + 0.2 * parts["personal"], abs=1e-5
        )


def test_a_stranger_gets_the_order_of_relevance_and_the_fallback(shop):
    plain = asked(shop, query="backpack")
    answer = asked(
        shop, lambda _: said({"i60": 9.0}, fallback="cold_start"), query="backpack", user_id="new"
    )
    assert titles(answer) == titles(plain)
    assert answer["fallback"] == "cold_start"


def test_what_the_rules_drop_is_not_shown_and_what_was_never_sold_is(shop):
    first, second = (item["item_id"] for item in asked(shop, query="backpack")["items"][:2])
    dropped = [{"item_id": first, "reason": "unavailable"},
               {"item_id": second, "reason": "unknown_item"}]  # fmt: skip
    answer = asked(
        shop, lambda _: said({}, dropped=dropped), query="backpack", user_id="7", explain=True
    )
    shown = [item["item_id"] for item in answer["items"]]
    assert first not in shown
    assert shown[0] == second
    assert answer["dropped"] == dropped[:1]


def test_without_the_recommender_the_answer_comes_and_says_it_is_degraded(shop):
    answer = asked(shop, query="backpack", user_id="7")
    assert answer["is_degraded"] is True
    assert titles(answer) == titles(asked(shop, query="backpack"))


def test_a_recommender_that_did_not_answer_is_not_asked_again_in_the_batch(shop):
    asked_for = []
    searcher = Searcher(shop, lambda wish: asked_for.append(wish.user_id))
    wishes = [{"query": "red monitor", "user_id": str(user)} for user in range(3)]
    answers = searcher.answers([parse_instance(wish, SearchRequest, path="") for wish in wishes])
    assert [one["is_degraded"] for one in answers] == [True] * 3
    assert asked_for == ["0"]


def test_the_intent_of_the_text_stands_in_the_answer_where_it_is_known(shop):
    told = {"intent": "buy", "probabilities": {"buy": 1.0}}
    wish = SearchRequest(query="backpack")
    assert Searcher(shop, intent=lambda _: told).answers([wish])[0]["intent"] == told
    assert "intent" not in Searcher(shop).answers([wish])[0]


def test_the_recommender_is_told_what_the_query_is_for(shop):
    asked_for = []
    told = {"intent": "compare", "probabilities": {}, "model_version": "v"}
    wish = parse_instance({"query": "keyboard", "user_id": "7"}, SearchRequest, path="")
    for intent in (told, None):
        Searcher(shop, asked_for.append, intent=lambda _, told=intent: told).answers([wish])
    assert [one.query_intent for one in asked_for] == ["compare", None]


def test_a_read_price_lies_within_the_given_one_and_strict_means_strict():
    filters = with_read(
        Filters(price=Between(5, 40), brands=("HP",)),
        [Filter("price", "<", 30.0), Filter("brand", "=", "Sony"), Filter("weight", "=", 2.0)],
    )
    assert filters.price.low == 5
    assert 29.99 < filters.price.high < 30
    assert filters.brands == ("HP",)
    assert filters.attributes["weight"].low < 2 < filters.attributes["weight"].high


SCORES = st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=20)


@settings(max_examples=60, deadline=None)
@given(SCORES, st.floats(0, 1), st.integers(0, 2**20))
def test_a_shoppers_order_loses_nothing_and_scores_lie_from_0_to_1(scores, weight, known):
    ranked = sorted(scores, reverse=True)
    hits = [Hit(str(n), "", n + 1, score, 0.0, None, 0.0, None) for n, score in enumerate(ranked)]
    told = {str(n): float((n * 7) % 5) for n in range(len(hits)) if known >> n & 1}
    found = personal_order(hits, told, weight)
    assert sorted(hit.item_id for hit, _, _ in found) == sorted(hit.item_id for hit in hits)
    if told:
        assert all(-1e-9 <= score <= 1 + 1e-9 for _, score, _ in found)
    else:
        assert [hit for hit, _, _ in found] == hits
