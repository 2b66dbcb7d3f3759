"""SASRec as one more retriever of ``make bench-recommenders``.

Where the test allows more to be learned than validation did, the network is trained again on all
of it, for as many epochs as validation chose.
"""

import sys
import time
from dataclasses import replace
from typing import Any

from training.retrievers import Proposals, propose
from training.sasrec.config import read_settings
from training.sasrec.train_sequences import fit_sequences
from training.sequences import Requests, Split


def fit_sasrec_proposals(
    split: Split, taught: Requests, *, kept: int, hides_seen: bool, most_acts: int
) -> tuple[Proposals, Proposals, dict[str, Any]]:
    """Proposals for validation and test, and what the training was like.

    Epochs are capped so that at most ``most_acts`` acts are looked at, one epoch at least.
    """
    settings = read_settings()
    most = max(most_acts // max(len(split.known.item), 1), 1)
    epochs = min(settings.training.epochs, most)
    settings = replace(settings, training=replace(settings.training, epochs=epochs))

    def fit(known: Any, chosen: Any) -> Any:
        return fit_sequences(
            known,
            split.validation,
            settings=chosen,
            hide_seen=hides_seen,
            progress=lambda line: sys.stderr.write(f"  {line}\n"),
        )

    started = time.monotonic()
    fitted = fit(split.known, settings)
    found = propose(fitted.scorer, taught.histories, k=kept, hide_seen=hides_seen)
    best = int(fitted.metrics.get("epoch", len(fitted.curve)))
    scorer = fitted.scorer
    if split.learned is not split.known:
        training = replace(settings.training, epochs=best, patience=best)
        scorer = fit(split.learned, replace(settings, training=training)).scorer
    trained = time.monotonic()
    test = propose(scorer, split.test.histories, k=kept, hide_seen=hides_seen)
    facts = {
        "fit_seconds": round(trained - started, 1),
        "epochs": best,
        "requests_per_second": round(len(split.test) / (time.monotonic() - trained)),
    }
    return found, test, facts
