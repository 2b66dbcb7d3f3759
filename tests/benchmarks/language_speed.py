"""Fine-tuning sentences per second beside a bare loop, and parts that stand in files beside it.

``--data`` is a folder with products.parquet, or that file, of the columns ``title`` and
``short_description``: each product is a sentence. The bare loop is what one writes with
transformers and torch alone: AutoModelForSequenceClassification, tokens made once beforehand,
AdamW, clipped gradients, the same precision, batch, length and schedule. It is given the engine's
own batches, row for row, so that it has no more padding to compute than the engine. Both take
turns, an epoch each, after one epoch that does not count; a rate is the median of its epochs.
``language_speed_intent.py`` and ``language_speed_search.py`` measure queries per second.
"""

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import language_speed_intent
import language_speed_search
import numpy as np
import pandas as pd
import torch
from timed_answers import one_thread_an_answer
from torch import nn

from governance.errors import InputError
from governance.settings import PROJECT_ROOT
from training.encoder.checkpoint import load_encoder, packaged_checkpoint
from training.encoder.model import fast_arithmetic
from training.fine_tuning.batches import prepared, shuffled
from training.fine_tuning.config import FineTuning
from training.fine_tuning.lesson import Head, Lesson, Texts
from training.fine_tuning.train import fine_tune

DEFAULT = PROJECT_ROOT.parent / "shared" / "data" / "icecat_catalogue"
HEAD = Head("speed", "classes", ("even", "odd"))
_SENTENCES = {"full": 1_024, "quick": 192}
_EPOCHS = {"full": 5, "quick": 3}  # of each side, the first of which does not count


def measure(data: Path | None, *, quick: bool, work: Path) -> dict[str, Any]:
    """``fine_tuning`` and what the siblings find, each under its name."""
    figures: dict[str, Any] = {"fine_tuning": fine_tuning(data or DEFAULT, quick=quick)}
    with one_thread_an_answer():
        figures |= language_speed_intent.measure(data, quick=quick, work=work)
        figures |= language_speed_search.measure(data, quick=quick, work=work)
    return figures


def fine_tuning(data: Path, *, quick: bool) -> dict[str, float]:
    """Sentences per second of both loops and their ratio."""
    effort = "quick" if quick else "full"
    lesson = _lesson(data, _SENTENCES[effort])
    knobs = FineTuning(epochs=_EPOCHS[effort], patience=99)
    rates: dict[str, list[float]] = {"engine": [], "bare": []}
    bare_epochs, began = _bare(lesson, knobs), time.perf_counter()

    def watch(curve: object) -> None:
        nonlocal began
        seconds = {"engine": time.perf_counter() - began, "bare": next(bare_epochs)}
        for name, taken in seconds.items():
            rates[name].append(len(lesson) / taken)
            sys.stderr.write(f"{name} {rates[name][-1]:.1f} sentences/s\n")
        began = time.perf_counter()

    fine_tune(load_encoder(), HEAD, lesson, None, knobs, watch=watch)
    engine, bare = (float(np.median(rates[name][1:])) for name in ("engine", "bare"))
    return {
        "sentences_per_second": round(engine, 2),
        "bare_loop_sentences_per_second": round(bare, 2),
        "ratio_to_bare_loop": round(engine / bare, 3),
        "sentences": len(lesson),
        "epochs": knobs.epochs - 1,
    }


def _lesson(data: Path, count: int) -> Lesson:
    file = data / "products.parquet" if data.is_dir() else data
    if not file.is_file():
        raise InputError("there is no such file of products", where=str(file))
    try:
        products = pd.read_parquet(file, columns=["title", "short_description"]).fillna("")
    except ValueError as error:
        raise InputError("a column is missing", where=str(file), why=str(error)) from None
    products = products.sample(min(count, len(products)), random_state=0)
    texts = products["title"] + ". " + products["short_description"]
    labels = np.arange(len(products)) % 2  # what is learned changes no second
    return prepared(Lesson(Texts(tuple(texts)), labels))


def _bare(lesson: Lesson, knobs: FineTuning) -> Iterator[float]:
    """Seconds of each epoch of the loop that one writes without us."""
    import transformers

    place = str(packaged_checkpoint())
    tokenizer = transformers.AutoTokenizer.from_pretrained(place)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(place, num_labels=2)
    model = model.float().train()
    tokens = tokenizer(list(lesson.texts.first), truncation=True, max_length=knobs.length)
    assert lesson.labels is not None
    labels = torch.from_numpy(lesson.labels)
    optimiser = torch.optim.AdamW(model.parameters(), lr=knobs.learning_rate, fused=True)
    steps = knobs.epochs * -(-len(lesson) // knobs.batch)
    schedule = transformers.get_linear_schedule_with_warmup(optimiser, steps // 10, steps)
    for epoch in range(1, knobs.epochs + 1):
        began = time.perf_counter()
        for _, rows in shuffled([lesson], knobs, epoch):
            picked = {name: [values[row] for row in rows] for name, values in tokens.items()}
            given = tokenizer.pad(picked, return_tensors="pt")
            with fast_arithmetic():
                loss = model(**given, labels=labels[rows]).loss
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            optimiser.zero_grad()
        yield time.perf_counter() - began
