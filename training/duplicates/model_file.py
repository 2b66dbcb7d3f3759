"""A matcher as files that prove themselves: ``bundles/duplicates/<version>/``.

Rarities and lines are JSON, the forest is LightGBM's text, each network a text bundle in a folder
of its own; nothing is pickled.

    matcher = open_matcher(folder).matcher()
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import lightgbm as lgb

from governance.files import write_json, write_text
from training.duplicates.evidence import NAMES, Evidence
from training.duplicates.model import HEAD, DuplicateMatcher, Line
from training.fine_tuning.taught import TaughtText
from training.sealed_folder import Sealed, seal, verified
from training.text_bundle import open_text_bundle, save_text_bundle

CARD = "duplicates_bundle.json"
FORMAT = 1  # raised with the columns of evidence: an old forest would misread them
_EVIDENCE, _FOREST, _LINES = "evidence.json", "forest.txt", "lines.json"
_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class MatcherBundle(Sealed):
    """A verified bundle: its folder and its card."""

    def matcher(self) -> DuplicateMatcher:
        """The matcher, ready to answer."""
        lines, networks = self._json(_LINES), self.card["networks"]
        return DuplicateMatcher(
            evidence=Evidence(**self._json(_EVIDENCE)),
            forest=lgb.Booster(model_str=(self.folder / _FOREST).read_text(encoding="utf-8")),
            networks=tuple(open_text_bundle(self.folder / name).model() for name in networks),
            by_words=_line(lines["by_words"]),
            by_both=_line(lines["by_both"]),
            least_read=lines["least_read"],
            threshold=lines["threshold"],
        )

    def _json(self, name: str) -> Any:
        return json.loads((self.folder / name).read_text(encoding="utf-8"))


def save_matcher(
    bundles_dir: Path,
    matcher: DuplicateMatcher,
    networks: Sequence[TaughtText],
    *,
    facts: Mapping[str, object],
    pages: Mapping[str, str] = _NOTHING,
) -> MatcherBundle:
    """Write it beside and rename it; ``networks`` are the matcher's own as they were taught."""

    def write(folder: Path) -> Mapping[str, object]:
        write_json(folder / _EVIDENCE, asdict(matcher.evidence))
        write_text(folder / _FOREST, matcher.forest.model_to_string())
        lines = {
            "by_words": asdict(matcher.by_words),
            "by_both": asdict(matcher.by_both),
            "least_read": matcher.least_read,
            "threshold": matcher.threshold,
        }
        write_json(folder / _LINES, lines)
        for name, text in pages.items():
            write_text(folder / name, text)
        saved = [save_text_bundle(folder, network, facts={}) for network in networks]
        return {
            **facts,
            "model_name": HEAD.name,
            "format": FORMAT,
            "evidence": list(NAMES),
            "networks": [one.folder.relative_to(folder).as_posix() for one in saved],
            "int8": _most_lost([one.card["int8"] for one in saved]),
        }

    return open_matcher(seal(bundles_dir / HEAD.name, CARD, write))


def open_matcher(folder: Path, *, digest: str = "") -> MatcherBundle:
    """Verify every file against the card, before any of them is read."""
    return MatcherBundle(folder, verified(folder, CARD, form=FORMAT, digest=digest))


def _most_lost(by_8_bits: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Of the network to which they did most; its own card tells it of each."""
    return max(by_8_bits, key=lambda lost: float(lost["macro_f1_lost"]), default=None)


def _line(told: Mapping[str, Any]) -> Line:
    return Line(tuple(told["weights"]), told["offset"])
