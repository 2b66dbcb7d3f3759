"""How good a listing is, with a calibrated chance, and which defects it has, with what shows each.

Dimensions: N listings, F features, K defects. Knows no files; ``train.py`` fits.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import lightgbm
import numpy as np

from training.listing_quality.evidence import Catalogue, Embed, Evidence, Numbers, evidence
from training.listing_quality.listing import DEFECTS, Listing
from training.listing_quality.rules import PLAIN, signs_of

NAMED_FROM = 0.5  # the chance from which a defect is said to be there
_SHOWN = 3  # features beside a defect that no single word shows


@dataclass(frozen=True)
class Calibration:
    """A rising curve from a raw score to a chance, straight between its points."""

    scores: tuple[float, ...]
    chances: tuple[float, ...]

    def __call__(self, scores: Numbers) -> Numbers:
        return np.interp(scores, self.scores, self.chances).astype(np.float32)


@dataclass(frozen=True)
class Defect:
    """A defect that a listing seems to have, how likely, and the words or features showing it."""

    name: str
    chance: float
    shown_by: tuple[str, ...]


@dataclass(frozen=True)
class Verdict:
    """The chance that a listing is good, and its likely defects, the likeliest first."""

    item_id: str
    chance_good: float
    defects: tuple[Defect, ...]


@dataclass(frozen=True)
class QualityModel:
    """Trees for "bad" and for each defect, as LightGBM's own text; their calibrations."""

    catalogue: Catalogue
    names: tuple[str, ...]
    trees: dict[str, str]
    calibrations: dict[str, Calibration]
    embed: Embed | None = None

    @cached_property
    def boosters(self) -> dict[str, lightgbm.Booster]:
        return {name: lightgbm.Booster(model_str=text) for name, text in self.trees.items()}

    def evidence(self, listings: Sequence[Listing]) -> Evidence:
        return evidence(listings, self.catalogue, self.embed)

    def chances_good(self, listings: Sequence[Listing]) -> Numbers:
        """(N,) chances of being good."""
        if not listings:
            return np.empty(0, dtype=np.float32)
        return 1 - self._chance("bad", self.evidence(listings))

    def chances(self, found: Evidence) -> tuple[Numbers, Numbers]:
        """(N,) chances of being good, and (N, K) chances of the defects."""
        given = {name: self._chance(name, found) for name in ("bad", *DEFECTS)}
        return 1 - given["bad"], np.column_stack([given[defect] for defect in DEFECTS])

    def verdicts(
        self, listings: Sequence[Listing], *, progress: Callable[[str], None] = lambda _: None
    ) -> list[Verdict]:
        """What is to be said of each listing, in batches so that a large shop fits in memory."""
        said: list[Verdict] = []
        for begin in range(0, len(listings), _BATCH):
            part = listings[begin : begin + _BATCH]
            found = self.evidence(part)
            good, defects = self.chances(found)
            said += [
                self._verdict(*row) for row in zip(part, good, defects, found.values, strict=True)
            ]
            progress(f"judged {len(said)} of {len(listings)} listings")
        return said

    def _chance(self, name: str, found: Evidence) -> Numbers:
        if name not in self.trees:  # it cannot be planted in this catalogue
            return np.zeros(len(found.values), dtype=np.float32)
        raw = self.boosters[name].predict(found.values, raw_score=True, num_threads=1)
        return self.calibrations[name](np.asarray(raw, dtype=np.float32))

    def _verdict(self, one: Listing, good: float, chances: Numbers, values: Numbers) -> Verdict:
        """A defect is named if it is likely, or plain to see: the chance of good may be high then,
        where listings of this catalogue have it and are kept."""
        known = self.catalogue.known
        signs = signs_of(one, known)
        plain = (PLAIN - known.usual) & signs.keys()
        named = [
            Defect(
                DEFECTS[at],
                round(float(chances[at]), 4),
                signs.get(DEFECTS[at]) or self._features(DEFECTS[at], values),
            )
            for at in np.argsort(-chances, kind="stable")
            if chances[at] >= NAMED_FROM or DEFECTS[at] in plain
        ]
        return Verdict(one.item_id, round(float(good), 4), tuple(named))

    def _features(self, defect: str, values: Numbers) -> tuple[str, ...]:
        """The features that spoke most for a defect, with their values."""
        parts = self.boosters[defect].predict(values[None], pred_contrib=True, num_threads=1)[0]
        strongest = np.argsort(-parts[:-1], kind="stable")[:_SHOWN]
        return tuple(f"{self.names[at]}={values[at]:.3g}" for at in strongest if parts[at] > 0)


_BATCH = 4_096  # listings whose evidence is held at once
