"""Queries per second of intent, one at a time: the float model and the int8 one (task speed).

The model is taught for one epoch, since speed does not depend on what it learned; the queries are
those of the gold set, or of its first rows with ``quick``. Loading is not counted.
"""

import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from language_intent import GOLD

from training.encoder.checkpoint import load_encoder
from training.fine_tuning.config import FineTuning
from training.fine_tuning.lesson import Texts
from training.intent.model import IntentModel, TextModel
from training.intent.train import card_facts, read_queries, teach
from training.text_bundle import save_text_bundle

_QUERIES = {"full": 1_000, "quick": 200}
_WARM_UP = 20  # answers that are not counted


def measure(data: Path | None, *, quick: bool, work: Path) -> dict[str, Any]:
    """p50 and p99 in ms and queries per second; ``explained`` also leaves each word out."""
    del data  # of the catalogue; queries are asked here
    queries = read_queries(GOLD).texts.first[: _QUERIES["quick" if quick else "full"]]
    taught = teach(
        None, encoder=load_encoder(), knobs=FineTuning(epochs=1, length=32), checkpoint=None
    )
    bundle = save_text_bundle(work / "speed-intent", taught, facts={}, with_int8=True)
    models: dict[str, TextModel] = {"float": bundle.model(), "int8": bundle.int8()}
    figures: dict[str, Any] = {}
    for name, model in models.items():
        figures[f"intent_{name}"] = _timed(lambda query, of=model: _plain(of, query), queries)
        whole = IntentModel.beside(model, card_facts()["acts"])
        figures[f"intent_{name}_explained"] = _timed(whole.answer, queries)
    figures["intent_int8_cost"] = bundle.card["int8"]
    return figures


def _plain(model: TextModel, query: str) -> None:
    model.probabilities(Texts((query,)))


def _timed(ask: Any, queries: tuple[str, ...]) -> dict[str, float]:
    for query in queries[:_WARM_UP]:
        ask(query)
    seconds = []
    for query in queries:
        began = time.perf_counter()
        ask(query)
        seconds.append(time.perf_counter() - began)
    p50, p99 = np.percentile(seconds, (50, 99)) * 1_000
    figures = {"p50_ms": float(p50), "p99_ms": float(p99), "qps": len(seconds) / sum(seconds)}
    sys.stderr.write(f"speed, intent: p50 {p50:.2f} ms, p99 {p99:.2f} ms\n")
    return {name: round(value, 3) for name, value in figures.items()}
