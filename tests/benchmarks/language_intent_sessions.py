"""Intent of whole sessions: text alone, acts alone, both; for ``language_intent.py``.

The model of acts and the weights that ship judge sessions of a seed of their own. Each session
types a judged query of its intent, or one of a purchase where it keeps its intent to itself; what
the text says of that query comes from a model that had not seen it.

Dimensions: Q queries, N sessions, K intents.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from training.intent.model import learned_acts
from training.intent.sessions import evidence, fused, known_sessions, texts_said
from training.intent.train import card_facts

_ORDERS = {True: 1_000, False: 4_000}  # by whether it is quick
_SEED = 1  # the shipped model learned from sessions of seed 0


def session_answers(
    of_queries: np.ndarray, labels: np.ndarray, *, quick: bool
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """(N,) true intents, and what each source says; ``of_queries`` are (Q, K) log probabilities."""
    sessions = known_sessions(orders=_ORDERS[quick], seed=_SEED)
    model, weights = learned_acts(card_facts()["acts"])
    of_text = of_queries[texts_said(sessions, labels, seed=_SEED)]
    of_acts = evidence(model, sessions)
    sources: dict[str, Any] = {
        "text": replace(weights, counts=0.0, order=0.0),
        "acts": replace(weights, text=0.0),
        "text_and_acts": weights,
    }
    said = {name: fused(of_text, of_acts, each).argmax(axis=1) for name, each in sources.items()}
    return sessions.labels, said
