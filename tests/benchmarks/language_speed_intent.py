"""Queries per second of intent: the float model and the int8 one (task speed).

The model is taught for one epoch, since speed does not depend on what it learned; the queries are
those of the gold set, or of its first rows with ``quick``. Loading is not counted.
"""

import sys
from functools import partial
from pathlib import Path
from typing import Any

from language_intent import GOLD
from timed_answers import timed

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
    bundle = save_text_bundle(work / "speed-intent", taught, facts={})
    models: dict[str, TextModel] = {"float": bundle.model(), "int8": bundle.int8()}
    figures: dict[str, Any] = {}
    for name, model in models.items():
        whole = IntentModel.beside(model, card_facts()["acts"])
        asked = {"": partial(_plain, model), "_explained": whole.answer}
        for way, ask in asked.items():
            figures[f"intent_{name}{way}"] = timed(ask, queries, warm_up=_WARM_UP)
            sys.stderr.write(f"speed: intent_{name}{way}: {figures[f'intent_{name}{way}']}\n")
    figures["intent_int8_cost"] = bundle.card["int8"]
    return figures


def _plain(model: TextModel, query: str) -> None:
    model.probabilities(Texts((query,)))
