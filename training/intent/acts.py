"""Intent by what a session did so far: how often each act happened, and which followed which.

Counts are taken as Poisson with a rate for each intent and act, the order as a Markov chain, so
that the evidence of a session is a sum of terms: exact, explained by its terms, and learned by
counting. Both are learned from simulated sessions (``train_acts.py``). Knows no files.

Dimensions: N sessions, A acts, K intents.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from governance.errors import InputError
from training.intent.lexicon import INTENTS

# Pages seen, items opened, items put in the cart, items bought, reviews read.
ACTS = ("browse", "click", "cart", "purchase", "review")
MOST_ACTS = 1_000  # a session with more of one act is a robot's; its evidence stops growing
_PRIOR_SESSIONS = 1.0  # the weight, in sessions, of the mean rate in every fitted rate
_PRIOR_STEPS = 1.0  # the weight, in steps, of the mean share in every fitted share
_SURPRISE = 1e-3  # share of steps that may be anything: no order is ever impossible
_START = len(ACTS)  # what the first act follows

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class ActModel:
    """Rates (K, A) of each act in a session, and shares (K, A + 1, A) of what follows an act."""

    rates: Floats
    steps: Floats

    def of_counts(self, acts: Mapping[str, int]) -> Floats:
        """(K, A): log likelihood of each act's count; zeros where nothing is known."""
        if not acts:
            return np.zeros_like(self.rates)
        counts = np.array([min(acts.get(act, 0), MOST_ACTS) for act in ACTS], dtype=np.float64)
        found: Floats = counts * np.log(self.rates) - self.rates
        return found

    def of_order(self, acts: Sequence[str]) -> Floats:
        """(K,): log likelihood of which act followed which, beyond how often each happens."""
        codes = [ACTS.index(act) for act in acts[:MOST_ACTS]]
        before = [_START, *codes][: len(codes)]
        usual = np.log(self.rates / self.rates.sum(axis=1, keepdims=True))
        found: Floats = (np.log(self.steps[:, before, codes]) - usual[:, codes]).sum(axis=1)
        return found


def checked_acts(acts: Mapping[str, object]) -> dict[str, int]:
    """Known acts with whole counts from 0 on; InputError names the one that is not."""
    checked = {}
    for act, count in acts.items():
        if act not in ACTS:
            raise InputError(
                f"acts.{act} is unknown", where=f"acts.{act}", why=f"known are {', '.join(ACTS)}"
            )
        if isinstance(count, bool) or not isinstance(count, int) or count < 0:
            raise InputError(
                f"acts.{act} is {count!r}", where=f"acts.{act}", why="a whole number from 0 on"
            )
        checked[act] = count
    return checked


def counted(acts: Sequence[str]) -> dict[str, int]:
    """How often each act happened."""
    return {act: acts.count(act) for act in ACTS}


def fit_acts(sessions: Sequence[Sequence[str]], labels: Labels) -> ActModel:
    """From N labelled sessions: means and shares, drawn a little to those of all sessions."""
    counts = np.array([[acts.count(act) for act in ACTS] for acts in sessions], dtype=np.float64)
    steps = np.zeros((len(INTENTS), len(ACTS) + 1, len(ACTS)))
    for acts, label in zip(sessions, labels, strict=True):
        codes = [ACTS.index(act) for act in acts]
        np.add.at(steps[label], ([_START, *codes][: len(codes)], codes), 1)
    return ActModel(_rates(counts, labels), _shares(steps))


def _rates(counts: Floats, labels: Labels) -> Floats:
    overall = counts.mean(axis=0) + 1e-3
    rates = np.empty((len(INTENTS), len(ACTS)))
    for intent in range(len(INTENTS)):
        inside = counts[labels == intent]
        rates[intent] = (inside.sum(axis=0) + _PRIOR_SESSIONS * overall) / (
            len(inside) + _PRIOR_SESSIONS
        )
    return rates


def _shares(steps: Floats) -> Floats:
    pooled = steps.sum(axis=0, keepdims=True) + 1 / len(ACTS)
    prior = _PRIOR_STEPS * pooled / pooled.sum(axis=2, keepdims=True)
    seen = (steps + prior) / (steps + prior).sum(axis=2, keepdims=True)
    shares: Floats = (1 - _SURPRISE) * seen + _SURPRISE / len(ACTS)
    return shares
