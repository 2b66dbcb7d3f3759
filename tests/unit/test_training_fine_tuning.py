"""What a text task may rely on, whatever the encoder: it learns, and the same seed the same."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny_encoder import tiny_checkpoint

from governance.errors import InputError, StateError
from training.encoder.checkpoint import load_encoder
from training.fine_tuning.batches import batch_of
from training.fine_tuning.config import FineTuning, read_settings
from training.fine_tuning.judge import macro_f1
from training.fine_tuning.lesson import Head, Lesson, Span, Texts
from training.fine_tuning.step import add_gradients
from training.fine_tuning.task import Task, ready
from training.fine_tuning.train import fine_tune, fine_tune_together

CHINESE = (
    "买",
    "学",
    "比",
    "较",
    "手",
    "机",
    "鞋",
    "果",
    "汁",
    "如",
    "何",
    "用",
    "便",
    "宜",
    "哪",
    "个",
    "好",
)
HEAD = Head("intent", "classes", ("buy", "learn"))
KNOBS = FineTuning(epochs=8, patience=8, batch=8, learning_rate=1e-3, head_learning_rate=1e-2)


@pytest.fixture(scope="module")
def chinese(tmp_path_factory):
    torch.set_num_threads(1)  # two threads on so little wait for each other
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


def test_an_encoder_of_another_language_learns_a_task(chinese):
    tuned = fine_tune(chinese, HEAD, _lesson(48), _lesson(16, seed=1), KNOBS)
    found = tuned.model.probabilities(Texts(("买手机", "如何用鞋")))
    assert found.argmax(axis=1).tolist() == [0, 1]
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("method", ["full", "lora", "prefix", "frozen"])
def test_every_method_learns_and_changes_only_what_it_may(chinese, method):
    before = {name: value.clone() for name, value in chinese.network.state_dict().items()}
    knobs = replace(
        KNOBS, method=method, lora_learning_rate=1e-2, prefix_learning_rate=1e-2, epochs=4
    )
    tuned = fine_tune(chinese, HEAD, _lesson(48), _lesson(16, seed=1), knobs)
    losses = [epoch["loss"] for epoch in tuned.curve]
    assert losses[-1] < losses[0] * 0.9
    after = chinese.network.state_dict()
    assert all(torch.equal(after[name], value) for name, value in before.items())
    taught = dict(tuned.model.network.encoder.named_parameters())
    changed = [n for n in before if n in taught and not torch.equal(taught[n], before[n])]
    if method == "lora":
        assert changed
        assert all("query.weight" in name or "value.weight" in name for name in changed)
    else:
        assert bool(changed) == (method == "full")
    assert not [name for name in taught if "lora" in name]


def test_lora_answers_the_same_before_and_after_it_is_merged(chinese):
    seen = []
    knobs = replace(KNOBS, method="lora", epochs=2, precision="float32")
    judged = _lesson(16, seed=1)
    tuned = fine_tune(chinese, HEAD, _lesson(48), judged, knobs, watch=seen.append)
    found = tuned.model.probabilities(judged.texts)
    loss = -np.log(found[np.arange(16), judged.labels]).mean()
    assert loss == pytest.approx(seen[-1][-1]["validation_loss"], abs=1e-5)


def test_a_prefix_is_attended_to_and_padding_is_not(chinese):
    knobs = replace(KNOBS, method="prefix", epochs=1, precision="float32")
    model = fine_tune(chinese, HEAD, _lesson(16), None, knobs).model
    alone = model.probabilities(Texts(("买手机",)))
    padded = model.probabilities(Texts(("买手机", "如何用手机好不好便宜")))
    np.testing.assert_allclose(alone[0], padded[0], atol=1e-5)
    with torch.no_grad():
        model.network.encoder.prefix += 1.0
    assert np.abs(model.probabilities(Texts(("买手机",))) - alone).max() > 1e-4


@pytest.mark.parametrize("kind", ["lora", "prefix"])
def test_an_encoder_that_a_method_does_not_fit_is_refused(chinese, kind):
    class Strange(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.config = type("Config", (dict,), {"hidden_size": 4})(model_type="strange")

        def forward(self, input_ids):
            return input_ids

    strange = replace(chinese, network=Strange())
    with pytest.raises(InputError, match="cannot be tuned by"):
        fine_tune(strange, HEAD, _lesson(8), None, replace(KNOBS, method=kind))


@pytest.mark.parametrize("killed_after", [1, 2])
@pytest.mark.parametrize("more", [{}, {"method": "lora", "misspell": 0.5, "adversarial": 0.1}])
def test_a_killed_training_goes_on_and_ends_in_the_same_bytes(
    chinese, tmp_path, killed_after, more
):
    knobs = replace(KNOBS, epochs=3, **more)
    taught, judged = _lesson(48), _lesson(16, seed=1)

    class Killed(Exception):
        pass

    def kill(curve):
        if len(curve) == killed_after:
            raise Killed

    checkpoint = tmp_path / "checkpoint.safetensors"
    with pytest.raises(Killed):
        fine_tune(chinese, HEAD, taught, judged, knobs, checkpoint=checkpoint, watch=kill)
    resumed = fine_tune(chinese, HEAD, taught, judged, knobs, checkpoint=checkpoint)
    whole = fine_tune(chinese, HEAD, taught, judged, knobs)
    assert resumed.curve == whole.curve
    assert _bytes(resumed.model) == _bytes(whole.model)
    other = replace(knobs, learning_rate=0.5)
    with pytest.raises(StateError, match="another training"):
        fine_tune(chinese, HEAD, taught, judged, other, checkpoint=checkpoint)


def _bytes(model):
    return {name: value.numpy().tobytes() for name, value in model.network.state_dict().items()}


def _gradients(encoder, lesson, head=HEAD, **more):
    """Of one batch of the whole lesson, without dropout."""
    quiet = replace(KNOBS, epochs=1, batch=99, dropout=0.0, precision="float32", learning_rate=0.0)
    knobs = replace(quiet, **more)
    model = fine_tune(encoder, head, lesson, None, replace(knobs, head_learning_rate=0.0)).model
    for module in model.network.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
        if hasattr(module, "dropout_prob"):
            module.dropout_prob = 0.0
    task = ready(Task(head, lesson), knobs)
    loss = add_gradients(model, task, np.arange(len(lesson)), knobs, 1)
    return loss, torch.cat([p.grad.flatten() for p in model.network.parameters()])


def test_a_batch_in_parts_is_the_same_step(chinese):
    loss, whole = _gradients(chinese, _lesson(12))
    in_parts, parts = _gradients(chinese, _lesson(12), accumulate=5)
    assert in_parts == pytest.approx(loss, rel=1e-5)
    assert torch.allclose(whole, parts, atol=1e-6)


def test_an_example_of_weight_two_teaches_as_two_of_weight_one(chinese):
    once = _lesson(6)
    heavy = replace(once, weights=np.array([2, 1, 1, 1, 1, 1], dtype=np.float32))
    twice = once.take([0, 0, 1, 2, 3, 4, 5])
    (_, first), (_, second) = _gradients(chinese, heavy), _gradients(chinese, twice)
    assert torch.allclose(first, second, atol=1e-6)


def test_the_weight_of_an_example_of_a_head_of_tokens_is_on_each_of_its_tokens(chinese):
    head = Head("thing", "tokens", ("thing",))
    texts = ("买手机", "买鞋", "如何用便宜果汁")
    spans = ((Span(1, 3, "thing"),), (Span(1, 2, "thing"),), (Span(5, 7, "thing"),))
    lesson = Lesson(Texts(texts), spans=spans)
    even = replace(lesson, weights=np.ones(3, dtype=np.float32))
    only = replace(lesson, weights=np.array([0, 0, 1], dtype=np.float32))
    (_, plain), (_, ones) = _gradients(chinese, lesson, head), _gradients(chinese, even, head)
    assert torch.allclose(plain, ones, atol=1e-7)
    (_, third), (_, alone) = (
        _gradients(chinese, only, head),
        _gradients(chinese, lesson.take([2]), head),
    )
    scale = 3 * 7 / 12  # weights have mean 1, and 7 of 12 tokens are its own
    assert torch.allclose(third, alone * scale, atol=1e-6)


def test_class_weights_make_rare_classes_count_as_much(chinese):
    lesson = Lesson(Texts(("买手机",) * 9 + ("如何用鞋",)), np.array([0] * 9 + [1]))
    balanced = Lesson(Texts(("买手机", "如何用鞋")), np.array([0, 1]))
    (_, first) = _gradients(chinese, lesson, is_class_weighted=True)
    (_, second) = _gradients(chinese, balanced)
    assert torch.allclose(first[1], second[1], atol=1e-5)


def test_marks_of_spans_begin_and_go_on_and_miss_what_is_no_text(chinese):
    head = Head("thing", "tokens", ("thing", "act"))
    spans = ((Span(0, 1, "act"), Span(1, 3, "thing")),)
    lesson = Lesson(Texts(("买手机",)), spans=spans)
    batch = batch_of(chinese.tokenizer, lesson, head, length=8, device="cpu")
    assert batch.target.tolist() == [[-100, 3, 1, 2, -100]]
    assert batch.places == 3


def test_an_adversarial_step_adds_another_gradient_than_the_texts_own(chinese):
    _, plain = _gradients(chinese, _lesson(6))
    _, pushed = _gradients(chinese, _lesson(6), adversarial=0.5)
    assert not torch.allclose(pushed, plain, atol=1e-3)
    assert not torch.allclose(pushed, 2 * plain, atol=1e-3)


def test_an_adversarial_step_fits_an_encoder_whose_embeddings_do_not_learn(chinese):
    knobs = replace(KNOBS, epochs=1, method="frozen", adversarial=0.5)
    assert fine_tune(chinese, HEAD, _lesson(16), None, knobs).curve[0]["loss"] > 0


def test_two_tasks_share_an_encoder_and_both_are_learned(chinese):
    things = Head("thing", "tokens", ("thing",))
    marked = Lesson(
        Texts(("买手机", "如何用果汁", "买便宜鞋", "手机好") * 8),
        spans=(
            (Span(1, 3, "thing"),),
            (Span(3, 5, "thing"),),
            (Span(3, 4, "thing"),),
            (Span(0, 2, "thing"),),
        )
        * 8,
    )
    tasks = [
        Task(HEAD, _lesson(48), _lesson(16, seed=1)),
        Task(things, marked, marked.take([0, 1])),
    ]
    intent, thing = fine_tune_together(chinese, tasks, KNOBS)
    assert intent.model.network.encoder is thing.model.network.encoder
    assert intent.curve[-1]["intent_macro_f1"] > 0.9
    assert thing.curve[-1]["thing_macro_f1"] > 0.7


def test_macro_f1_is_the_mean_over_classes_that_are_there_or_answered():
    truth, answer = np.array([0, 0, 1, 1, 2]), np.array([0, 0, 1, 3, 2])
    assert macro_f1(truth, answer) == pytest.approx((1 + 2 / 3 + 1 + 0) / 4)
    assert macro_f1(truth, answer, without_0=True) == pytest.approx((2 / 3 + 1 + 0) / 3)
    assert macro_f1(truth[:0], answer[:0]) == 0


def test_half_precision_learns_what_full_precision_learns(chinese):
    for precision in ("float32", "bfloat16", "float16"):
        knobs = replace(KNOBS, precision=precision, epochs=4)
        tuned = fine_tune(chinese, HEAD, _lesson(48), _lesson(16, seed=1), knobs)
        assert tuned.curve[-1]["macro_f1"] > 0.9


def test_words_that_move_are_refused_where_spans_are_told_by_character(chinese):
    lesson = Lesson(Texts(("买手机",)), spans=((Span(1, 3, "thing"),),))
    with pytest.raises(InputError, match="cannot be augmented"):
        fine_tune(
            chinese, Head("t", "tokens", ("thing",)), lesson, None, replace(KNOBS, drop_words=0.1)
        )


def test_the_file_of_knobs_has_every_knob_at_its_default_and_ranges_to_search():
    settings = read_settings()
    assert settings.training == FineTuning()
    assert settings.search
    assert all(found.holds(settings.knobs()[name]) for name, found in settings.search.items())


def test_a_lesson_without_examples_is_refused(chinese):
    with pytest.raises(InputError, match="nothing to learn"):
        fine_tune(chinese, HEAD, Lesson(Texts(()), np.zeros(0, np.int64)), None, KNOBS)
