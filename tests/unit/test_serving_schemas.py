"""Every limit of a request is refused with the place and the rule; nothing else is."""

import pytest

from serving.intent_wish import IntentRequest
from serving.schemas import MAX_INSTANCES, RequestError, parse_columns, parse_instances
from serving.wish import ExplainRequest, RecommendRequest

SURFACES = "home or discover or similar or cart or search or email"
FIELDS = ", ".join(RecommendRequest.model_fields)


def _refusal(payload):
    with pytest.raises(RequestError) as caught:
        parse_instances(payload, RecommendRequest)
    return str(caught.value)


def test_defaults_are_ten_items_on_home():
    (wish,) = parse_instances({"instances": [{"user_id": "181"}]}, RecommendRequest)
    assert (wish.user_id, wish.k, wish.surface) == ("181", 10, "home")


@pytest.mark.parametrize(
    ("instance", "sentence"),
    [
        ({"user_id": ""}, "instances[0].user_id: must be 1 to 128 characters"),
        ({"user_id": "x" * 129}, "instances[0].user_id: must be 1 to 128 characters"),
        ({"user_id": 181}, "instances[0].user_id: must be 1 to 128 characters"),
        ({"user_id": None}, "instances[0].user_id: must be 1 to 128 characters"),
        ({"user_id": "a\0b"}, "instances[0].user_id: must hold printable characters only"),
        ({}, "instances[0].user_id: is missing; it must be 1 to 128 characters"),
        ({"user_id": "1", "k": 0}, "instances[0].k: must be a whole number from 1 to 100"),
        ({"user_id": "1", "k": 101}, "instances[0].k: must be a whole number from 1 to 100"),
        ({"user_id": "1", "k": "5"}, "instances[0].k: must be a whole number from 1 to 100"),
        ({"user_id": "1", "k": True}, "instances[0].k: must be a whole number from 1 to 100"),
        ({"user_id": "1", "k": 2.5}, "instances[0].k: must be a whole number from 1 to 100"),
        ({"user_id": "1", "surface": "moon"}, f"instances[0].surface: must be {SURFACES}"),
        (
            {"user_id": "1", "colour": "red"},
            f"instances[0].colour: unknown field; the fields are {FIELDS}",
        ),
        ("181", f"instances[0]: must be an object with {FIELDS}"),
    ],
)
def test_a_wrong_field_is_refused_with_its_path(instance, sentence):
    assert _refusal({"instances": [instance]}) == sentence


def test_the_path_names_the_first_wrong_instance():
    instances = [{"user_id": "1"}, {"user_id": "2"}, {"user_id": "3"}, {"user_id": ""}]
    assert _refusal({"instances": instances}).startswith("instances[3].user_id: ")


@pytest.mark.parametrize("count", [0, MAX_INSTANCES + 1])
def test_the_number_of_instances_has_limits(count):
    payload = {"instances": [{"user_id": "1"}] * count}
    assert _refusal(payload) == "instances: must be a list of 1 to 64"


@pytest.mark.parametrize("payload", [None, 3, "x", [], b"raw"])
def test_a_body_that_is_no_object_is_refused(payload):
    assert _refusal(payload).startswith("body: must be a JSON object")


def test_a_body_without_instances_is_refused():
    assert _refusal({"inputs": []}).startswith("instances: is missing")


def test_an_unknown_field_beside_instances_is_refused():
    payload = {"instances": [{"user_id": "1"}], "debug": True}
    assert _refusal(payload) == "debug: unknown field; the body has instances only"


def test_a_long_unknown_field_name_is_not_echoed_whole():
    assert len(_refusal({"instances": [{"user_id": "1", "z" * 9000: 1}]})) < 300


def test_columns_are_refused_with_tensor_and_row():
    with pytest.raises(RequestError, match=r"^inputs\.k\[1\]: must be a whole number"):
        parse_columns(
            {"user_id": ["1", "2"], "k": [10, 0]}, [{}, {}], RecommendRequest, more="wish"
        )


@pytest.mark.parametrize("request_id", ["", "xyz", "A" * 32, "0" * 31, "0" * 32 + "\n"])
def test_a_request_id_must_be_hexadecimal(request_id):
    with pytest.raises(RequestError, match="32 lower-case hexadecimal digits"):
        parse_instances({"instances": [{"request_id": request_id}]}, ExplainRequest)


@pytest.mark.parametrize(
    ("instance", "sentence"),
    [
        ({}, "query: is missing; send query, acts or both"),
        ({"query": "x" * 513}, "query: must be at most 512 characters"),
        ({"query": 7}, "query: must be at most 512 characters"),
        ({"acts": []}, "acts: must be an object with browse, click, cart, purchase, review"),
        ({"acts": {"cart": -1}}, "acts.cart: must be a whole number from 0 to 1000000"),
        ({"acts": {"cart": True}}, "acts.cart: must be a whole number from 0 to 1000000"),
        ({"acts": {"jump": 1}}, "acts.jump: unknown field; the fields are browse, click, cart"),
        ({"acts_in_order": ["jump"]}, "acts_in_order[0]: must be browse or click or cart"),
        ({"acts_in_order": []}, "query: is missing"),
        ({"acts": {}, "acts_in_order": ["cart"]}, "acts: are given twice"),
        ({"query": "a", "user": "1"}, "user: unknown field; the fields are query, acts"),
    ],
)
def test_a_wrong_session_is_refused_with_its_place(instance, sentence):
    payload = {"instances": [{"query": "shoes"}, {"acts": {}}, {"query": "a"}, instance]}
    with pytest.raises(RequestError) as caught:
        parse_instances(payload, IntentRequest)
    assert str(caught.value).startswith(f"instances[3].{sentence}")
