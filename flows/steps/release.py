"""Release: the gate between a trained challenger and the version that answers.

The decision, granted or not, is appended to the records; serving reads the newest granted one.
"""

import json
from typing import Any

from flows.ledger import read_state
from flows.stages import Progress, StepResult
from governance.audit import MODEL_NAME
from governance.errors import StateError
from governance.records import Release, session
from governance.releases import GATE_METRIC, bar_of, champion_version, decide
from governance.settings import Settings


def run(settings: Settings, progress: Progress, _source: str | None = None) -> StepResult:
    """Hold the newest trained version against the champion and the floors."""
    challenger = _challenger_version(settings)
    champion = champion_version(settings, MODEL_NAME)
    card = _card(settings, challenger)
    champion_card = None if champion is None else _card(settings, champion)
    if champion_card is not None and champion_card["shop"] != card["shop"]:
        progress(f"the champion {champion} is of shop {champion_card['shop']}: it sets no bar")
        champion_card = None
    verdict = decide(
        challenger=card["metrics"][GATE_METRIC],
        champion=None if champion_card is None else bar_of(champion_card, card),
        floors={name: floor[GATE_METRIC] for name, floor in card["floors"].items()},
        is_same_version=challenger == champion,
        known_users=card.get("continual"),
    )
    progress(verdict.reason)
    with session(settings) as records:
        records.add(
            Release(
                model_name=MODEL_NAME,
                challenger_version=challenger,
                champion_version=champion,
                is_released=verdict.is_released,
                reason=verdict.reason,
                comparison=verdict.comparison,
            )
        )
    did = "released" if verdict.is_released else "kept back"
    return StepResult(
        f"{MODEL_NAME} {challenger} {did}: {verdict.reason}",
        (),
        {"is_released": verdict.is_released, "version": challenger},
    )


def _challenger_version(settings: Settings) -> str:
    state = read_state(settings.stages_dir, "train")
    if state is None:
        raise StateError(
            "there is no challenger to release",
            where=str(settings.stages_dir / "train.json"),
            why="no training has ended well in this home folder",
            next_step="counterfoil train",
        )
    return str(state.facts["version"])


def _card(settings: Settings, version: str) -> dict[str, Any]:
    path = settings.bundles_dir / MODEL_NAME / version / "bundle.json"
    return dict(json.loads(path.read_text(encoding="utf-8")))
