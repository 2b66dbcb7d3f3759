"""Full fine-tuning, LoRA, prefix and frozen encoder side by side on two tasks.

``--data`` is a folder with reviews.parquet, or that file, of the columns ``Title``, ``Review Text``
and ``Recommended IND``; ``Department Name`` where it has one. The tasks: sentiment (recommended or
not), and search intent on the gold set of ``tests/data``; where that is not there, the department
a review is about. Of each task some texts teach, some choose the epoch and some judge, no text in
two of them; knobs are those that ship. Each training is a process of its own, so that its peak
memory is its own. Seconds are of the training with its validation.
"""

import multiprocessing
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pandas as pd

from governance.errors import InputError
from governance.settings import PROJECT_ROOT
from training.encoder.checkpoint import load_encoder
from training.encoder.readable import readable
from training.fine_tuning.config import FineTuning, Method
from training.fine_tuning.judge import macro_f1
from training.fine_tuning.lesson import Head, Lesson, Texts
from training.fine_tuning.train import fine_tune

DEFAULT = PROJECT_ROOT.parent / "shared" / "data" / "clothing_reviews"
GOLD = PROJECT_ROOT / "tests" / "data" / "intent" / "queries.tsv"
SEED = 11  # of the split; no knob was chosen with it
_DRAWS = 500  # of the bootstrap over judged texts
_PARTS = {"full": (1_600, 400, 1_500), "quick": (160, 80, 200)}  # teach, choose, judge at most


@dataclass(frozen=True)
class Case:
    """A task in its three parts, and a training of it."""

    head: Head
    taught: Lesson
    validation: Lesson
    judged: Lesson
    knobs: FineTuning
    checkpoint: Path


def measure(data: Path | None, *, quick: bool, work: Path) -> dict[str, Any]:
    """Macro-F1 with interval, seconds, peak memory and trained numbers by task and method."""
    lessons = _lessons(data or DEFAULT)
    sizes, figures = _PARTS["quick" if quick else "full"], dict[str, Any]()
    for head, lesson in lessons:
        taught, validation, judged = _split(lesson, sizes)
        figures[head.name] = {"taught": len(taught), "judged": len(judged)}
        for method in get_args(Method):
            knobs = FineTuning(method=method, epochs=2 if quick else 4)
            place = work / f"methods-{head.name}-{method}.safetensors"
            case = Case(head, taught, validation, judged, knobs, place)
            figures[head.name][method] = _alone(case)
        figures[head.name]["floors"] = {"majority": _majority(taught, judged)}
    return figures


def _lessons(data: Path) -> list[tuple[Head, Lesson]]:
    file = data / "reviews.parquet" if data.is_dir() else data
    if not file.is_file():
        raise InputError("there is no such file of reviews", where=str(file))
    reviews = pd.read_parquet(file)
    if missing := sorted({"Title", "Review Text", "Recommended IND"} - set(reviews.columns)):
        raise InputError(f"the column {missing[0]} is missing", where=str(file))
    parts = (reviews["Title"].map(readable), reviews["Review Text"].map(readable))
    texts = (parts[0] + ". " + parts[1]).str.strip(" .")
    sentiment = ("sentiment", texts, reviews["Recommended IND"].map({0: "no", 1: "yes"}))
    if GOLD.is_file():
        gold = pd.read_csv(GOLD, sep="\t", comment="#")
        other = ("intent", gold["query"].map(readable), gold["label"])
    elif "Department Name" in reviews:
        other = ("department", texts, reviews["Department Name"])
    else:
        return [_labelled(*sentiment)]
    return [_labelled(*sentiment), _labelled(*other)]


def _labelled(name: str, texts: pd.Series, answers: pd.Series) -> tuple[Head, Lesson]:
    """Each text once, those without an answer left out."""
    rows = pd.DataFrame({"text": texts, "answer": answers}).dropna().drop_duplicates("text")
    rows = rows[rows["text"] != ""]
    names = tuple(sorted(rows["answer"].unique()))
    labels = rows["answer"].map({answer: at for at, answer in enumerate(names)})
    texts_of = Texts(tuple(rows["text"]))
    return Head(name, "classes", names), Lesson(texts_of, labels.to_numpy(np.int64))


def _split(lesson: Lesson, sizes: tuple[int, int, int]) -> tuple[Lesson, Lesson, Lesson]:
    order = np.random.default_rng(SEED).permutation(len(lesson))
    share = min(1.0, len(order) / sum(sizes))
    first, second, third = np.cumsum([int(size * share) for size in sizes])
    parts = (order[:first], order[first:second], order[second:third])
    return lesson.take(parts[0]), lesson.take(parts[1]), lesson.take(parts[2])


def _alone(case: Case) -> dict[str, float]:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(figures_of, (case,))


def figures_of(case: Case) -> dict[str, float]:
    """One training, in a process of its own."""
    import torch

    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    encoder = load_encoder()
    counts: list[int] = []
    began = time.perf_counter()
    tuned = fine_tune(
        encoder, case.head, case.taught, case.validation, case.knobs,
        checkpoint=case.checkpoint, progress=_say,
    )  # fmt: skip
    seconds = time.perf_counter() - began
    counts.append(_trained(case))
    peak = _peak_mib()
    answer = tuned.model.probabilities(case.judged.texts).argmax(axis=1)
    assert case.judged.labels is not None
    truth = case.judged.labels
    draw = np.random.default_rng(0)
    rows = draw.integers(0, len(truth), (_DRAWS, len(truth)))
    low, high = np.quantile([macro_f1(truth[r], answer[r]) for r in rows], (0.025, 0.975))
    return {
        "macro_f1": round(macro_f1(truth, answer), 4),
        "macro_f1_low": round(float(low), 4),
        "macro_f1_high": round(float(high), 4),
        "seconds": round(seconds, 1),
        "epochs": len(tuned.curve),
        "peak_memory_mib": peak,
        "trained_parameters": counts[0],
    }


def _trained(case: Case) -> int:
    """How many numbers the method lets learn, the head's among them."""
    from training.fine_tuning.methods import adapt
    from training.fine_tuning.model import HeadedNetwork

    network = adapt(load_encoder().network, case.knobs).network
    headed = HeadedNetwork(network, case.head, dropout=0.0)
    return sum(p.numel() for p in headed.parameters() if p.requires_grad)


def _majority(taught: Lesson, judged: Lesson) -> dict[str, float]:
    assert taught.labels is not None
    assert judged.labels is not None
    always = np.full(len(judged), np.bincount(taught.labels).argmax())
    return {"macro_f1": round(macro_f1(judged.labels, always), 4)}


def _peak_mib() -> int:
    """The most this process held; getrusage would tell the parent's too."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return round(int(line.split()[1]) / 1024)
    return 0


def _say(text: str) -> None:
    import sys

    sys.stderr.write(f"{text}\n")
