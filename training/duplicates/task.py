"""Duplicates as ``counterfoil train duplicates`` learns and saves them: forest, networks, lines.

The edge where pairs are read and a bundle is written; ``train.py`` fits.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from governance.errors import InputError
from training.duplicates.config import DEFAULT_FILE as KNOBS_FILE
from training.duplicates.config import Matching, read_settings
from training.duplicates.model_file import MatcherBundle, save_matcher
from training.duplicates.pairs import pair_folders, read_pairs
from training.duplicates.train import FittedMatcher, f1_of, fit_matcher
from training.encoder.model import Encoder
from training.fine_tuning.config import FineTuning
from training.fine_tuning.taught import Progress, Watch

__all__ = ["KNOBS_FILE", "read_settings", "save", "teach"]
_JUDGES = ("valid", "test")  # files of pairs that are no part of the learning


@dataclass(frozen=True)
class TaughtMatcher:
    """A fitted matcher, and what it reached on pairs that the scores had not learned from."""

    fitted: FittedMatcher
    metrics: dict[str, float]

    @property
    def curve(self) -> list[dict[str, float]]:
        return self.fitted.curve

    @property
    def examples(self) -> int:
        return len(self.fitted.crossed)


def teach(
    data: Path | None,
    *,
    encoder: Encoder,
    knobs: FineTuning,
    checkpoint: Path | None,
    progress: Progress,
    watch: Watch,
    matching: Matching,
) -> TaughtMatcher:
    """Learn from a folder's ``train.txt``; its other files of pairs judge what came of it."""
    folder = _one_folder(data)
    pairs = read_pairs(folder / "train.txt")
    fitted = fit_matcher(
        pairs, encoder, matching=matching, reading=knobs,
        checkpoint=checkpoint, progress=progress, watch=watch,
    )  # fmt: skip
    matcher = fitted.matcher
    metrics = {
        "f1": f1_of(fitted.crossed >= matcher.threshold, pairs.labels),
        "duplicate_share": float(pairs.labels.mean()),
    }
    for name in _JUDGES:
        if (path := folder / f"{name}.txt").is_file():
            judged = read_pairs(path)
            progress(f"judges {len(judged)} pairs of {name}.txt")
            said = matcher.probabilities(judged) >= matcher.threshold
            metrics[f"{name}_f1"] = f1_of(said, judged.labels)
    return TaughtMatcher(fitted, metrics)


def save(
    bundles_dir: Path,
    taught: TaughtMatcher,
    *,
    facts: Mapping[str, object],
    pages: Mapping[str, str],
) -> MatcherBundle:
    """``bundles/duplicates/<version>``."""
    fitted = taught.fitted
    return save_matcher(bundles_dir, fitted.matcher, fitted.networks, facts=facts, pages=pages)


def _one_folder(data: Path | None) -> Path:
    if data is None:
        raise InputError(
            "there are no pairs to learn from",
            where="counterfoil train duplicates",
            why="none ship with the project: which listings are one product is the shop's to say",
            next_step="give --data a folder with train.txt, and valid.txt or test.txt to judge by",
        )
    folders = pair_folders(data)
    if len(folders) > 1:
        raise InputError(
            f"{len(folders)} folders have pairs, one is needed",
            where=str(data),
            why=", ".join(folder.name for folder in folders),
            next_step=f"give --data {folders[0]}",
        )
    return folders[0]
