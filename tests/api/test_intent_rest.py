"""Intent over REST and gRPC beside the recommender: answers with reasons, refusals with a place."""

import json

import grpc
import httpx
import pytest
from kserve.protocol.grpc import grpc_predict_v2_pb2 as pb
from kserve.protocol.grpc import grpc_predict_v2_pb2_grpc as services
from tiny_encoder import tiny_checkpoint

from training.encoder.checkpoint import load_encoder
from training.fine_tuning.config import FineTuning
from training.intent.train import SHIPPED, card_facts, teach
from training.text_bundle import save_text_bundle

pytestmark = pytest.mark.pipeline


@pytest.fixture(scope="module")
def bundles(tmp_path_factory):
    """Bundles of an intent model taught on a tiny encoder: its answers are real, if not good."""
    folder = tmp_path_factory.mktemp("intent")
    words = " ".join(SHIPPED.read_text(encoding="utf-8").split()).casefold().split()
    encoder = load_encoder(str(tiny_checkpoint(folder / "encoder", sorted(set(words)))))
    knobs = FineTuning(epochs=30, patience=30, batch=64, length=16, learning_rate=3e-3)
    taught = teach(None, encoder=encoder, knobs=knobs, checkpoint=None)
    save_text_bundle(folder / "bundles", taught, facts=card_facts())
    return folder / "bundles"


@pytest.fixture
def with_intent(start_server_with, bundles):
    """A server of the sample shop's home to which a trained model of intents was added."""
    return start_server_with(bundles, model="intent")


def _ask(server, *instances):
    url = f"{server.url}/v1/models/intent:predict"
    return httpx.post(url, json={"instances": list(instances)}, timeout=30)


def _over_grpc(server, **rows):
    """The answer to one row, each field of it a tensor of bytes."""
    inputs = [
        pb.ModelInferRequest.InferInputTensor(
            name=name,
            datatype="BYTES",
            shape=[1],
            contents=pb.InferTensorContents(bytes_contents=[text.encode()]),
        )
        for name, text in rows.items()
    ]
    with grpc.insecure_channel(f"127.0.0.1:{server.settings.grpc_port}") as channel:
        stub = services.GRPCInferenceServiceStub(channel)
        request = pb.ModelInferRequest(model_name="intent", inputs=inputs)
        (output,) = stub.ModelInfer(request, timeout=30).outputs
    return json.loads(output.contents.bytes_contents[0])


def test_a_trained_intent_is_served_with_reasons_over_v1_v2_and_grpc(with_intent):
    acts = {"click": 6, "review": 4}
    answer = _ask(with_intent, {"query": "dyson vs shark", "acts": acts}, {"acts": {"cart": 2}})
    both, acts_only = answer.json()["predictions"]
    assert answer.status_code == 200
    assert both["intent"] == "compare"
    assert acts_only["intent"] == "buy"
    assert sum(both["probabilities"].values()) == pytest.approx(1, abs=1e-4)
    told = {(reason["source"], reason["what"]) for reason in both["reasons"]}
    assert {("word", "vs"), ("act", "click"), ("act", "review")} <= told
    inputs = [
        {"name": "query", "shape": [1], "datatype": "BYTES", "data": ["dyson vs shark"]},
        {
            "name": "session",
            "shape": [1],
            "datatype": "BYTES",
            "data": [json.dumps({"acts": acts})],
        },
    ]
    url = f"{with_intent.url}/v2/models/intent/infer"
    output = httpx.post(url, json={"inputs": inputs}, timeout=30).json()["outputs"][0]
    assert json.loads(output["data"][0]) == both
    session = json.dumps({"acts": acts})
    assert _over_grpc(with_intent, query="dyson vs shark", session=session) == both

    good = {"query": "shoes"}
    refused = _ask(with_intent, good, good, good, {"query": "x" * 513})
    assert refused.status_code == 400
    assert refused.json() == {"error": "instances[3].query: must be at most 512 characters"}
    refused = _ask(with_intent, {"query": "shoes", "acts": {"cart": -1}})
    assert refused.status_code == 400
    assert refused.json()["error"].startswith("instances[0].acts.cart: must be a whole number")
    odd = _ask(
        with_intent, {"query": "\u202e\u200b🍎\x00"}, {"query": ""}, {"query": "красные туфли"}
    )
    assert odd.status_code == 200
    assert all(prediction["unsure_because"] for prediction in odd.json()["predictions"])
    assert both["unsure_because"] is None
    assert both["parts"]["acts"]["compare"] > 0.5
    assert acts_only["parts"]["text"] is None
    assert with_intent.predict({"user_id": "1", "k": 3}).status_code == 200


def test_without_a_trained_intent_the_recommender_serves_and_intent_says_why(server, known_user):
    assert httpx.get(f"{server.url}/v2/health/ready").status_code == 200
    assert server.predict({"user_id": known_user, "k": 3}).status_code == 200
    answer = _ask(server, {"query": "shoes"})
    assert answer.status_code == 503
    assert "no model of intents has been trained" in answer.json()["error"]
