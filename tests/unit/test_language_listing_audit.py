"""Listings that a reader judged: each once, by digest; figures only where they are judged."""

import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
from language_calibration import calibration_error
from language_listing_audit import LABELS, audited

from training.listing_quality.listing import DEFECTS
from training.listing_quality.mixes import Mix


def test_every_listing_that_was_read_has_one_label_and_stands_there_by_digest_alone():
    labels = yaml.safe_load(LABELS.read_text(encoding="utf-8"))
    assert labels.keys() <= {"good", *DEFECTS}
    digests = [digest for found in labels.values() for digest in found]
    assert len(digests) == len(set(digests)) == 400
    assert all(len(digest) == 12 and int(digest, 16) >= 0 for digest in digests)


def test_other_data_have_no_figures_of_a_reader():
    assert audited(None, Mix((), ()), []) == {}


def test_a_weight_of_two_is_two_listings_to_the_calibration_error():
    chance, happened = np.array([0.1, 0.1, 0.9]), np.array([False, True, True])
    twice = calibration_error(chance[[0, 1, 1, 2]], happened[[0, 1, 1, 2]])
    assert calibration_error(chance, happened, weight=np.array([1, 2, 1])) == pytest.approx(twice)
    assert calibration_error(np.array([0.5, 0.5]), np.array([True, False])) == 0
