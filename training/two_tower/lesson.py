"""What the two towers learn from: requests of warm items, and the words of every item.

Dimensions as in model.py. A request is a user's items before an act, its target the item of the
act; every act of a user but the first is one. Pure but for torch tensors; knows no files.
"""

import hashlib
from dataclasses import asdict, dataclass

import numpy as np
import scipy.sparse as sp
import torch

from governance.errors import InputError
from governance.files import digest_of
from training.cold_items import ColdSplit
from training.shop_data import Floats, Ints
from training.two_tower.config import TwoTowerConfig
from training.two_tower.model import profiles, with_vectors
from training.two_tower.network import Bags
from training.two_tower.words import BUCKETS

_FREE = ("epochs", "patience")  # may change between a run and its resumption


@dataclass(frozen=True)
class Lesson:
    """What is learned from: requests of warm items, and every item's words."""

    shown: sp.csr_array  # (examples, V)
    target: Ints
    words: sp.csr_array  # (V, W), rows of length 1
    learned: sp.csr_array  # (V, R)
    warm: Ints
    log_chance: Floats  # (V,): log of the chance to be among the candidates of a batch


def lesson_of(split: ColdSplit, words: sp.csr_array, row: Ints, config: TwoTowerConfig) -> Lesson:
    """Every act but a user's first is a target, asked for with what was before it."""
    histories, target = [], []
    for items in split.known.all():
        for end in range(1, len(items)):
            histories.append(items[max(end - config.history_length, 0) : end])
            target.append(items[end])
    if not target:
        raise InputError("no user has two acts on warm items, so there is nothing to learn from")
    count = split.known.item_count
    targets = np.array(target, dtype=np.int32)
    expected = config.batch * np.bincount(targets, minlength=count) / len(targets)
    expected[split.warm] += config.negatives / len(split.warm)
    return Lesson(
        shown=profiles(histories, item_count=count, decay=config.history_decay),
        target=targets,
        words=words,
        learned=with_vectors(words, row, int(row.max(initial=-1)) + 1),
        warm=split.warm,
        log_chance=np.log(np.maximum(1 - np.exp(-expected), 1e-12)).astype(np.float32),
    )


def rows_of_words(counts: sp.csr_array, weight: Floats, least: int) -> Ints:
    """(W,): the place of each word's learned vector; -1 where too few warm items have the word."""
    known = np.bincount(counts.indices, minlength=BUCKETS)
    kept = np.flatnonzero((known >= least) & (weight > 0))
    row = np.full(BUCKETS, -1, dtype=np.int32)
    row[kept] = np.arange(len(kept))
    return row


def bags(words: sp.csr_array, draw: np.random.Generator, dropout: float) -> Bags:
    """The words of some items, a share of them hidden and the rest raised to make up for it."""
    kept = draw.random(len(words.data), dtype=np.float32) >= dropout
    weight = words.data * kept / np.float32(1 - dropout)
    return Bags(
        torch.from_numpy(words.indices.astype(np.int64)),
        torch.from_numpy(words.indptr[:-1].astype(np.int64)),
        torch.from_numpy(weight.astype(np.float32)),
    )


def subject_of(lesson: Lesson, config: TwoTowerConfig) -> str:
    """A digest of all that decides the result: requests, words, settings."""
    parts = (lesson.shown.data, lesson.shown.indices, lesson.target, lesson.words.data)
    rows = hashlib.sha256(b"".join(np.ascontiguousarray(part).tobytes() for part in parts))
    knobs = {name: value for name, value in asdict(config).items() if name not in _FREE}
    return digest_of({"rows": rows.hexdigest(), "config": knobs})
