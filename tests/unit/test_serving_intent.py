"""Intent is served where it was trained; where it was not, it says so and nothing else suffers."""

import asyncio
import os
from types import SimpleNamespace

import pytest

from governance.errors import StateError
from governance.settings import Settings
from serving.intent import IntentServedModel
from serving.intent_bundle import MOST_LOST, model_of, newest_bundle
from serving.intent_wish import SessionActs
from training.intent.acts import ACTS
from training.intent.train import card_facts


def _bundle(card):
    return SimpleNamespace(
        card=card, version="v1", folder="x", model=lambda: "float", int8=lambda: "int8"
    )


LITTLE = {"macro_f1_lost": MOST_LOST}


def test_a_home_without_a_trained_model_leaves_intent_unready_with_what_to_do(tmp_path):
    model = IntentServedModel(Settings(home=tmp_path))
    assert model.load() is False
    assert model.unready_because.startswith("no model of intents has been trained")
    assert "counterfoil train intent" in model.unready_because
    assert not model.is_required


def test_the_bundle_trained_last_is_served(tmp_path):
    for version, at in (("bbb", 1), ("aaa", 2), (".half", 3)):
        folder = tmp_path / "intent" / version
        folder.mkdir(parents=True)
        (folder / "text_bundle.json").write_text("{}")
        os.utime(folder / "text_bundle.json", (at, at))
    assert newest_bundle(tmp_path).name == "aaa"


def test_no_bundle_is_a_state_error(tmp_path):
    with pytest.raises(StateError, match="no model of intents"):
        newest_bundle(tmp_path)


@pytest.mark.parametrize(
    ("lost", "served"), [(None, "float"), ({"macro_f1_lost": 0.5}, "float"), (LITTLE, "int8")]
)
def test_the_int8_model_answers_where_little_was_lost_by_it(lost, served):
    assert model_of(_bundle({"int8": lost, **card_facts()})).text == served


def test_a_bundle_without_acts_is_refused_with_what_to_do():
    with pytest.raises(StateError, match="knows no acts"):
        model_of(_bundle({"int8": None}))


def test_a_request_may_name_the_acts_that_the_model_knows():
    assert tuple(SessionActs.model_fields) == ACTS


def test_the_tensors_are_told():
    model = IntentServedModel(Settings())
    assert [tensor["name"] for tensor in model.get_input_types()] == ["query", "session"]
    assert [tensor["name"] for tensor in model.get_output_types()] == ["answer"]


def test_asked_before_it_is_loaded_is_a_fault_of_ours(tmp_path):
    model = IntentServedModel(Settings(home=tmp_path))
    with pytest.raises(RuntimeError, match="before it was loaded"):
        asyncio.run(model.predict({"instances": [{"query": "shoes"}]}))
