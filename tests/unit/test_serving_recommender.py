"""The KServe model is ready last, never blocks the loop, and refuses what it cannot hold."""

import asyncio
import threading

import pytest

from governance.errors import StateError
from governance.settings import Settings
from serving import recommender
from serving.framework import InvalidInput
from serving.recommender import RecommenderModel
from serving.refusals import Busy, DecisionNotFound
from serving.served import MAX_WAITING

WISH = {"instances": [{"user_id": "7"}]}


class Predictor:
    """Answers when it is let; stands in for a loaded bundle."""

    known_user = "7"

    def __init__(self):
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.is_degraded = False

    def answer(self, requests, *, requested_at):
        self.may_answer.wait(5)
        if requests[0].user_id == "crash":
            raise ValueError("secret")
        return [{"request_id": "0" * 32, "is_degraded": self.is_degraded} for _ in requests]


@pytest.fixture
def predictor():
    return Predictor()


@pytest.fixture
def model(predictor, monkeypatch, tmp_path):
    monkeypatch.setattr(recommender, "load_predictor", lambda settings: predictor)
    made = RecommenderModel(Settings(home=tmp_path))
    made.load()
    return made


def _unready(monkeypatch, error):
    def fail(settings):
        raise error

    monkeypatch.setattr(recommender, "load_predictor", fail)
    model = RecommenderModel(Settings())
    assert model.load() is False
    return model


def test_a_new_model_is_not_ready_and_says_that_it_loads():
    model = RecommenderModel(Settings())
    assert (model.ready, model.unready_because) == (False, "it is still loading")


def test_a_refused_champion_keeps_the_model_unready_with_its_sentence(monkeypatch):
    model = _unready(monkeypatch, StateError("the schema hash differs", why="a is not b"))
    assert model.unready_because == "the schema hash differs: a is not b"


def test_a_crash_while_loading_is_named_but_not_shown(monkeypatch):
    model = _unready(monkeypatch, KeyError("secret"))
    assert model.unready_because == "loading failed with KeyError; see the log"


def test_the_start_of_the_server_does_not_make_a_model_ready(monkeypatch):
    model = _unready(monkeypatch, StateError("no"))
    model.start()
    assert not model.ready


def test_a_loaded_model_is_ready_until_the_server_drains(model):
    assert model.ready
    model.stop()
    assert (model.ready, model.unready_because) == (False, "the server is stopping")


def test_bad_input_is_the_callers_fault(model):
    with pytest.raises(InvalidInput, match=r"^instances: is missing"):
        asyncio.run(model.predict({}))


def test_a_degraded_answer_sets_the_header(model, predictor):
    headers = {}
    asyncio.run(model.predict(WISH, {}, headers))
    assert headers == {}
    predictor.is_degraded = True
    asyncio.run(model.predict(WISH, {}, headers))
    assert headers == {"x-degraded": "true"}


def test_the_loop_runs_on_while_answers_are_made(model, predictor):
    async def ask_and_tick():
        predictor.may_answer.clear()
        answer = asyncio.create_task(model.predict(WISH))
        for _ in range(5):
            await asyncio.sleep(0.001)  # would hang for seconds if the loop were blocked
        assert not answer.done()
        predictor.may_answer.set()
        return await answer

    assert asyncio.run(ask_and_tick())["predictions"]


def test_more_waiting_than_can_be_answered_in_time_is_refused(model, predictor):
    async def crowd():
        predictor.may_answer.clear()
        waiting = [asyncio.create_task(model.predict(WISH)) for _ in range(MAX_WAITING)]
        await asyncio.sleep(0)
        with pytest.raises(Busy, match="try again"):
            await model.predict(WISH)
        predictor.may_answer.set()
        await asyncio.gather(*waiting)
        return await model.predict(WISH)

    assert asyncio.run(crowd())["predictions"]


def test_an_unknown_decision_is_named_by_its_place(model):
    with pytest.raises(DecisionNotFound, match=r"^instances\[0\]\.request_id: no decision"):
        asyncio.run(model.explain({"instances": [{"request_id": "0" * 32}]}))
