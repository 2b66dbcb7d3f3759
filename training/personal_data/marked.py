"""Sentences with their personal data marked, and how they are read: what a tagger learns from.

    sentences = read_sentences(Path("sentences.json"))

A file is a JSON list of ``{full_text, spans: [{entity_type, start_position, end_position}],
template_id}``, as presidio-research writes it. Sentences of one template share a group.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from governance.errors import InputError
from training.fine_tuning.lesson import Span

Marked = tuple[str, tuple[Span, ...]]  # a raw text and its spans in raw characters, in their order


@dataclass(frozen=True)
class Sentences:
    """N sentences and the group of each: what shares one is never split."""

    marked: list[Marked]
    groups: list[int]


def read_sentences(data: Path) -> Sentences:
    """The sentences of a file, or of a folder with one; without a template each is a group."""
    path = next(iter(sorted(data.glob("*.json"))), data / "*.json") if data.is_dir() else data
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError("the sentences cannot be read", where=str(path), why=str(error)) from None
    if not isinstance(rows, list) or not rows:
        raise InputError("the file holds no list of sentences", where=str(path))
    marked = [_marked(row, f"{path}, [{number}]") for number, row in enumerate(rows)]
    names = [
        f"alone {number}" if row.get("template_id") is None else f"like {row['template_id']}"
        for number, row in enumerate(rows)
    ]
    return Sentences(marked, np.unique(names, return_inverse=True)[1].tolist())


def _marked(row: Any, where: str) -> Marked:
    try:
        spans = [
            Span(int(s["start_position"]), int(s["end_position"]), str(s["entity_type"]))
            for s in row["spans"]
        ]
        return str(row["full_text"]), tuple(sorted(spans, key=lambda s: s.start))
    except (KeyError, TypeError, ValueError) as error:
        raise InputError("a sentence is not of the format", where=where, why=repr(error)) from None
