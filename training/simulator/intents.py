"""What each simulated session wants, and all that it does for it: pages, clicks, carts, reviews.

The log (``simulate.py``) knows which sessions buy, only look, or leave a full cart. Here each gets
an intent: those that buy or fill a cart want to buy, those that only look want to learn or to
compare, and further sessions want what the shop does not have. An intent adds acts that no raw
table holds: guide pages, second looks, reviews read. Draws come from a stream of their own, so
that the log keeps its bytes. ``intended_sessions(simulate(...), config=IntentConfig())``.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from training.simulator.simulate import Simulation

BROWSE, CLICK, CART, PURCHASE, REVIEW = "browse", "click", "cart", "purchase", "review"
SESSION_INTENTS = ("buy", "learn", "compare", "out_of_shop")
INTENDED_SCHEMA = pa.schema(
    {
        "session_id": pa.string(),
        "intent": pa.string(),
        "is_plain": pa.bool_(),  # types the words of goods only, whatever it wants
        "acts": pa.list_(pa.string()),  # in order of time
    }
)
_ACT_OF_EVENT = {"view": CLICK, "cart": CART, "purchase": PURCHASE}
_STREAM = 2  # of the seed; the log draws from streams [seed] and [seed, 1 + chunk]


@dataclass(frozen=True)
class IntentConfig:
    """Known truth: what a model of acts should recover."""

    seed: int = 20170101
    learn_rate: float = 0.5  # of the sessions that only look: wants to know; the others compare
    out_rate: float = 0.25  # sessions for each of the log that want what the shop does not have
    plain_rate: float = 0.4  # chance that a query names goods and tells nothing of the intent
    guide_pages_mean: float = 1.5  # further pages that a learner reads after each list
    second_looks_mean: float = 3.0  # items that a comparer opens again after the last list
    buy_review_rate: float = 0.15  # chance that a buyer reads the reviews of an item opened
    learn_review_rate: float = 0.1
    compare_review_rate: float = 0.6
    out_click_rate: float = 0.15  # chance that who finds nothing opens an item all the same


def intended_sessions(made: Simulation, *, config: IntentConfig) -> pa.Table:
    """A row for each session of the log and those that found nothing; same input, same bytes."""
    rng = np.random.default_rng([config.seed, _STREAM])
    acts = _logged_acts(made)
    rows = []
    for session_id, kind in zip(*_truth(made), strict=True):
        looks = kind == "researching"
        intent = ("learn" if rng.random() < config.learn_rate else "compare") if looks else "buy"
        done = list(_with_intent(acts.get(session_id, []), intent, config, rng))
        rows.append((session_id, intent, bool(rng.random() < config.plain_rate), done))
    for number in range(round(config.out_rate * len(rows))):
        rows.append((f"ses-out-{number}", "out_of_shop", False, _found_nothing(config, rng)))
    columns = [list(column) for column in zip(*rows, strict=True)] or [[], [], [], []]
    return pa.table(columns, schema=INTENDED_SCHEMA)


def _truth(made: Simulation) -> tuple[list[str], list[str]]:
    return made.sessions["session_id"].to_pylist(), made.sessions["kind"].to_pylist()


def _logged_acts(made: Simulation) -> dict[str, list[str]]:
    """The acts of each session in order of time; a list shown is one page."""
    events = made.events.sort_by([("event_at", "ascending"), ("event_id", "ascending")])
    names = ("session_id", "event_type", "position")
    columns = (events[name].to_pylist() for name in names)
    found: dict[str, list[str]] = {}
    for session_id, kind, position in zip(*columns, strict=True):
        act = BROWSE if kind == "impression" and position == 1 else _ACT_OF_EVENT.get(kind)
        if act:
            found.setdefault(session_id, []).append(act)
    return found


def _with_intent(
    logged: list[str], intent: str, config: IntentConfig, rng: np.random.Generator
) -> Iterator[str]:
    """The logged acts, with those between and after them that the intent brings."""
    review_rate = float(getattr(config, f"{intent}_review_rate"))
    again = int(rng.poisson(config.second_looks_mean)) if intent == "compare" else 0
    for act in [*logged, *[CLICK] * again]:
        yield act
        if act == BROWSE and intent == "learn":
            yield from [BROWSE] * int(rng.poisson(config.guide_pages_mean))
        if act == CLICK and rng.random() < review_rate:
            yield REVIEW


def _found_nothing(config: IntentConfig, rng: np.random.Generator) -> list[str]:
    clicks = [CLICK] if rng.random() < config.out_click_rate else []
    return [BROWSE] * (1 + int(rng.poisson(0.3))) + clicks  # some try once more
