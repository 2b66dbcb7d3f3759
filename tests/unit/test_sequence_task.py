"""A sequence model is taught before the validation window, judged after it, and shelved whole."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import torch
from coded_orders import coded_orders

from governance.errors import InputError, StateError
from training.best_epoch import DivergedError
from training.sasrec.config import SasrecSettings, SasrecTraining
from training.sasrec.model import SasrecConfig
from training.sasrec.sequence_task import FolderTask, ShopTask
from training.sasrec.shelf import open_sequence, save_sequence
from training.sequence_folder import UserFiles, read_users
from training.sequences import sequences_of
from training.windows import Calendar, microseconds

AS_OF = datetime(2017, 10, 2, 5, tzinfo=UTC)
CALENDAR = Calendar(AS_OF, test_weeks=2, validation_weeks=2)
RING = 12
SETTINGS = SasrecSettings(
    network=SasrecConfig(width=16, heads=1, length=8, dropout=0.0, temperature=0.1),
    training=SasrecTraining(
        epochs=4, patience=4, batch=8, full_softmax_up_to=99, min_baskets=1, learning_rate=1e-2
    ),
)


def _shop(change=lambda item, at: item, users=16, weeks=30):
    """Everybody goes round a ring of items, one a week."""
    rows = []
    for user in range(users):
        for week in range(weeks):
            at = AS_OF - timedelta(weeks=weeks - week, hours=-1 - user)
            item = change((user + week) % RING, at)
            rows.append((f"u{user:02}", f"o{user:02}{week:02}", f"i{item:02}", microseconds(at)))
    return ShopTask(coded_orders(rows), CALENDAR)


def _folder(item_count=RING):
    draw = np.random.default_rng(0)
    walks = [(s + np.arange(8)) % item_count for s in draw.integers(0, item_count, 40)]
    names = [str(100 + item) for item in range(item_count)]
    return FolderTask(UserFiles(sequences_of(walks, item_count), [], names))


def _fitted(task, settings=SETTINGS, **more):
    torch.set_num_threads(1)
    return task.fit(settings, progress=lambda _: None, **more)


@pytest.fixture(scope="module")
def taught():
    return _fitted(_shop())


def test_a_shop_is_learned_and_beats_what_needs_no_training(taught):
    judged = _shop().judge(taught)
    found = judged.figures["ndcg_at_10"]
    assert judged.users == 16
    assert found.low <= found.mean <= found.high
    assert found.low > judged.floors["popularity"]["ndcg_at_10"]


def test_nothing_of_the_test_window_reaches_the_network(taught):
    after = CALENDAR.test.cutoff
    other = _shop(lambda item, at: (item + 5) % RING if at >= after else item)
    again = _fitted(other)
    assert (again.curve, again.items) == (taught.curve, taught.items)
    for name, value in taught.network.state_dict().items():
        assert torch.equal(again.network.state_dict()[name], value)
    assert other.judge(again).figures != _shop().judge(taught).figures
    assert other.digest != _shop().digest


def test_the_validation_window_chooses_the_epoch_and_teaches_nothing(taught):
    inside = CALENDAR.validation
    other = _shop(
        lambda item, at: (item + 5) % RING if inside.cutoff <= at < inside.ends_at else item
    )
    again = _fitted(other)
    assert [epoch["loss"] for epoch in again.curve] == [epoch["loss"] for epoch in taught.curve]
    assert again.metrics["ndcg_at_10"] < taught.metrics["ndcg_at_10"]


def test_a_folder_is_judged_on_the_last_item_of_each_user():
    task = _folder()
    judged = task.judge(_fitted(task))
    assert judged.users == 40
    assert judged.figures["ndcg_at_10"].low > judged.floors["popularity"]["ndcg_at_10"]


def _saved(tmp_path, task, trained):
    return save_sequence(
        tmp_path, trained, task=task, settings=SETTINGS, judged=task.judge(trained)
    )


def test_a_folder_without_three_items_a_user_is_refused_before_anything_is_learned():
    task = FolderTask(UserFiles(sequences_of([[0, 1], [1, 2]], 3), [], ["1", "2", "3"]))
    with pytest.raises(InputError, match="no user has three items"):
        _fitted(task)


def test_a_checkpoint_is_not_gone_on_from_where_other_targets_judge(tmp_path):
    """New orders in the validation weeks: the training rows are the same, the judges are not."""
    path = tmp_path / "kept.safetensors"
    halted = replace(SETTINGS, training=replace(SETTINGS.training, epochs=2))
    _fitted(_shop(), halted, checkpoint=path)
    late = CALENDAR.validation.cutoff

    def change(item, at):
        return (item + 5) % RING if late <= at < CALENDAR.test.cutoff else item

    with pytest.raises(StateError, match="of another training"):
        _fitted(_shop(change), SETTINGS, checkpoint=path)


def test_a_shelved_model_answers_the_same_under_the_same_version(tmp_path, taught):
    first, second = (_saved(tmp_path, _shop(), taught) for _ in range(2))
    assert first == second
    scorer, items = open_sequence(first.folder)
    assert tuple(items) == taught.items
    assert torch.equal(scorer.network.item_matrix(), taught.network.item_matrix())
    assert json.loads((first.folder / "history.json").read_text()) == list(taught.curve)
    assert "<svg" in (first.folder / "card.html").read_text()


@pytest.mark.parametrize("name", ["network.safetensors", "card.html", "items.json", "bundle.json"])
def test_a_shelved_model_that_was_changed_is_refused(tmp_path, taught, name):
    folder = _saved(tmp_path, _shop(), taught).folder
    text = (folder / name).read_bytes()
    (folder / name).write_bytes(text.replace(b"0", b"1"))
    with pytest.raises(InputError, match="cannot be trusted"):
        open_sequence(folder)


def test_a_watcher_sees_every_epoch_and_first_what_a_checkpoint_held(tmp_path):
    seen: list[int] = []

    def see(curve):
        seen.append(len(curve))
        assert {"epoch", "loss", "learning_rate", "ndcg_at_10"} <= curve[-1].keys()

    checkpoint = tmp_path / "checkpoint.safetensors"
    _fitted(_folder(), checkpoint=checkpoint, watch=see)
    assert seen == [1, 2, 3, 4]
    more = replace(SETTINGS, training=replace(SETTINGS.training, epochs=6, patience=6))
    _fitted(_folder(), more, checkpoint=checkpoint, watch=see)
    assert seen == [1, 2, 3, 4, 4, 5, 6]


def test_a_training_that_diverges_says_so():
    wild = replace(SETTINGS, training=replace(SETTINGS.training, learning_rate=1e38))
    with pytest.raises(DivergedError, match="first epoch") as refused:
        _fitted(_folder(), wild)
    assert "learning_rate" in refused.value.next_step


def test_the_ids_of_a_folder_are_those_of_its_file(tmp_path):
    (tmp_path / "any.name").write_text("1 30 10 20\n2 10 40\n")
    assert read_users(tmp_path).item_ids == ["10", "20", "30", "40"]
    with pytest.raises(InputError, match="0 files"):
        read_users(tmp_path / "none")
