"""The recommender over REST, V1 and V2, on a real bundle and a real online store."""

import json
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

pytestmark = pytest.mark.pipeline
JSON = {"Content-Type": "application/json"}
STRANGER = "nobody-we-know"


def _v2(server, inputs):
    url = f"{server.url}/v2/models/recommender/infer"
    return httpx.post(url, json={"inputs": inputs}, timeout=30)


def _user_tensor(*user_ids, **changes):
    tensor = {"name": "user_id", "shape": [len(user_ids)], "datatype": "BYTES"}
    return tensor | {"data": list(user_ids)} | changes


def _without_id(prediction):
    return {k: v for k, v in prediction.items() if k != "request_id"}


def test_the_printed_command_is_answered(server):
    body = server.curl_body()
    answer = httpx.post(server.predict_url, json=body, timeout=30)
    (prediction,) = answer.json()["predictions"]
    assert answer.status_code == 200
    assert len(prediction["items"]) == 10
    assert prediction["fallback"] is None
    assert prediction["is_degraded"] is False
    assert prediction["feature_service"] == "recommender_v3"


def test_items_are_distinct_best_first_titled_and_reasoned(server, known_user):
    answer = server.predict({"user_id": known_user, "k": 20})
    items = answer.json()["predictions"][0]["items"]
    scores = [item["score"] for item in items]
    assert len({item["item_id"] for item in items}) == 20
    assert scores == sorted(scores, reverse=True)
    assert all(item["title"] and item["retriever"] for item in items)
    assert all(len(item["reasons"]) <= 3 for item in items)
    assert items[0]["reasons"]


def test_a_hundred_items_are_a_hundred_items(server, known_user):
    for user_id in (known_user, STRANGER):
        answer = server.predict({"user_id": user_id, "k": 100})
        assert len(answer.json()["predictions"][0]["items"]) == 100


def test_an_unknown_user_gets_popular_items_not_an_error(server):
    answer = server.predict({"user_id": STRANGER, "k": 5})
    (prediction,) = answer.json()["predictions"]
    assert answer.status_code == 200
    assert prediction["fallback"] == "cold_start"
    assert len(prediction["items"]) == 5


def test_a_batch_equals_single_requests(server, known_user):
    wishes = [{"user_id": known_user, "k": 3}, {"user_id": STRANGER}, {"user_id": known_user}]
    batch = server.predict(*wishes).json()["predictions"]
    single = [server.predict(wish).json()["predictions"][0] for wish in wishes]
    assert list(map(_without_id, batch)) == list(map(_without_id, single))
    assert len({prediction["request_id"] for prediction in batch + single}) == 6


def test_v2_gives_what_v1_gives(server, known_user):
    tensors = [
        _user_tensor(known_user, STRANGER),
        {"name": "k", "shape": [2], "datatype": "INT64", "data": [4, 2]},
        {"name": "surface", "shape": [2], "datatype": "BYTES", "data": ["home", "home"]},
    ]
    output = _v2(server, tensors).json()["outputs"][0]
    v1 = server.predict({"user_id": known_user, "k": 4}, {"user_id": STRANGER, "k": 2}).json()
    assert (output["name"], output["datatype"], output["shape"]) == ("answer", "BYTES", [2])
    answers = [_without_id(json.loads(text)) for text in output["data"]]
    assert answers == [_without_id(prediction) for prediction in v1["predictions"]]


def test_metadata_tells_the_tensors(server):
    metadata = httpx.get(f"{server.url}/v2/models/recommender").json()
    declared = {tensor["name"]: tensor["datatype"] for tensor in metadata["inputs"]}
    optional = {"k": "INT64", "surface": "BYTES", "wish": "BYTES"}
    assert declared == {"user_id": "BYTES"} | optional
    assert [tensor["name"] for tensor in metadata["outputs"]] == ["answer"]


@pytest.mark.parametrize(
    ("inputs", "sentence"),
    [
        ([_user_tensor("1", name="usr")], "inputs[0].name: must be one of user_id, k, surface"),
        ([_user_tensor(datatype="FP32", data=[1.0], shape=[1])], "inputs[0].datatype: must be"),
        ([_user_tensor("1", shape=[2])], "inputs[0].shape: says 2 values, data has 1"),
        ([_user_tensor("")], "inputs.user_id[0]: must be 1 to 128 characters"),
        ([{"name": "user_id"}], "inputs[0].shape: field required"),
        ([], "inputs: tensor user_id is missing"),
    ],
)
def test_a_wrong_tensor_is_a_400_with_its_place(server, inputs, sentence):
    answer = _v2(server, inputs)
    assert answer.status_code == 400
    assert answer.json()["error"].startswith(sentence)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b'{"user_id": "1"}', "instances: is missing"),
        (b'{"instances": {}}', "instances: must be a list of 1 to 64"),
        (b'{"instances": []}', "instances: must be a list of 1 to 64"),
        (b"[]", "body: must be a JSON object"),
        (b"null", "body: must be a JSON object"),
        (b"{", "body: is not JSON"),
        (b"", "body: is not JSON"),
        (b"[" * 100_000, "body: is not JSON"),
        (b'{"instances": [{"user_id": "\\ud800"}]}', "body: is not JSON"),
        (b'{"instances": [{"user_id": ""}]}', "instances[0].user_id: must be 1 to 128 characters"),
        (b'{"instances": [{"user_id": "1", "k": 0}]}', "instances[0].k: must be a whole number"),
        (b'{"instances": [{"user_id": "1", "k": 1e99}]}', "instances[0].k: must be a whole number"),
        (
            b'{"instances": [{"user_id": "1", "surface": "search"}]}',
            "instances[0].candidate_item_ids: is missing; surface search starts from it",
        ),
        (b'{"instances": [{"user_id": "1", "x": 1}]}', "instances[0].x: unknown field"),
    ],
)
def test_a_wrong_body_is_a_400_with_its_place(server, body, sentence):
    answer = httpx.post(server.predict_url, content=body, headers=JSON)
    assert answer.status_code == 400
    assert list(answer.json()) == ["error"]
    assert answer.json()["error"].startswith(sentence)


def test_a_body_over_one_mebibyte_is_a_413(server):
    answer = httpx.post(server.predict_url, content=b" " * ((1 << 20) + 1), headers=JSON)
    assert (answer.status_code, list(answer.json())) == (413, ["error"])


def test_another_content_type_is_a_415(server):
    answer = httpx.post(server.predict_url, data={"user_id": "1"})
    assert answer.status_code == 415
    assert answer.json() == {"error": "content-type: must be application/json"}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/v1/models/nothing:predict", 404),
        ("GET", "/v1/models/nothing", 404),
        ("GET", "/v9/models", 404),
        ("PUT", "/v1/models/recommender:predict", 405),
        ("POST", "/v2/repository/models/recommender/unload", 403),
        ("POST", "/v2/repository/models/recommender/load", 403),
    ],
)
def test_every_other_refusal_has_the_same_shape(server, method, path, status):
    body = b'{"instances": [{"user_id": "1"}]}'
    answer = httpx.request(method, server.url + path, content=body, headers=JSON)
    assert (answer.status_code, list(answer.json())) == (status, ["error"])
    assert httpx.get(f"{server.url}/v2/health/ready").status_code == 200


def test_requests_side_by_side_get_answers_and_decisions_of_their_own(server, known_user):
    users = [known_user, STRANGER] * 10
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda user: server.predict({"user_id": user}).json(), users))
    predictions = [answer["predictions"][0] for answer in answers]
    assert [prediction["user_id"] for prediction in predictions] == users
    ids = {prediction["request_id"] for prediction in predictions}
    assert len(ids) == len(users)
    assert all(server.explain(request_id).status_code == 200 for request_id in ids)


def test_no_refusal_left_a_stack_trace_in_the_log(server):
    httpx.post(server.predict_url, content=b"{", headers=JSON)
    assert "Traceback" not in server.log()
