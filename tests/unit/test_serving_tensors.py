"""Tensors are checked by name, type and shape, which KServe leaves to the model."""

import struct

import pytest

from serving.framework import InferInput, InferRequest
from serving.intent_wish import IntentRequest
from serving.schemas import RequestError
from serving.tensors import INTENT, RECOMMENDER, requests_from_tensors, response_from_answers
from serving.wish import RecommendRequest


def _tensor(name="user_id", shape=(1,), datatype="BYTES", data=("7",)):
    return InferInput(name=name, shape=list(shape), datatype=datatype, data=list(data))


def _request(*inputs, raw=None):
    return InferRequest(model_name="recommender", infer_inputs=list(inputs), raw_inputs=raw)


def _wishes(request):
    return requests_from_tensors(request, RECOMMENDER, RecommendRequest)


def _sessions(request):
    return requests_from_tensors(request, INTENT, IntentRequest)


def test_user_alone_is_enough():
    (wish,) = _wishes(_request(_tensor()))
    assert (wish.user_id, wish.k, wish.surface) == ("7", 10, "home")


def test_rows_keep_their_order():
    wishes = _wishes(
        _request(
            _tensor(shape=(2,), data=(b"7", b"8")),
            _tensor("k", (2,), "INT64", (3, 4)),
            _tensor("surface", (2,), "BYTES", ("home", "home")),
        )
    )
    assert [(wish.user_id, wish.k) for wish in wishes] == [("7", 3), ("8", 4)]


def test_raw_bytes_are_read_like_fields():
    request = _request(
        _tensor(data=()),
        _tensor("k", (1,), "INT64", ()),
        raw=[struct.pack("<I", 1) + b"7", struct.pack("<q", 5)],
    )
    (wish,) = _wishes(request)
    assert (wish.user_id, wish.k) == ("7", 5)


@pytest.mark.parametrize(
    ("inputs", "sentence"),
    [
        ([], "inputs: tensor user_id is missing"),
        ([_tensor("usr")], "inputs[0].name: must be one of user_id, k, surface"),
        ([_tensor(), _tensor()], "inputs[1].name: user_id is given twice"),
        ([_tensor(datatype="FP32", data=(7.0,))], "inputs[0].datatype: must be BYTES for user_id"),
        ([_tensor(shape=(1, 1))], "inputs[0].shape: must be [n]"),
        ([_tensor(shape=(2,))], "inputs[0].shape: says 2 values, data has 1"),
        ([_tensor(data=(b"\xff",))], "inputs[0].data: cannot be read as UTF-8 text"),
        (
            [_tensor(), _tensor("k", (2,), "INT64", (1, 2))],
            "inputs.k: must have 1 values, as many as user_id",
        ),
        (
            [_tensor(), _tensor("k", (1,), "INT64", (1.5,))],
            "inputs.k[0]: must be a whole number from 1 to 100",
        ),
        (
            [_tensor(shape=(65,), data=("7",) * 65)],
            "inputs.user_id: must have 1 to 64 values",
        ),
    ],
)
def test_a_wrong_tensor_is_refused_with_its_place(inputs, sentence):
    with pytest.raises(RequestError) as caught:
        _wishes(_request(*inputs))
    assert str(caught.value).startswith(sentence)


def test_a_row_may_hold_the_further_fields_of_its_surface():
    more = ('{"basket_item_ids": ["a", "b"]}', "")
    wishes = _wishes(
        _request(
            _tensor(shape=(2,), data=("7", "8")),
            _tensor("surface", (2,), "BYTES", ("cart", "home")),
            _tensor("wish", (2,), "BYTES", more),
        )
    )
    assert [wish.about for wish in wishes] == [["a", "b"], []]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "inputs.wish[0]: must be a JSON object"),
        ("[]", "inputs.wish[0]: must be a JSON object"),
        ("[" * 100_000, "inputs.wish[0]: must be a JSON object"),
        ('{"item_id": "\\ud800"}', "inputs.wish[0]: must be a JSON object"),
        ('{"k": 1' + "0" * 400 + "}", "inputs.wish[0]"),
        ('{"user_id": "8"}', "inputs.wish[0].user_id: is given as a tensor already"),
        ('{"item_id": "a"}', "inputs.wish[0].item_id: belongs to surface similar, not home"),
        ('{"seen_item_ids": [""]}', "inputs.wish[0].seen_item_ids[0]: must be 1 to 128"),
    ],
)
def test_a_wrong_further_field_is_refused_with_its_place(text, sentence):
    with pytest.raises(RequestError) as caught:
        _wishes(_request(_tensor(), _tensor("wish", (1,), "BYTES", (text,))))
    assert str(caught.value).startswith(sentence)


@pytest.mark.parametrize("raw", [b"\xff\xff", struct.pack("<I", 99) + b"7", b""])
def test_torn_raw_bytes_are_refused(raw):
    with pytest.raises(RequestError, match=r"^inputs\[0\]"):
        _wishes(_request(_tensor(data=()), raw=[raw]))


def test_answers_come_back_as_one_json_each_under_the_id_of_the_request():
    request = _request(_tensor())
    request.id = "mine"
    answers = [{"model_version": "v1", "items": []}, {"model_version": "v1", "items": [1]}]
    body, _ = response_from_answers(answers, request=request, response_id="other").to_rest()
    assert body["id"] == "mine"
    assert body["outputs"][0]["shape"] == [2]
    assert body["outputs"][0]["data"][0] == '{"items":[],"model_version":"v1"}'


def test_a_session_is_a_query_or_its_acts_or_both():
    acts = '{"acts": {"click": 3}}'
    both = _request(_tensor("query", data=("red shoes",)), _tensor("session", data=(acts,)))
    (asked,) = _sessions(both)
    assert (asked.query, asked.acts.click) == ("red shoes", 3)
    (asked,) = _sessions(_request(_tensor("session", data=(acts,))))
    assert (asked.query, asked.acts.click) == (None, 3)


@pytest.mark.parametrize(
    ("inputs", "sentence"),
    [
        ([], "inputs: tensor query or session is missing"),
        ([_tensor("query", data=("x" * 513,))], "inputs.query[0]: must be at most 512 characters"),
        ([_tensor("session", data=("",))], "inputs.query[0]: is missing; send query, acts or both"),
        (
            [_tensor("session", data=('{"acts": {"cart": -1}}',))],
            "inputs.session[0].acts.cart: must be a whole number from 0 to 1000000",
        ),
    ],
)
def test_a_wrong_session_is_refused_with_its_place(inputs, sentence):
    with pytest.raises(RequestError) as caught:
        _sessions(_request(*inputs))
    assert str(caught.value).startswith(sentence)
