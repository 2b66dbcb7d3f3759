"""SASRec as one more retriever of ``make bench-recommenders``, within a number of seconds.

The first epoch is timed and the others are cut to fit; a checkpoint after each epoch makes a killed
run go on. Where the test allows more to be learned than validation did, the network is trained
again on all of it, for as many epochs as validation chose; each training then has half the time.
"""

import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from recommenders_protocols import threads

from training.retrievers import Proposals, propose
from training.sasrec.config import SasrecSettings, read_settings
from training.sasrec.train_sequences import FittedScorer, fit_sequences
from training.sequences import Requests, Sequences, Split


def fit_sasrec_proposals(
    split: Split,
    taught: Requests,
    *,
    titles: Sequence[str] = (),
    kept: int,
    hides_seen: bool,
    seconds: float,
    work: Path,
) -> tuple[Proposals, Proposals, dict[str, Any]]:
    """Proposals for validation and test, and what the training was like."""
    torch.set_num_threads(threads())
    settings, is_refitted = read_settings(), split.learned is not split.known
    fit = partial(_fit, split=split, titles=titles, hides_seen=hides_seen, work=work)
    is_resumed = (work / "sasrec-known.safetensors").exists()
    started = time.monotonic()
    fit(split.known, _for_epochs(settings, 1), "known")
    first = _first_epoch_seconds(work / "sasrec-first-epoch", time.monotonic() - started)
    allowed = max(int(seconds / (2 if is_refitted else 1) / first), 1)
    epochs = min(settings.training.epochs, allowed)
    fitted = fit(split.known, _for_epochs(settings, epochs), "known")
    found = propose(fitted.scorer, taught.histories, k=kept, hide_seen=hides_seen)
    best = int(fitted.metrics.get("epoch", len(fitted.curve)))
    scorer = fitted.scorer
    if is_refitted:
        again = _for_epochs(settings, best)
        again = replace(again, training=replace(again.training, patience=best))
        scorer = fit(split.learned, again, "learned").scorer
    trained = time.monotonic()
    test = propose(scorer, split.test.histories, k=kept, hide_seen=hides_seen)
    answered = time.monotonic()
    facts = {
        "fit_seconds": round(trained - started, 1),
        "is_resumed": is_resumed,  # then fit_seconds are those since the run that was killed
        "epochs": best,
        "epochs_allowed": epochs,  # by the time; fewer than wanted makes the figure a lower bound
        "epochs_wanted": settings.training.epochs,
        "validation": round(fitted.metrics.get("ndcg_at_10", 0.0), 5),
        "users_per_second": round(len(split.test) / max(answered - trained, 1e-9)),
    }
    return found, test, facts


def _fit(
    known: Sequences,
    settings: SasrecSettings,
    name: str,
    *,
    split: Split,
    titles: Sequence[str],
    hides_seen: bool,
    work: Path,
) -> FittedScorer:
    return fit_sequences(
        known,
        split.validation,
        settings=settings,
        hide_seen=hides_seen,
        titles=titles,
        progress=lambda line: sys.stderr.write(f"  {line}\n"),
        checkpoint=work / f"sasrec-{name}.safetensors",
    )


def _for_epochs(settings: SasrecSettings, epochs: int) -> SasrecSettings:
    return replace(settings, training=replace(settings.training, epochs=epochs))


def _first_epoch_seconds(path: Path, measured: float) -> float:
    """As measured now, or by the run that was killed: a resumed epoch takes no time."""
    if not path.exists():
        path.write_text(f"{max(measured, 1e-3)}\n", encoding="utf-8")
    return float(path.read_text(encoding="utf-8"))
