"""How spans of personal data are judged: by offsets alone, each true span matched once."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

PROJECT_ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(PROJECT_ROOT / "tests" / "benchmarks"))

from language_personal_data import fold_of  # noqa: E402 - beside this folder
from language_personal_data_shop import canary_texts  # noqa: E402
from language_personal_data_spans import (  # noqa: E402
    Counts,
    characters,
    counted,
    merged,
    overlap,
    published,
)

from governance.errors import InputError  # noqa: E402
from training.personal_data.marked import read_sentences  # noqa: E402

TRUE = [(0, 10, "PERSON"), (20, 30, "GPE")]


def test_a_span_is_right_from_nine_tenths_of_overlap_and_with_its_kind() -> None:
    assert counted(TRUE, [(0, 9, "PERSON"), (20, 30, "GPE")]) == Counts(2, 2, 2)
    assert counted(TRUE, [(0, 8, "PERSON"), (20, 30, "PERSON")]) == Counts(2, 2, 0)
    assert counted(TRUE, [(20, 30, "PERSON")], any_kind=True) == Counts(2, 1, 1)


def test_one_true_span_is_matched_by_one_found_span() -> None:
    assert counted([TRUE[0]], [(0, 10, "PERSON"), (0, 10, "PERSON")]) == Counts(1, 2, 1)


def test_f2_weighs_recall_twice_and_nothing_found_is_nothing() -> None:
    counts = Counts(true=10, found=5, both=5)
    assert (counts.precision, counts.recall) == (1.0, 0.5)
    assert counts.f2 == pytest.approx(5 * 1.0 * 0.5 / (4 * 1.0 + 0.5))
    assert Counts().f2 == 0.0
    assert overlap((0, 5, ""), (5, 9, "")) == 0.0


def test_the_published_definition_joins_neighbours_and_asks_for_no_kind() -> None:
    text = "12 Elm Road, Bern"
    parts = [(0, 2, "STREET_ADDRESS"), (3, 11, "STREET_ADDRESS"), (13, 17, "GPE")]
    assert merged(text, parts[:2]) == [(0, 11, "STREET_ADDRESS")]
    assert published(text, parts, [(0, 17, "STREET_ADDRESS")]) == Counts(1, 1, 1)


def test_characters_are_counted_once_however_often_they_are_marked() -> None:
    assert characters(TRUE, [(0, 8, "A"), (5, 10, "B")]) == Counts(20, 10, 10)


def test_the_sentences_of_a_template_share_a_fold() -> None:
    groups = [n // 3 for n in range(60)]
    fold = fold_of(groups, 5)
    assert all(len(set(fold[np.array(groups) == g])) == 1 for g in set(groups))
    assert set(fold.tolist()) == set(range(5))


def test_a_file_of_another_format_is_named_with_its_row(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    with pytest.raises(InputError, match="cannot be read"):
        read_sentences(path)
    path.write_text(json.dumps([{"full_text": "a", "spans": [{"entity_type": "X"}]}]))
    with pytest.raises(InputError, match="not of the format") as raised:
        read_sentences(tmp_path)
    assert raised.value.where.endswith("[0]")


def test_canaries_lie_where_they_are_said_to_lie() -> None:
    planted = [one for of in canary_texts().values() for one in of]
    assert len(planted) > 100
    for text, _, where in planted:
        assert text[where.start : where.end].strip()
