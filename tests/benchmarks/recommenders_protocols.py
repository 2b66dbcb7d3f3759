"""The two protocols of sequences, and how much is tried: in full, or rough and quick."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from training.fusion.train import FusionConfig
from training.single_target import hits, ndcg, reciprocal

Values = np.ndarray


@dataclass(frozen=True)
class Protocol:
    """What may be proposed, and what is measured."""

    name: str
    hides_seen: bool
    in_time_order: bool  # are later sequences of the file newer?
    metrics: dict[str, Callable[[Values], Values]]
    judge: Callable[[Values], Values]  # what choices are made by


LEAVE_ONE_OUT = Protocol(
    name="leave-one-out",
    hides_seen=True,
    in_time_order=False,
    metrics={"ndcg_at_10": lambda p: ndcg(p, 10), "hr_at_10": lambda p: hits(p, 10)},
    judge=lambda p: ndcg(p, 10),
)
SESSIONS = Protocol(
    name="sessions",
    hides_seen=False,
    in_time_order=True,
    metrics={"p_at_20": lambda p: hits(p, 20), "mrr_at_20": lambda p: reciprocal(p, 20)},
    judge=lambda p: hits(p, 20) + reciprocal(p, 20),
)


def threads() -> int:
    """As many as numpy was given."""
    return int(os.environ["OMP_NUM_THREADS"])


@dataclass(frozen=True)
class Effort:
    """How much is tried; ``--quick`` is rough. Items are never sampled."""

    knob_requests: int = 6_000  # validation requests that choose a model's knobs
    knob_rounds: int = 1
    kept: int = 100  # proposals of a retriever per request
    taught_requests: int = 30_000  # validation requests that teach the fusion
    test_requests: int = 10_000_000  # drawn by user or session where there are more
    fusion: FusionConfig = field(default_factory=lambda: FusionConfig(threads=threads()))
    sasrec_seconds: float = 1_200.0  # of learning; epochs are cut to fit
    peers: tuple[str, ...] = (
        "implicit_cosine", "implicit_bm25", "implicit_als", "implicit_bpr", "rectools_ease",
        "rectools_sasrec",
    )  # fmt: skip
    peer_seconds: float = 500.0  # of a peer that learns in epochs
    peer_limit_seconds: float = 800.0  # of any peer, imports and scoring included
    peers_seconds: float = 900.0  # of all peers: a part of the table has 3,000 s
    sasrec_most_acts: int = 100_000_000  # more are not learned from: an epoch would take too long
    with_sasrec: bool = True


def quick() -> Effort:
    """A quarter of the table's ten minutes for a data set of Beauty's or Diginetica's size."""
    return Effort(
        knob_requests=1_000,
        knob_rounds=0,  # the models' own defaults
        kept=60,
        taught_requests=6_000,
        test_requests=4_000,
        fusion=FusionConfig(trees=100, learning_rate=0.1, threads=threads()),
        sasrec_seconds=30.0,
        sasrec_most_acts=300_000,
        peers=("implicit_cosine", "implicit_bm25", "implicit_als"),  # the others take minutes
        peer_limit_seconds=60.0,
        peers_seconds=70.0,
    )
