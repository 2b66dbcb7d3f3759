"""The core of ``intent``: the model trained last and its answer, the same for KServe and ``read``.

The answer carries what moved it: each word and each act with the log odds it raised, found by
leaving it out. The int8 model answers where its card says that little was lost by it. Torch is
imported when a bundle is opened.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from governance.errors import StateError

if TYPE_CHECKING:
    from training.intent.model import IntentModel
    from training.text_bundle import TextBundle

NAME = "intent"
MOST_LOST = 0.01  # macro-F1 by int8 on the validation lesson; more, and the float model serves
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


def model_of(bundle: "TextBundle") -> "IntentModel":
    """The bundle's acts beside its int8 network, or the float one where int8 lost too much."""
    from training.intent.model import IntentModel

    if "acts" not in bundle.card:
        raise StateError(
            f"intent {bundle.version} knows no acts",
            where=str(bundle.folder),
            why="it was trained by an older version",
            next_step="counterfoil train intent",
        )
    lost = bundle.card["int8"]
    is_near = lost is not None and lost["macro_f1_lost"] <= MOST_LOST
    return IntentModel.beside(bundle.int8() if is_near else bundle.model(), bundle.card["acts"])


def newest_bundle(bundles_dir: Path) -> Path:
    """The folder of the intent model trained last; StateError where there is none."""
    cards = (bundles_dir / NAME).glob("[!.]*/text_bundle.json")
    found = max(cards, key=lambda card: (card.stat().st_mtime_ns, card.parent.name), default=None)
    if found is None:
        raise StateError(
            "no model of intents has been trained",
            where=str(bundles_dir / NAME),
            why="run counterfoil train intent and start the server again",
            next_step="counterfoil train intent",
        )
    return found.parent
