"""Intent by what a session did: how often each act happens where someone buys, learns, compares.

Counts are taken as Poisson with a rate for each intent and act, so that the evidence of a session
is a sum of one term an act: exact, explained by its terms, and learned by counting.
``DEFAULT_RATES`` stand where a shop has no labelled sessions: assumptions, not measurements.
Knows no files.

Dimensions: N sessions, A acts, K intents.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from governance.errors import InputError
from training.intent.lexicon import INTENTS

ACTS = (
    "browse",
    "click",
    "cart",
    "purchase",
    "review",
)  # pages seen, items opened, ..., reviews read
_PRIOR_SESSIONS = 1.0  # the weight, in sessions, of the mean rate in every fitted rate
_MOST_ACTS = 1_000  # a session with more of one act is a robot's; its evidence stops growing

Counts = NDArray[np.float64]  # (N, A)
DEFAULT_RATES = np.array(
    [  # browse, click, cart, purchase, review
        [4.0, 2.0, 1.2, 0.8, 0.5],  # buy: few pages, then the cart
        [8.0, 1.5, 0.1, 0.05, 1.5],  # learn: many pages, nothing in the cart
        [6.0, 6.0, 0.5, 0.2, 4.0],  # compare: many items opened, many reviews read
        [1.5, 0.2, 0.02, 0.01, 0.1],  # out of shop: gone at once
    ]
)


@dataclass(frozen=True)
class ActRates:
    """Mean number of each act in a session of each intent: (K, A), all above zero."""

    rates: Counts

    def evidence(self, acts: Mapping[str, int]) -> Counts:
        """(K, A): log likelihood of each act's count; zeros where nothing is known."""
        if not acts:
            return np.zeros_like(self.rates)
        counts = np.array([min(acts.get(act, 0), _MOST_ACTS) for act in ACTS], dtype=np.float64)
        found: Counts = counts * np.log(self.rates) - self.rates
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


def fit_rates(counts: Counts, labels: NDArray[np.int64]) -> ActRates:
    """Rates from N labelled sessions: means, drawn a little to the mean of all."""
    overall = counts.mean(axis=0) + 1e-3
    rates = np.empty((len(INTENTS), len(ACTS)))
    for intent in range(len(INTENTS)):
        inside = counts[labels == intent]
        rates[intent] = (inside.sum(axis=0) + _PRIOR_SESSIONS * overall) / (
            len(inside) + _PRIOR_SESSIONS
        )
    return ActRates(rates)
