"""How far aspects and their polarity agree with a small composed sample."""

from pathlib import Path
from typing import Any

import numpy as np

from training.sentiment.aspects import judge_aspects
from training.sentiment.model import SentimentModel

SAMPLE = Path(__file__).parents[1] / "data" / "review_aspects.tsv"


def read_sample() -> list[tuple[str, dict[str, int]]]:
    """Texts, each with 1 or -1 for every aspect that it speaks of."""
    found = []
    for line in SAMPLE.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            text, _, marks = line.partition("\t")
            told = [mark.split(":") for mark in marks.split()]
            found.append((text, {name: 1 if sign == "+" else -1 for name, sign in told}))
    return found


def aspect_figures(model: SentimentModel) -> dict[str, Any]:
    """F1 of finding the aspects, and the share of those found whose sign agrees."""
    sample = read_sample()
    table = judge_aspects([text for text, _ in sample], model)
    marked = np.array([[told.get(name, 0) for name in table.names] for _, told in sample])
    is_found, is_marked = table.mentions > 0, marked != 0
    both = is_found & is_marked
    return {
        "texts": len(sample),
        "found_f1": float(2 * both.sum() / (is_found.sum() + is_marked.sum())),
        "sign_agreement": float((np.sign(table.polarity[both]) == marked[both]).mean()),
    }
