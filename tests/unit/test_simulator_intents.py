"""Simulated sessions have an intent that their acts tell, and the log stays as it was."""

import numpy as np
import pyarrow as pa
import pytest

from training.intent.sessions import known_sessions
from training.simulator.config import SimulatorConfig
from training.simulator.intents import SESSION_INTENTS, IntentConfig, intended_sessions
from training.simulator.log import EVENTS_SCHEMA, INTENTS_SCHEMA, SEARCHES_SCHEMA, SESSIONS_SCHEMA
from training.simulator.simulate import Simulation

SESSIONS = 4_000
KINDS = ("buying", "researching")


@pytest.fixture(scope="module")
def made() -> Simulation:
    """A log of sessions that saw one list and opened two items; every second one bought one."""
    rows = []
    for number in range(SESSIONS):
        acts = [("impression", 1), ("impression", 2), ("view", 1), ("view", 2)]
        acts += [("cart", None), ("purchase", None)] if number % 2 == 0 else []
        for place, (kind, position) in enumerate(acts):
            row = dict.fromkeys(EVENTS_SCHEMA.names)
            row |= {"session_id": f"ses-{number:05d}", "event_type": kind, "position": position}
            rows.append(row | {"event_id": f"evt-{number:05d}-{place}"})
    sessions = [
        {"session_id": f"ses-{number:05d}", "kind": KINDS[number % 2]} for number in range(SESSIONS)
    ]
    return Simulation(
        pa.Table.from_pylist(rows, EVENTS_SCHEMA),
        SEARCHES_SCHEMA.empty_table(),
        INTENTS_SCHEMA.empty_table(),
        pa.Table.from_pylist(sessions, SESSIONS_SCHEMA),
        SimulatorConfig(),
    )


def _of(table: pa.Table, intent: str) -> list[dict]:
    return [row for row in table.to_pylist() if row["intent"] == intent]


def _mean(rows: list[dict], act: str) -> float:
    return float(np.mean([row["acts"].count(act) for row in rows]))


def test_the_shares_of_intents_are_those_of_the_config(made: Simulation) -> None:
    config = IntentConfig(learn_rate=0.3, out_rate=0.5)
    table = intended_sessions(made, config=config)
    counts = [len(_of(table, intent)) / SESSIONS for intent in SESSION_INTENTS]
    assert counts == pytest.approx([0.5, 0.15, 0.35, 0.5], abs=0.02)


def test_reviews_pages_and_second_looks_are_those_of_the_config(made: Simulation) -> None:
    config = IntentConfig()
    table = intended_sessions(made, config=config)
    learn, compare = _of(table, "learn"), _of(table, "compare")
    assert _mean(learn, "browse") == pytest.approx(1 + config.guide_pages_mean, abs=0.15)
    looks = 2 + config.second_looks_mean
    assert _mean(compare, "click") == pytest.approx(looks, abs=0.2)
    reviews = config.compare_review_rate * looks
    assert _mean(compare, "review") == pytest.approx(reviews, abs=0.2)
    assert _mean(_of(table, "buy"), "purchase") == 1


def test_two_runs_are_equal_and_another_seed_is_not(made: Simulation) -> None:
    one, again, other = (
        intended_sessions(made, config=IntentConfig(seed=seed)) for seed in (1, 1, 2)
    )
    assert one.equals(again)
    assert not one.equals(other)


def test_an_empty_log_has_no_sessions(made: Simulation) -> None:
    empty = Simulation(made.events[:0], made.searches, made.intents, made.sessions[:0], made.config)
    assert intended_sessions(empty, config=IntentConfig()).num_rows == 0


def test_sessions_for_training_are_cut_at_one_of_their_acts_and_know_every_intent() -> None:
    sessions = known_sessions(orders=100)
    assert set(sessions.labels.tolist()) == set(range(len(SESSION_INTENTS)))
    assert all(sessions.acts)
    ends = {acts[-1] for acts in sessions.acts}
    assert {"browse", "click"} <= ends
