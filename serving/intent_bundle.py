"""The intent model of a home: which bundle is the newest, and which of its networks answers.

Apart from ``intent.py`` because the stage ``read texts`` asks the same model, and without KServe.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from governance.errors import StateError
from governance.files import newest_file

if TYPE_CHECKING:
    from training.intent.model import IntentModel
    from training.text_bundle import TextBundle

NAME = "intent"
MOST_LOST = 0.01  # macro-F1 by int8 on the validation lesson; more, and the float model serves


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
    lost = bundle.card["int8"]  # None in bundles of before
    is_near = lost is not None and lost["macro_f1_lost"] <= MOST_LOST
    return IntentModel.beside(
        bundle.int8() if is_near else bundle.model(),
        bundle.card["acts"],
        scripts=bundle.card.get("scripts", ("LATIN",)),  # bundles of before were taught Latin
    )


def newest_bundle(bundles_dir: Path) -> Path:
    """The folder of the intent model trained last; StateError where there is none."""
    found = newest_file((bundles_dir / NAME).glob("[!.]*/text_bundle.json"))
    if found is None:
        raise StateError(
            "no model of intents has been trained",
            where=str(bundles_dir / NAME),
            why="run counterfoil train intent and start the server again",
            next_step="counterfoil train intent",
        )
    return found.parent
