"""Sessions of known intent from the simulator, each cut at a moment, as serving would see them.

Here because learning the acts and judging them want the same sessions. The shop is made up: what
sessions do follows from the size of baskets and the simulator's parameters, not from its goods.

Dimensions: N sessions, K intents.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa

from training.intent.acts import ActModel, Floats, Labels, counted
from training.intent.lexicon import INTENTS
from training.intent.model import Weights
from training.simulator.config import SimulatorConfig
from training.simulator.intents import IntentConfig, intended_sessions
from training.simulator.simulate import simulate

_FIRST_DAY = datetime.fromisoformat("2024-01-01T08:00:00")
_ITEMS, _TYPES, _DEPARTMENTS, _USERS = 300, 30, 6, 200
_EXTRA_LINES = 2.0  # mean of a basket's lines beyond the first


@dataclass(frozen=True)
class KnownSessions:
    """N sessions up to a moment, what each wants, and whether its query keeps that to itself."""

    acts: tuple[tuple[str, ...], ...]
    labels: Labels
    is_plain: np.ndarray

    def __len__(self) -> int:
        return len(self.acts)

    def take(self, rows: np.ndarray) -> "KnownSessions":
        """The given rows, in their order."""
        acts = tuple(self.acts[row] for row in rows)
        return KnownSessions(acts, self.labels[rows], self.is_plain[rows])


def known_sessions(*, orders: int = 4_000, seed: int = 0) -> KnownSessions:
    """Simulated sessions, each seen up to one of its acts; same seed, same sessions."""
    draw = np.random.default_rng(seed)
    config = SimulatorConfig(seed=seed, event_count=40 * orders)
    made = simulate(*_made_up_shop(orders, draw), config=config)
    table = intended_sessions(made, config=IntentConfig(seed=seed))
    rows = [row for row in table.to_pylist() if row["acts"]]
    return KnownSessions(
        tuple(tuple(row["acts"][: draw.integers(1, len(row["acts"]) + 1)]) for row in rows),
        np.array([INTENTS.index(row["intent"]) for row in rows], dtype=np.int64),
        np.array([row["is_plain"] for row in rows]),
    )


def evidence(model: ActModel, sessions: KnownSessions) -> Floats:
    """(2, N, K): what counts and what order say of each session, before weights."""
    counts = [model.of_counts(counted(acts)).sum(axis=1) for acts in sessions.acts]
    return np.array([counts, [model.of_order(acts) for acts in sessions.acts]])


def fused(of_text: Floats, of_acts: Floats, weights: Weights) -> Floats:
    """(N, K): the sum that ``IntentModel`` takes, for many sessions at once."""
    found: Floats = (
        weights.text * of_text + weights.counts * of_acts[0] + weights.order * of_acts[1]
    )
    return found


def texts_said(sessions: KnownSessions, labels: Labels, *, seed: int) -> Labels:
    """(N,) for each session a row of labelled texts that it might have typed.

    One with the session's own intent; where its query keeps that to itself, one that buys.
    """
    draw = np.random.default_rng(seed)
    rows = [np.flatnonzero(labels == intent) for intent in range(len(INTENTS))]
    said = np.where(sessions.is_plain, INTENTS.index("buy"), sessions.labels)
    found: Labels = np.array([draw.choice(rows[intent]) for intent in said], dtype=np.int64)
    return found


def _made_up_shop(orders: int, draw: np.random.Generator) -> tuple[pa.Table, pa.Table]:
    order = np.repeat(np.arange(orders), 1 + draw.poisson(_EXTRA_LINES, orders))
    item = draw.integers(_ITEMS, size=len(order))
    lines = pa.table(
        {
            "order_id": [f"o{number:06d}" for number in order],
            "user_id": [f"u{number % _USERS}" for number in order],
            "item_id": [f"i{number:03d}" for number in item],
            "quantity": [1] * len(order),
            "unit_price": [1.0] * len(order),
            "ordered_at": [_FIRST_DAY + timedelta(minutes=20 * int(number)) for number in order],
        }
    )
    items = pa.table(
        {
            "item_id": [f"i{number:03d}" for number in range(_ITEMS)],
            "title": [f"thing number {number}" for number in range(_ITEMS)],
            "brand": pa.nulls(_ITEMS, pa.string()),
            "category_path": [f"D{n % _DEPARTMENTS} > T{n % _TYPES}" for n in range(_ITEMS)],
        }
    )
    return lines, items
