"""SASRec as one more retriever of ``make bench-recommenders``, within a number of seconds.

It learns until the time is up; a checkpoint after each epoch makes a killed run go on, with the
whole time again. Where the test allows more to be learned than validation did, the network is
trained again on all of it, for as many epochs as validation chose; each then has half the time.
"""

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from recommenders_protocols import threads

from training.retrievers import Proposals, propose
from training.sasrec.config import SasrecSettings, read_settings
from training.sasrec.learn import Curve, Watch, unwatched
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
    if is_refitted:  # the second training has no judge that could say when to lower the rate
        settings = replace(settings, training=replace(settings.training, drops=0))
    fit = partial(_fit, split=split, titles=titles, hides_seen=hides_seen, work=work)
    is_resumed = (work / "sasrec-known.safetensors").exists()
    started = time.monotonic()
    fitted = _until(
        started + seconds / (2 if is_refitted else 1),
        fit=partial(fit, split.known, name="known"),
        settings=settings,
        kept=work / "sasrec-known-epochs",
    )
    found = propose(fitted.scorer, taught.histories, k=kept, hide_seen=hides_seen)
    best = int(fitted.metrics.get("epoch", len(fitted.curve)))
    scorer = fitted.scorer
    if is_refitted:
        again = _for_epochs(settings, best)
        again = replace(again, training=replace(again.training, patience=best))
        scorer = fit(split.learned, again, name="learned").scorer
    trained = time.monotonic()
    test = propose(scorer, split.test.histories, k=kept, hide_seen=hides_seen)
    answered = time.monotonic()
    facts = {
        "fit_seconds": round(trained - started, 1),
        "is_resumed": is_resumed,  # then fit_seconds are those since the run that was killed
        "epochs": best,
        "epochs_learned": len(fitted.curve),
        "is_cut_short": (work / "sasrec-known-epochs").exists(),  # then a lower bound
        "validation": round(fitted.metrics.get("ndcg_at_10", 0.0), 5),
        "users_per_second": round(len(split.test) / max(answered - trained, 1e-9)),
    }
    return found, test, facts


class _TimeIsUpError(Exception):
    """Raised between two epochs, when the checkpoint lies on disk."""

    def __init__(self, epochs: int) -> None:
        super().__init__(epochs)
        self.epochs = epochs


def _until(
    deadline: float,
    *,
    fit: Callable[..., FittedScorer],
    settings: SasrecSettings,
    kept: Path,
) -> FittedScorer:
    """The best epoch of those that were learned by then; ``kept`` says how many, if cut short."""
    limit = int(kept.read_text(encoding="utf-8")) if kept.exists() else settings.training.epochs

    def watch(curve: Curve) -> None:
        if len(curve) < limit and curve and time.monotonic() >= deadline:
            raise _TimeIsUpError(len(curve))

    try:
        return fit(_for_epochs(settings, limit), watch=watch)
    except _TimeIsUpError as up:
        kept.write_text(f"{up.epochs}\n", encoding="utf-8")
        return fit(_for_epochs(settings, up.epochs))  # its checkpoint is there: nothing is learned


def _fit(
    known: Sequences,
    settings: SasrecSettings,
    *,
    name: str,
    watch: Watch = unwatched,
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
        watch=watch,
    )


def _for_epochs(settings: SasrecSettings, epochs: int) -> SasrecSettings:
    return replace(settings, training=replace(settings.training, epochs=epochs))
