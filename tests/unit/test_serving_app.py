"""KServe's gaps, shown open in the stock classes and closed in ours."""

import asyncio

import pytest

from serving.app import GuardedDataPlane, SealedRepository
from serving.framework import DataPlane, InvalidInput, Model, ModelNotFound, ModelServer
from serving.refusals import Crashed, NotAllowed, NotReady

SECRETS = {"authorization": "Bearer s3cret", "cookie": "session=s3cret"}


class Echo(Model):
    """Explains by saying which headers it saw; crashes when told to."""

    unready_because = "it is still loading"
    is_required = True

    async def explain(self, payload, headers=None):
        return {"seen": sorted(headers)}

    async def predict(self, payload, headers=None):
        raise ValueError("secret")


@pytest.fixture
def registry():
    registry = ModelServer().registered_models
    model = Echo("echo")
    model.ready = True
    registry.update(model)
    return registry


def _explained(plane):
    return asyncio.run(plane.explain("echo", {}, dict(SECRETS)))


def test_stock_kserve_sends_request_headers_back_with_an_explanation(registry):
    assert _explained(DataPlane(registry))[1] == SECRETS


def test_ours_sends_none_back_though_the_model_may_read_them(registry):
    assert _explained(GuardedDataPlane(registry)) == ({"seen": sorted(SECRETS)}, {})


def test_an_unready_model_makes_the_server_unready_with_its_sentence(registry):
    registry.get_model("echo").ready = False
    assert asyncio.run(DataPlane(registry).ready()) is True  # stock
    with pytest.raises(NotReady, match="model echo is not ready: it is still loading"):
        asyncio.run(GuardedDataPlane(registry).ready())


def test_a_model_that_is_not_required_leaves_the_server_ready_and_says_why_itself(registry):
    model = registry.get_model("echo")
    model.ready, model.is_required = False, False
    assert asyncio.run(GuardedDataPlane(registry).ready()) is True
    with pytest.raises(NotReady, match="it is still loading"):
        asyncio.run(GuardedDataPlane(registry).model_ready("echo"))


def test_an_unready_model_is_not_loaded_by_asking_it(registry):
    registry.get_model("echo").ready = False
    with pytest.raises(NotReady):
        asyncio.run(GuardedDataPlane(registry).infer("echo", {}))
    assert not registry.get_model("echo").ready


def test_a_crash_leaves_without_its_text(registry):
    with pytest.raises(Crashed, match=r"^internal error, request id [0-9a-f]{32}$"):
        asyncio.run(GuardedDataPlane(registry).infer("echo", {}))


def test_an_unknown_model_stays_unknown(registry):
    with pytest.raises(ModelNotFound):
        asyncio.run(GuardedDataPlane(registry).infer("nothing", {}))


@pytest.mark.parametrize("length", ["2", "x", "999"])
def test_torn_binary_tensors_are_the_callers_fault(registry, length):
    headers = {"inference-header-content-length": length}
    with pytest.raises(InvalidInput, match=r"^body: "):
        GuardedDataPlane(registry).decode(b'{"inputs": 3}', headers, "v2", "echo")


@pytest.mark.parametrize("verb", ["load", "unload"])
def test_models_are_not_swapped_over_the_network(registry, verb):
    repository = SealedRepository(registry)
    with pytest.raises(NotAllowed, match="by a release"):
        asyncio.run(getattr(repository, verb)("echo"))
