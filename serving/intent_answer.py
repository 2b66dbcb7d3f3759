"""The core of ``intent``: the model trained last and its answer, the same for KServe and ``read``.

The answer carries what moved it: each word and each act with the log odds it raised, found by
leaving it out. Torch is imported when a bundle is opened.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from serving.intent_bundle import NAME, model_of, newest_bundle

if TYPE_CHECKING:
    from training.intent.model import IntentModel

DIGITS = 4  # of log odds; more would be noise between machines


@dataclass(frozen=True)
class IntentAnswers:
    """A model and the version that its answers name."""

    model: "IntentModel"
    version: str

    @classmethod
    def open(cls, bundles_dir: Path) -> "IntentAnswers":
        """The newest text bundle of intents, verified."""
        folder = newest_bundle(bundles_dir)
        from training.text_bundle import open_text_bundle  # torch: seconds

        bundle = open_text_bundle(folder)
        return cls(model_of(bundle), bundle.version)

    def answer(
        self,
        query: str,
        acts: Mapping[str, int] | None = None,
        in_order: Sequence[str] = (),
    ) -> dict[str, object]:
        """Of one session, with reasons."""
        found = self.model.answer(query, acts, in_order)
        return {
            "intent": found.intent,
            "probabilities": found.probabilities,
            "parts": found.parts,
            "reasons": [asdict(r) | {"raised": round(r.raised, DIGITS)} for r in found.reasons],
            "unsure_because": found.unsure_because or None,
            "model_name": NAME,
            "model_version": self.version,
        }
