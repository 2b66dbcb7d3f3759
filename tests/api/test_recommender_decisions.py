"""Every answer leaves a decision that can be explained, without giving secrets away."""

import json
import subprocess
import sys

import httpx
import pytest

from governance.receipts import explain_text, load_decision
from governance.settings import PROJECT_ROOT

pytestmark = pytest.mark.pipeline
SECRETS = {"Authorization": "Bearer s3cret", "Cookie": "session=s3cret", "X-Api-Key": "s3cret"}


@pytest.mark.parametrize("user_id", ["", "nobody-we-know"])
def test_the_decision_behind_an_answer_can_be_explained(server, known_user, user_id):
    (prediction,) = server.predict({"user_id": user_id or known_user, "k": 3}).json()["predictions"]
    (explanation,) = server.explain(prediction["request_id"]).json()["explanations"]
    assert explanation["answer"] == prediction
    assert explanation["fallback"] == prediction["fallback"]
    candidates = {candidate["item_id"] for candidate in explanation["candidates"]}
    assert {item["item_id"] for item in prediction["items"]} <= candidates
    assert set(explanation["features"]["item_values"]) == candidates
    assert prediction["items"][0]["title"] in explanation["text"]


def test_features_were_read_for_a_known_user_and_its_items(server, known_user):
    (prediction,) = server.predict({"user_id": known_user}).json()["predictions"]
    (explanation,) = server.explain(prediction["request_id"]).json()["explanations"]
    features = explanation["features"]
    user = dict(zip(features["user_columns"], features["user_values"], strict=True))
    assert user["user__order_count"] > 0
    best = features["item_values"][prediction["items"][0]["item_id"]]
    assert any(value is not None for value in best)


def test_the_command_line_explains_what_the_server_answered(server, known_user):
    (prediction,) = server.predict({"user_id": known_user}).json()["predictions"]
    text = explain_text(load_decision(server.settings, prediction["request_id"]))
    assert f"user {known_user} on home" in text
    assert prediction["model_version"] in text


def test_explain_sends_no_request_header_back(server, known_user):
    (prediction,) = server.predict({"user_id": known_user}).json()["predictions"]
    answer = server.explain(prediction["request_id"], headers=SECRETS)
    assert answer.status_code == 200
    assert "s3cret" not in str(answer.headers) + answer.text
    assert not {name.lower() for name in SECRETS} & set(answer.headers)


def test_an_unknown_request_id_is_a_404(server):
    answer = server.explain("0" * 32)
    assert answer.status_code == 404
    assert answer.json() == {"error": "instances[0].request_id: no decision has this request id"}


@pytest.mark.parametrize("request_id", ["", "zz", 7])
def test_a_wrong_request_id_is_a_400(server, request_id):
    assert server.explain(request_id).status_code == 400


def test_predict_once_equals_the_rest_answer(server, known_user):
    wish = {"user_id": known_user, "k": 7, "surface": "home"}
    code = (
        "import json, sys; from governance.settings import get_settings;"
        "from serving.answer import predict_once;"
        "json.dump(predict_once(get_settings(), json.loads(sys.argv[1])), sys.stdout)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, json.dumps(wish)],
        cwd=PROJECT_ROOT,
        env=server.environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    alone = json.loads(done.stdout)
    (served,) = httpx.post(server.predict_url, json={"instances": [wish]}).json()["predictions"]
    assert alone.pop("request_id") != served.pop("request_id")
    assert alone == served
