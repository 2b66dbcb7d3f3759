"""Learn the acts and how much they weigh beside the text: ``python -m training.intent.train_acts``.

Writes ``acts.json``, which ships: rates and steps from half of the simulated sessions, the weights
from the other half, together with what a text model says of texts it was not taught. Run it again
when the simulator's intents or the taught queries change; about a minute on one core.
"""

import sys

import numpy as np
from scipy.optimize import minimize
from sklearn.metrics import f1_score

from governance.files import write_json
from training.encoder.checkpoint import load_encoder
from training.intent.acts import ActModel, Floats, Labels, fit_acts
from training.intent.lexicon import INTENTS
from training.intent.model import Weights, log_chances
from training.intent.sessions import (
    KnownSessions,
    evidence,
    fused,
    known_sessions,
    texts_said,
)
from training.intent.train import ACTS_FILE, default_knobs, teach

_DIGITS = 5  # of what is written: more would be noise of the draw
_SILENT = 1 / 3  # share of sessions judged without text, and as many without acts


def main() -> int:
    """Learn, tell the figures on stderr, write."""
    sessions = known_sessions()
    half = np.arange(len(sessions)) % 2 == 0
    learned = sessions.take(np.flatnonzero(half))
    validation = sessions.take(np.flatnonzero(~half))
    model = fit_acts(learned.acts, learned.labels)
    taught = teach(None, encoder=load_encoder(), knobs=default_knobs(), checkpoint=None)
    assert taught.validation.labels is not None  # a lesson of classes has them
    of_text = log_chances(taught.model, taught.validation.texts.first)
    said = of_text[texts_said(validation, taught.validation.labels, seed=0)]
    weights = fit_weights(model, validation, said)
    found = fused(said, evidence(model, validation), weights).argmax(axis=1)
    figure = f1_score(validation.labels, found, average="macro")
    sys.stderr.write(f"{len(validation):,} sessions, macro-F1 {figure:.3f}, {weights}\n")
    write_json(ACTS_FILE, as_written(model, weights))
    return 0


def fit_weights(model: ActModel, sessions: KnownSessions, of_text: Floats) -> Weights:
    """The weights under which the true intents are likeliest, each intent counting alike.

    In a third of the sessions the text is silent, in a third the acts: either may be missing.
    """
    of_acts = evidence(model, sessions)
    silent = np.random.default_rng(0).random(len(sessions))
    spoken = np.where((silent < _SILENT)[:, None], 0.0, of_text)
    of_acts = np.where((silent > 1 - _SILENT)[None, :, None], 0.0, of_acts)
    share = 1 / np.bincount(sessions.labels, minlength=len(INTENTS))[sessions.labels]

    def loss(given: Floats) -> float:
        return _loss(fused(spoken, of_acts, Weights(*given)), sessions.labels, share)

    found = minimize(loss, np.array([1.0, 0.5, 0.5]), bounds=[(0, 2)] * 3, method="L-BFGS-B")
    return Weights(*(round(float(weight), _DIGITS) for weight in found.x))


def as_written(model: ActModel, weights: Weights) -> dict[str, object]:
    """What ``acts.json`` holds."""
    return {
        "rates": np.round(model.rates, _DIGITS).tolist(),
        "steps": np.round(model.steps, _DIGITS).tolist(),
        "weights": vars(weights),
    }


def _loss(total: Floats, labels: Labels, share: Floats) -> float:
    right = total[np.arange(len(labels)), labels] - np.logaddexp.reduce(total, axis=1)
    return float(-(share * right).sum() / share.sum())


if __name__ == "__main__":
    sys.exit(main())
