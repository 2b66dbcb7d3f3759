"""``counterfoil train <text task> --with <task>``: tasks on one encoder, a bundle each."""

import json

import pytest
import torch
from safetensors.torch import load_file
from small_reviews import small_reviews
from tiny_encoder import tiny_checkpoint
from typer.testing import CliRunner

from flows.cli import app
from flows.text_answers import open_reader
from flows.text_lessons import named_with
from flows.text_training import TextWish, train_text
from governance.errors import InputError
from governance.settings import Settings
from training.fine_tuning.lesson import Texts
from training.sentiment.model_file import open_sentiment
from training.text_bundle import open_text_bundle
from training.text_tasks import SHARING, TEXT_TASKS, teachable_of

INTENTS = {"buy": "buy red shoes", "learn": "how to clean shoes", "compare": "shoes or boots"}
THINGS = {"Lamps": "desk lamp", "Rugs": "wool rug", "Tables": "oak table"}
KNOBS = "training: {epochs: 3, patience: 9, batch: 8, length: 16}\n"


class _Screen:
    def __init__(self, killed_after=99):
        self.killed_after, self.seen = killed_after, []

    def say(self, text): ...

    def begin(self, epochs): ...

    def epoch(self, curve):
        self.seen.append(len(curve))
        if len(curve) == self.killed_after:
            raise KeyboardInterrupt


@pytest.fixture
def settings(tmp_path):
    torch.set_num_threads(1)
    words = " ".join((*INTENTS.values(), *THINGS.values())).split()
    encoder = tiny_checkpoint(tmp_path / "tiny", words)
    return lambda home: Settings(home=tmp_path / home, encoder=str(encoder), threads=1)


@pytest.fixture
def wish(tmp_path):
    for name, column, texts in (("intent", "label", INTENTS), ("category", "category", THINGS)):
        rows = [f"{text} {n}\t{label}" for label, text in texts.items() for n in range(10)]
        (tmp_path / f"{name}.tsv").write_text(f"query\t{column}\n" + "\n".join(rows) + "\n")
    (tmp_path / "knobs.yaml").write_text(KNOBS)
    return TextWish(
        "intent",
        data=tmp_path / "intent.tsv",
        config=tmp_path / "knobs.yaml",
        others={"category": tmp_path / "category.tsv"},
    )


def _with(wish, **changes):
    return TextWish(**{**vars(wish), **changes})


def _encoder(bundle):
    weights = load_file(bundle.folder / "network.safetensors")
    return {name: value for name, value in weights.items() if name.startswith("encoder.")}


def test_both_bundles_answer_share_an_encoder_and_say_with_what_they_were_learned(wish, settings):
    home = settings("home")
    outcome = train_text(home, wish, _Screen())
    intent = open_text_bundle(outcome.bundle.folder)
    (category,) = [open_text_bundle(one.folder) for one in outcome.others]
    assert intent.card["learned_together_with"] == {"category": category.card["data"]}
    assert category.card["learned_together_with"] == {"intent": intent.card["data"]}
    assert "learned together with</th><td>category" in (intent.folder / "card.html").read_text()
    assert category.head.labels == tuple(THINGS)
    assert category.card["knobs"] == intent.card["knobs"]
    for bundle in (intent, category):
        assert bundle.card["int8"]["examples"] == bundle.card["validation_examples"] > 0
        assert bundle.card["metrics"].keys() == {"loss", "macro_f1", "accuracy"}
        assert bundle.int8().probabilities(Texts(("wool rug",))).shape[1] == len(bundle.head.labels)
        (answer,) = open_reader(home, bundle.card["task"]).answers(["wool rug"])
        assert answer["text"] == "wool rug"
    own, other = _encoder(intent), _encoder(category)
    assert own.keys() == other.keys()
    assert all(torch.equal(value, other[name]) for name, value in own.items())
    assert list(home.searches_dir.glob("*.safetensors")) == []


def test_the_metrics_of_each_are_those_of_the_epoch_kept_for_both(wish, settings):
    outcome = train_text(settings("home"), wish, _Screen())
    cards = [outcome.bundle.card, outcome.others[0].card]
    losses = [epoch["validation_loss"] for epoch in cards[0]["curve"]]
    assert sum(card["metrics"]["loss"] for card in cards) / 2 == pytest.approx(min(losses))


def test_a_killed_training_ends_in_the_same_versions(wish, settings):
    whole = train_text(settings("whole"), wish, _Screen())
    with pytest.raises(KeyboardInterrupt):
        train_text(settings("killed"), wish, _Screen(killed_after=2))
    screen = _Screen()
    resumed = train_text(settings("killed"), wish, screen)
    assert screen.seen == [2, 3]  # two epochs were there already
    assert resumed.bundle.version == whole.bundle.version
    assert [one.version for one in resumed.others] == [one.version for one in whole.others]


def test_sentiment_joins_its_words_with_the_network_that_shared_the_encoder(
    wish, settings, tmp_path
):
    columns = {"item_id": "Clothing ID", "title": "Title", "text": "Review Text"}
    frame = small_reviews().rename(columns=columns | {"is_positive": "Recommended IND"})
    frame.to_parquet(tmp_path / "reviews.parquet")
    asked = _with(wish, others={"sentiment": tmp_path / "reviews.parquet"})
    outcome = train_text(settings("home"), asked, _Screen())
    (sentiment,) = outcome.others
    assert {"auc", "words_auc", "network_auc"} <= sentiment.card["metrics"].keys()
    assert "joining.held_out" in sentiment.card["knobs"]
    assert "joining.held_out" not in outcome.bundle.card["knobs"]
    assert len(open_sentiment(sentiment.folder).model().probabilities(["love this"])) == 1


def test_what_cannot_be_learned_together_is_refused_by_what_is_wrong(wish, settings):
    for changes, what in (
        ({"others": {"intent": None}}, "together with itself"),
        ({"others": {"duplicates": None}}, "'duplicates' cannot be learned together"),
        ({"others": {"nothing": None}}, "'nothing' cannot be learned together"),
        ({"task": "personal-data"}, "'personal-data' cannot be learned together"),
        ({"trials": 2}, "--search is for one task"),
        ({"task": "category", "method": "near", "others": {"intent": None}}, "no network to share"),
    ):
        with pytest.raises(InputError, match=what):
            train_text(settings("home"), _with(wish, **changes), _Screen())
    with pytest.raises(InputError) as refused:
        train_text(settings("home"), _with(wish, others={"duplicates": None}), _Screen())
    assert refused.value.why.endswith(", ".join(SHARING))


def test_a_task_and_its_data_are_named_by_one_option_and_once(tmp_path):
    data = tmp_path / "a=b.tsv"
    assert named_with(["category", f"sentiment={data}"]) == {"category": None, "sentiment": data}
    with pytest.raises(InputError, match="named twice"):
        named_with(["category", "category=a.tsv"])


def test_every_task_that_shares_has_a_lesson_of_its_own_to_share():
    assert {"intent", "category"} <= set(SHARING) < set(TEXT_TASKS)
    assert all(callable(teachable_of(task)) for task in SHARING)


def test_the_command_reports_both_bundles(wish, settings, monkeypatch, fresh_settings):
    home = settings("home")
    monkeypatch.setenv("COUNTERFOIL_HOME", str(home.home))
    monkeypatch.setenv("COUNTERFOIL_ENCODER", home.encoder)
    monkeypatch.setenv("COUNTERFOIL_THREADS", "1")
    asked = ["train", "intent", "--data", str(wish.data), "--config", str(wish.config)]
    named = ["--with", f"category={wish.others['category']}"]
    done = CliRunner().invoke(app, [*asked, *named, "--json"])
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    assert set(report["with"]) == {"category"}
    assert report["with"]["category"]["int8"]
    assert "intent macro_f1" in CliRunner().invoke(app, [*asked, *named]).stdout
