"""Duplicates by command: trained from pairs, killed and gone on, found in listings, told."""

import csv
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from tiny_encoder import tiny_checkpoint
from typer.testing import CliRunner

from flows.cli import app
from flows.duplicates import COLUMNS, DuplicateWish, find_duplicates, write_table
from flows.text_training import TextWish, train_text
from governance.errors import InputError, StateError
from governance.settings import Settings
from training.duplicates.model_file import open_matcher

_MAKERS = ("sony", "canon", "bosch", "philips")
_KINDS = ("camera", "phone", "oven", "speaker", "printer")
_KNOBS = """
matching: {folds: 2, trees: 30}
reading: {epochs: 2, length: 24, batch: 16}
"""


def _title(number: int, *, is_other: bool = False) -> str:
    maker, kind = _MAKERS[number % 4], _KINDS[number % 5]
    code = f"{maker[:2]}-{number + 100}x"
    return f"{maker} {kind} {code}" if is_other else f"{maker} {code.replace('-', '')} {kind}"


def _lines(numbers: range) -> str:
    rows = [(n, (n + gap) % 40) for n in numbers for gap in range(4)]
    return "".join(
        f"COL title VAL {_title(a)}\tCOL title VAL {_title(b, is_other=True)}\t{int(a == b)}\n"
        for a, b in rows
    )


class _Screen:
    def __init__(self, killed_after=99):
        self.total, self.epochs, self.killed_after = 0, 0, killed_after

    def say(self, text): ...

    def begin(self, epochs):
        self.total = epochs

    def epoch(self, curve):
        self.epochs = len(curve)
        if self.epochs == self.killed_after:
            raise KeyboardInterrupt

    def trial(self, trial, of): ...


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("shop")
    (folder / "pairs").mkdir()
    (folder / "pairs" / "train.txt").write_text(_lines(range(40)))
    (folder / "pairs" / "valid.txt").write_text(_lines(range(0, 40, 3)))
    (folder / "knobs.yaml").write_text(_KNOBS)
    titles = [_title(n) for n in range(6)] + [_title(2, is_other=True), "=cmd() " + _title(3)]
    columns = {"item_id": [str(n) for n in range(8)], "title": titles}
    empty = {name: [""] * 8 for name in ("description", "brand", "category_path")}
    pq.write_table(pa.table(columns | empty), folder / "items.parquet")
    tiny_checkpoint(folder / "tiny", [*_MAKERS, *_KINDS])
    return folder


@pytest.fixture
def settings(place):
    return lambda home: Settings(home=place / home, encoder=str(place / "tiny"), threads=1)


@pytest.fixture
def wish(place):
    return TextWish("duplicates", data=place / "pairs", config=place / "knobs.yaml")


def test_a_killed_run_ends_in_the_same_version_and_leaves_no_checkpoint(wish, settings):
    screen = _Screen()
    whole = train_text(settings("whole"), wish, screen)
    assert screen.epochs == screen.total == 4  # two folds of two epochs
    with pytest.raises(KeyboardInterrupt):
        train_text(settings("killed"), wish, _Screen(killed_after=3))
    assert list(settings("killed").searches_dir.glob("*.safetensors"))
    resumed = train_text(settings("killed"), wish, _Screen())
    assert resumed.bundle.version == whole.bundle.version
    assert not list(settings("killed").searches_dir.glob("*.safetensors"))


def test_the_bundle_tells_its_figures_its_curve_and_every_knob(wish, settings):
    bundle = open_matcher(train_text(settings("whole"), wish, _Screen()).bundle.folder)
    assert set(bundle.card["metrics"]) == {"f1", "duplicate_share", "valid_f1"}
    assert [epoch["epoch"] for epoch in bundle.card["curve"]] == [1.0, 2.0, 3.0, 4.0]
    assert bundle.card["knobs"]["matching.folds"] == 2
    page = (bundle.folder / "card.html").read_text()
    for text in ("matching.trees", "of the forest over string evidence", "loss by epoch"):
        assert text in page


def test_the_table_has_the_pair_that_is_one_product_first_with_reasons(
    wish, settings, place, tmp_path
):
    train_text(settings("whole"), wish, _Screen())
    found = find_duplicates(
        settings("whole"), DuplicateWish(place / "items.parquet"), talk=lambda _: None
    )
    pairs = {(row["item"], row["other"]) for row in found.rows if row["duplicate"]}
    assert {("2", "6"), ("3", "7")} <= pairs
    chances = [row["probability"] for row in found.rows]
    assert chances == sorted(chances, reverse=True)
    write_table(tmp_path / "table.csv", found.rows)
    with (tmp_path / "table.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == COLUMNS
    assert any("shared model number" in row["for"] for row in rows)
    titles = {row["title"] for row in rows} | {row["other title"] for row in rows}
    assert any(title.startswith("'=cmd()") for title in titles)
    assert not any(title.startswith("=") for title in titles)


def test_a_catalogue_of_variants_that_were_not_taught_is_warned_of(wish, settings, tmp_path):
    train_text(settings("whole"), wish, _Screen())
    titles = [
        f"{_title(2)} {word}" for word in ["red", "blue", "green", "white", "black", "grey", "pink"]
    ] * 4
    columns = {"item_id": [str(n) for n in range(28)], "title": titles}
    empty = {name: [""] * 28 for name in ("description", "brand", "category_path")}
    pq.write_table(pa.table(columns | empty), tmp_path / "items.parquet")
    said = []
    find_duplicates(settings("whole"), DuplicateWish(tmp_path / "items.parquet"), said.append)
    assert any(line.startswith("warning:") for line in said)


def test_networks_read_no_more_pairs_than_they_may(wish, settings, place):
    train_text(settings("whole"), wish, _Screen())
    wishes = [DuplicateWish(place / "items.parquet", least=0, most_read=most) for most in (0, 99)]
    unread, read = (find_duplicates(settings("whole"), one, lambda _: None) for one in wishes)
    assert unread.candidates == read.candidates == len(read.rows) == len(unread.rows)
    assert [row["probability"] for row in unread.rows] != [row["probability"] for row in read.rows]


def test_the_command_writes_the_table_and_prints_it(wish, settings, place, tmp_path, monkeypatch):
    train_text(settings("whole"), wish, _Screen())
    monkeypatch.setattr("flows.cli_listings.active_settings", lambda: settings("whole"))
    out = tmp_path / "found.csv"
    asked = ["listings", "duplicates", str(place / "items.parquet"), "--out", str(out), "--json"]
    result = CliRunner().invoke(app, asked)
    assert result.exit_code == 0
    assert len(json.loads(result.stdout)) == len(out.read_text().splitlines()) - 1


def test_without_a_matcher_it_says_how_to_train_one(settings, place):
    with pytest.raises(StateError, match="no matcher") as refused:
        find_duplicates(settings("empty"), DuplicateWish(place / "items.parquet"), lambda _: None)
    assert "counterfoil train duplicates" in refused.value.next_step
    assert refused.value.exit_code == 2


def test_a_search_over_its_knobs_is_refused(wish, settings):
    with pytest.raises(InputError, match="cannot be searched"):
        train_text(settings("empty"), TextWish(**vars(wish) | {"trials": 2}), _Screen())


def test_training_without_pairs_or_with_two_sets_of_them_is_refused(settings, wish, place):
    for data, what in ((None, "no pairs to learn from"), (place / "two", "one is needed")):
        for name in ("a", "b"):
            (place / "two" / name).mkdir(parents=True, exist_ok=True)
            (place / "two" / name / "train.txt").write_text("")
        with pytest.raises(InputError, match=what):
            train_text(settings("empty"), TextWish(**vars(wish) | {"data": data}), _Screen())
