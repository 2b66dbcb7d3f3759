"""A trained sequence model as a folder that proves itself, and reading it back.

``bundle.json`` holds the facts and the digest of every other file: network, items, knobs as YAML,
``history.json`` (every epoch), ``trials.json`` after a search, and the model card. The version is
a digest of content, free of time: a run that was killed and resumed ends in the same version.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from governance.errors import InputError
from governance.files import atomic_path, digest_of, sha256_file, write_json, write_text
from training.model_card import ModelCard, card_files
from training.sasrec.checkpoint import load_network, save_network
from training.sasrec.config import SasrecSettings
from training.sasrec.knobs_file import effects_of, knobs_text
from training.sasrec.scorer import SasrecScorer
from training.sasrec.sequence_task import Judged, SequenceTask, Trained
from training.search_space import Trial

MODEL_NAME = "sequence"
NETWORK, ITEMS, KNOBS, TRIALS, BUNDLE = (
    "network.safetensors", "items.json", "knobs.yaml", "trials.json", "bundle.json",
)  # fmt: skip
_VERSION_LENGTH = 12  # hex digits, as bundles of the recommender have


@dataclass(frozen=True)
class Shelved:
    """A saved sequence model."""

    folder: Path
    version: str


def save_sequence(
    shelf: Path,
    trained: Trained,
    *,
    task: SequenceTask,
    settings: SasrecSettings,
    judged: Judged,
    trials: Sequence[Trial] = (),
) -> Shelved:
    """Write the folder beside and rename it to ``<shelf>/<version>``."""
    shelf.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=shelf, prefix=".", ignore_cleanup_errors=True) as temporary:
        folder = Path(temporary) / "bundle"
        folder.mkdir()
        _write_files(folder, trained, task=task, settings=settings, judged=judged, trials=trials)
        version = _seal(folder, _facts(trained, task, judged))
        with atomic_path(shelf / version) as beside:
            folder.rename(beside)
    return Shelved(shelf / version, version)


def open_sequence(folder: Path) -> tuple[SasrecScorer, list[str]]:
    """The scorer and the ids of its items, when every file is as it was saved."""
    try:
        card = json.loads((folder / BUNDLE).read_text(encoding="utf-8"))
        files = dict(card["files"])
    except (FileNotFoundError, KeyError, TypeError, ValueError) as error:
        raise _refusal(folder / BUNDLE, f"it cannot be read: {error}") from None
    for name, digest in files.items():
        if not (folder / name).is_file() or sha256_file(folder / name) != digest:
            raise _refusal(folder / name, f"it is not the file that {BUNDLE} names")
    if card.get("version") != _version({k: v for k, v in card.items() if k != "version"}):
        raise _refusal(folder / BUNDLE, "it was changed after it was written")
    items = json.loads((folder / ITEMS).read_text(encoding="utf-8"))
    return SasrecScorer(*load_network(folder / NETWORK)), [str(item) for item in items]


def _write_files(
    folder: Path,
    trained: Trained,
    *,
    task: SequenceTask,
    settings: SasrecSettings,
    judged: Judged,
    trials: Sequence[Trial],
) -> None:
    save_network(folder / NETWORK, trained.network, trained.network.config)
    write_json(folder / ITEMS, list(trained.items))
    headline = "counterfoil train sequence --config FILE learns with these knobs again"
    write_text(folder / KNOBS, knobs_text(settings, headline=headline, like=task.knobs_file))
    if trials:
        rows = [{k: v for k, v in asdict(trial).items() if k != "seconds"} for trial in trials]
        write_json(folder / TRIALS, rows)
    card = ModelCard(
        title="Sequence model (SASRec)",
        facts=task.facts
        | {"items": f"{len(trained.items):,}", "judged users": f"{judged.users:,}"},
        figures=judged.figures,
        floors=judged.floors,
        curve=trained.curve,
        knobs=settings.knobs(),
        effects=effects_of(task.knobs_file),
        trials=trials,
    )
    for name, text in card_files(card).items():
        write_text(folder / name, text)


def _facts(trained: Trained, task: SequenceTask, judged: Judged) -> dict[str, object]:
    return {
        "model_name": MODEL_NAME,
        "data": task.facts,
        "data_digest": task.digest,
        "validation": trained.metrics,
        "metrics": {name: asdict(found) for name, found in judged.figures.items()},
        "floors": judged.floors,
        "users": judged.users,
    }


def _seal(folder: Path, facts: Mapping[str, object]) -> str:
    files = {path.name: sha256_file(path) for path in sorted(folder.iterdir())}
    card = {**facts, "files": files}
    write_json(folder / BUNDLE, card | {"version": _version(card)})
    return _version(card)


def _version(card: Mapping[str, object]) -> str:
    return digest_of(card)[:_VERSION_LENGTH]


def _refusal(path: Path, why: str) -> InputError:
    return InputError(
        f"sequence model {path.parent.name} cannot be trusted",
        where=str(path),
        why=why,
        next_step="counterfoil train sequence makes it again",
    )
