"""The recommender over gRPC: the same answers, the same refusals, status codes of gRPC."""

import json
import struct

import grpc
import pytest
from kserve.protocol.grpc import grpc_predict_v2_pb2 as pb
from kserve.protocol.grpc import grpc_predict_v2_pb2_grpc as services

pytestmark = pytest.mark.pipeline


@pytest.fixture(scope="module")
def stub(server):
    with grpc.insecure_channel(f"127.0.0.1:{server.settings.grpc_port}") as channel:
        yield services.GRPCInferenceServiceStub(channel)


def _tensor(name, datatype, shape, **contents):
    return pb.ModelInferRequest.InferInputTensor(
        name=name,
        datatype=datatype,
        shape=shape,
        contents=pb.InferTensorContents(**contents) if contents else None,
    )


def _users(*user_ids):
    return _tensor("user_id", "BYTES", [len(user_ids)], bytes_contents=list(user_ids))


def _infer(stub, *inputs, raw=(), model="recommender"):
    request = pb.ModelInferRequest(model_name=model, inputs=inputs, raw_input_contents=raw)
    return stub.ModelInfer(request, timeout=30)


def test_the_answer_is_the_rest_answer(server, stub, known_user):
    response = _infer(
        stub, _users(known_user.encode()), _tensor("k", "INT64", [1], int64_contents=[4])
    )
    (output,) = response.outputs
    answer = json.loads(output.contents.bytes_contents[0])
    (served,) = server.predict({"user_id": known_user, "k": 4}).json()["predictions"]
    assert answer.pop("request_id") != served.pop("request_id")
    assert answer == served


def test_raw_bytes_are_answered_in_raw_bytes(stub, known_user):
    user = known_user.encode()
    raw = [struct.pack("<I", len(user)) + user]
    response = _infer(stub, _tensor("user_id", "BYTES", [1]), raw=raw)
    (text,) = response.raw_output_contents
    assert json.loads(text[4:])["user_id"] == known_user


def test_server_and_model_say_ready(stub):
    assert stub.ServerReady(pb.ServerReadyRequest()).ready
    assert stub.ModelReady(pb.ModelReadyRequest(name="recommender")).ready


@pytest.mark.parametrize(
    ("inputs", "sentence"),
    [
        ([_users(b"")], "inputs.user_id[0]: must be 1 to 128 characters"),
        ([_users(b"\xff")], "inputs[0].data: cannot be read as UTF-8 text"),
        ([_tensor("usr", "BYTES", [1], bytes_contents=[b"1"])], "inputs[0].name: must be one of"),
        (
            [_tensor("user_id", "FP32", [1], fp32_contents=[1.0])],
            "inputs[0].datatype: must be BYTES",
        ),
        ([_tensor("user_id", "BYTES", [1], fp32_contents=[1.0])], "inputs[0]"),
        (
            [_users(b"1"), _tensor("k", "INT64", [1], int64_contents=[101])],
            "inputs.k[0]: must be a whole number from 1 to 100",
        ),
    ],
)
def test_a_wrong_tensor_is_an_invalid_argument_with_its_place(stub, inputs, sentence):
    with pytest.raises(grpc.RpcError) as caught:
        _infer(stub, *inputs)
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert caught.value.details().startswith(sentence)


def test_an_unknown_model_is_not_found(stub):
    with pytest.raises(grpc.RpcError) as caught:
        _infer(stub, _users(b"1"), model="nothing")
    assert caught.value.code() == grpc.StatusCode.NOT_FOUND


def test_a_message_over_one_mebibyte_is_refused(stub):
    with pytest.raises(grpc.RpcError) as caught:
        _infer(stub, _users(b"1" * ((1 << 20) + 1)))
    assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED


def test_nobody_unloads_the_model(stub):
    with pytest.raises(grpc.RpcError) as caught:
        stub.RepositoryModelUnload(pb.RepositoryModelUnloadRequest(model_name="recommender"))
    assert caught.value.code() == grpc.StatusCode.PERMISSION_DENIED
    assert stub.ModelReady(pb.ModelReadyRequest(name="recommender")).ready
