"""A taught encoder as a checkpoint that ``load_encoder`` reads: safetensors, JSON, no pickle.

Its digest names the bytes of these files, so an index is built by what was loaded.
"""

import json
from pathlib import Path
from typing import Any

from safetensors.torch import save_file

from governance.files import atomic_path
from training.encoder.checkpoint import load_encoder
from training.encoder.model import Encoder

_OF_A_PLACE = ("_name_or_path", "name_or_path", "is_local", "local_files_only")  # not of content


def save_encoder(folder: Path, encoder: Encoder) -> Encoder:
    """Write beside and rename; the encoder as it will be loaded. Same weights, same bytes."""
    network: Any = encoder.network
    with atomic_path(folder) as beside:
        beside.mkdir(parents=True)
        weights = network.state_dict().items()
        save_file(
            {name: value.detach().cpu().contiguous() for name, value in weights},
            beside / "model.safetensors",
            metadata={"format": "pt"},
        )
        (beside / "config.json").write_text(network.config.to_json_string(use_diff=False), "utf-8")
        encoder.tokenizer.save_pretrained(beside)
        for name in ("config.json", "tokenizer_config.json"):
            written = json.loads((beside / name).read_text(encoding="utf-8"))
            kept = {key: value for key, value in written.items() if key not in _OF_A_PLACE}
            text = json.dumps(kept, indent=2, sort_keys=True, ensure_ascii=False)
            (beside / name).write_text(text + "\n", encoding="utf-8")
        _forget_last_reading(beside / "tokenizer.json")
    return load_encoder(str(folder))


def _forget_last_reading(path: Path) -> None:
    """How long the last text was that a fast tokenizer read says nothing about the encoder."""
    if path.is_file():
        written = json.loads(path.read_text(encoding="utf-8"))
        text = json.dumps({**written, "truncation": None, "padding": None}, ensure_ascii=False)
        path.write_text(text + "\n", encoding="utf-8")
