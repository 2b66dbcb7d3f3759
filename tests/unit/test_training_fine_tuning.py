"""What a text task may rely on, whatever the encoder: it learns, and the same seed the same."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hostile_texts import ODD_TEXTS
from tiny_encoder import tiny_checkpoint

from governance.errors import InputError, StateError
from training.encoder.checkpoint import load_encoder
from training.fine_tuning.config import FineTuning, read_settings
from training.fine_tuning.lesson import Head, Lesson, Span, Texts
from training.fine_tuning.task import Task
from training.fine_tuning.train import fine_tune, fine_tune_together

CHINESE = tuple("买学比较手机鞋果汁如何用便宜哪个好")
HEAD = Head("intent", "classes", ("buy", "learn"))
KNOBS = FineTuning(
    epochs=8, patience=8, batch=8, learning_rate=1e-3, adapter_learning_rate=2e-2,
    head_learning_rate=1e-2, precision="float32",
)  # fmt: skip


@pytest.fixture(scope="module")
def chinese(tmp_path_factory):
    return load_encoder(str(tiny_checkpoint(tmp_path_factory.mktemp("chinese"), CHINESE)))


def _lesson(rows, seed=0):
    draw = np.random.default_rng(seed)
    labels = draw.integers(0, 2, rows)
    things = [draw.choice(["手机", "鞋", "果汁"]) for _ in range(rows)]
    texts = [
        f"买便宜{t}" if label == 0 else f"如何用{t}"
        for t, label in zip(things, labels, strict=True)
    ]
    return Lesson(Texts(tuple(texts)), labels)


def _weights(tuned):
    return {name: value.clone() for name, value in tuned.model.network.state_dict().items()}


def _equal(one, other, **tolerance):
    assert one.keys() == other.keys()
    for name in one:
        torch.testing.assert_close(one[name], other[name], **(tolerance or {"rtol": 0, "atol": 0}))


@pytest.fixture(autouse=True)
def one_thread():
    """Networks this small only wait for a second thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("method", ["prefix", "frozen"])
def test_a_random_encoder_that_does_not_learn_still_serves_its_head(chinese, method):
    knobs = replace(KNOBS, method=method, epochs=4)
    curve = fine_tune(chinese, HEAD, _lesson(64), None, knobs).curve
    assert curve[-1]["loss"] < curve[0]["loss"]


@pytest.mark.parametrize("method", ["full", "lora"])
def test_a_task_of_another_language_is_learned(chinese, method):
    knobs = replace(KNOBS, method=method, epochs=5)
    tuned = fine_tune(chinese, HEAD, _lesson(64), _lesson(16, seed=1), knobs)
    found = tuned.model.probabilities(Texts(("买手机", "如何用鞋")))
    assert found.argmax(axis=1).tolist() == [0, 1]
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("method", ["lora", "prefix", "frozen"])
def test_what_does_not_learn_stays_as_it_was_loaded(chinese, method):
    before = {name: value.clone() for name, value in chinese.network.state_dict().items()}
    tuned = fine_tune(chinese, HEAD, _lesson(16), None, replace(KNOBS, method=method, epochs=2))
    _equal(before, chinese.network.state_dict())  # the encoder that was given is not touched
    inner = tuned.model.network.encoder
    after = dict((inner.network if method == "prefix" else inner).state_dict())
    changed = {name for name in after if not torch.equal(after[name], before[name])}
    assert all("query" in name or "value" in name for name in changed)
    assert bool(changed) == (method == "lora")  # LoRA's matrices are added to the weights


def test_a_lora_network_ends_as_an_ordinary_one(chinese):
    tuned = fine_tune(chinese, HEAD, _lesson(16), None, replace(KNOBS, method="lora", epochs=1))
    assert not [name for name in tuned.model.network.state_dict() if "lora" in name]


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(chinese):
    taught, knobs = _lesson(24), replace(KNOBS, epochs=2)
    first = _weights(fine_tune(chinese, HEAD, taught, None, knobs))
    _equal(first, _weights(fine_tune(chinese, HEAD, taught, None, knobs)))
    other = _weights(fine_tune(chinese, HEAD, taught, None, replace(knobs, seed=1)))
    assert not torch.equal(first["out.weight"], other["out.weight"])


class Killed(Exception):
    pass


@pytest.mark.parametrize("changes", [{}, {"method": "lora"}, {"misspell": 0.3, "drop_words": 0.2}])
def test_a_killed_training_goes_on_to_the_same_bytes(chinese, tmp_path, changes):
    taught, validation = _lesson(24), _lesson(8, seed=1)
    knobs = replace(KNOBS, epochs=4, **changes)
    whole = fine_tune(chinese, HEAD, taught, validation, knobs)

    def kill_after_two(curve):
        if len(curve) == 2:
            raise Killed

    place = tmp_path / "training.safetensors"
    with pytest.raises(Killed):
        fine_tune(chinese, HEAD, taught, validation, knobs, checkpoint=place, watch=kill_after_two)
    resumed = fine_tune(chinese, HEAD, taught, validation, knobs, checkpoint=place)
    assert resumed.curve == whole.curve
    _equal(_weights(whole), _weights(resumed))


def test_a_checkpoint_of_other_texts_is_refused(chinese, tmp_path):
    place, knobs = tmp_path / "training.safetensors", replace(KNOBS, epochs=1)
    fine_tune(chinese, HEAD, _lesson(8), None, knobs, checkpoint=place)
    with pytest.raises(StateError, match="of another training"):
        fine_tune(chinese, HEAD, _lesson(8, seed=3), None, knobs, checkpoint=place)


def test_a_batch_in_parts_takes_the_same_step(chinese):
    taught, knobs = _lesson(16), replace(KNOBS, epochs=2, dropout=0.0)
    chinese.network.config.hidden_dropout_prob = 0.0
    quiet = load_encoder(chinese.name)
    for module in quiet.network.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
        if hasattr(module, "dropout_prob"):
            module.dropout_prob = 0.0
    quiet.network.config.attention_probs_dropout_prob = 0.0
    whole = _weights(fine_tune(quiet, HEAD, taught, None, knobs))
    parts = _weights(fine_tune(quiet, HEAD, taught, None, replace(knobs, accumulate=3)))
    _equal(whole, parts, rtol=1e-3, atol=1e-4)


def test_a_push_against_the_words_changes_what_is_learned(chinese):
    taught, knobs = _lesson(16), replace(KNOBS, epochs=1)
    plain = _weights(fine_tune(chinese, HEAD, taught, None, knobs))
    pushed = _weights(fine_tune(chinese, HEAD, taught, None, replace(knobs, adversarial=0.5)))
    assert not torch.equal(plain["out.weight"], pushed["out.weight"])


def test_an_example_of_weight_zero_teaches_nothing(chinese):
    taught = _lesson(16)
    wrong = Lesson(taught.texts, 1 - taught.labels)
    both = Lesson(
        Texts(taught.texts.first + wrong.texts.first),
        np.concatenate([taught.labels, wrong.labels]),
        weights=np.repeat(np.array([1, 0], np.float32), 16),
    )
    tuned = fine_tune(chinese, HEAD, both, None, KNOBS)
    found = tuned.model.probabilities(taught.texts).argmax(axis=1)
    assert found.tolist() == taught.labels.tolist()


def test_tokens_are_marked_where_the_spans_are(chinese):
    head = Head("goods", "tokens", ("good",))
    texts = ("买手机", "如何用果汁", "鞋好")
    spans = ((Span(1, 3, "good"),), (Span(3, 5, "good"),), (Span(0, 1, "good"),))
    lesson = Lesson(Texts(texts), spans=spans)
    tuned = fine_tune(chinese, head, lesson, None, replace(KNOBS, epochs=60))
    places, chances = tuned.model.token_probabilities(texts)[0]
    assert places.tolist() == [[0, 1], [1, 2], [2, 3]]
    assert chances.argmax(axis=1).tolist() == [0, 1, 2]  # outside, begins, goes on


def test_two_tasks_learn_on_one_encoder(chinese):
    taught = _lesson(48)
    of_shoes = np.array([int("鞋" in text) for text in taught.texts.first])
    shoes = Task(Head("shoes", "classes", ("no", "yes")), Lesson(taught.texts, of_shoes), None)
    intent, asked = fine_tune_together(chinese, [Task(HEAD, taught, None), shoes], KNOBS)
    assert intent.model.network.encoder is asked.model.network.encoder
    texts = Texts(("买手机", "如何用鞋"))
    assert intent.model.probabilities(texts).argmax(axis=1).tolist() == [0, 1]
    likely = asked.model.probabilities(texts)[:, 1]
    assert likely[1] > likely[0]  # the shoes


def test_spans_and_moving_words_do_not_go_together(chinese):
    head = Head("goods", "tokens", ("good",))
    lesson = Lesson(Texts(("买手机",)), spans=((Span(1, 3, "good"),),))
    with pytest.raises(InputError, match="dropping or swapping"):
        fine_tune(chinese, head, lesson, None, replace(KNOBS, drop_words=0.1))


def test_odd_texts_have_an_answer(chinese):
    tuned = fine_tune(chinese, HEAD, _lesson(16), None, replace(KNOBS, epochs=1))
    found = tuned.model.probabilities(Texts(tuple(ODD_TEXTS.values())))
    assert np.isfinite(found).all()


def test_the_shipped_knobs_are_the_defaults_and_their_ranges_are_known():
    settings = read_settings()
    assert settings.training == FineTuning()
    assert set(settings.search) <= set(settings.knobs())
    assert settings.search
