"""A tuned text model as files that prove themselves: ``bundles/<task>/<version>/``.

Weights are safetensors, the encoder's shape and its tokenizer are JSON, nothing is pickled.
``text_bundle.json`` names head, knobs, seed, metrics, the encoder's digest and that of every file.
Beside the weights lies their twin of 8 bits; the card tells what it lost on the validation lesson.

    bundle = open_text_bundle(folder)
    bundle.model().probabilities(Texts(("running shoes",)))
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from governance.errors import StateError
from training.fine_tuning.int8 import INT8_FILE, Int8Model
from training.fine_tuning.lesson import Head
from training.fine_tuning.methods import drop_pooler
from training.fine_tuning.model import HeadedNetwork, TunedModel
from training.fine_tuning.onnx_export import Loss, export_int8
from training.fine_tuning.prefix import PrefixedEncoder
from training.fine_tuning.taught import TaughtText
from training.sealed_folder import Sealed, seal, verified

CARD = "text_bundle.json"
FORMAT = 1  # raised when a reader of old bundles would misread a new one
_WEIGHTS = "network.safetensors"
_OF_A_PLACE = ("_name_or_path", "name_or_path", "is_local", "local_files_only")  # not of content


class TextBundle(Sealed):
    """A verified bundle: its folder and its card."""

    @property
    def head(self) -> Head:
        head = self.card["head"]
        return Head(head["name"], head["kind"], tuple(head["labels"]))

    def model(self) -> TunedModel:
        """The tuned model in float32, ready to answer."""
        network = _network(self.folder, self.card["prefix_tokens"])
        headed = HeadedNetwork(network, self.head, dropout=0.0)
        headed.load_state_dict(load_file(self.folder / _WEIGHTS))
        return TunedModel(
            _tokenizer(self.folder),
            headed.eval(),
            self.head,
            self.card["length"],
            self.card["precision"],
        )

    def int8(self, *, threads: int = 1) -> Int8Model:
        """The model with weights of 8 bits, for onnxruntime; StateError in a bundle without one."""
        path = self.folder / INT8_FILE
        if not path.exists():
            raise StateError(
                f"bundle {self.version} has no int8 model",
                where=str(path),
                why="it was saved by an older version",
                next_step=f"counterfoil train {self.head.name}, or use the float model",
            )
        return Int8Model.load(
            path, _tokenizer(self.folder), self.head, length=self.card["length"], threads=threads
        )


def save_text_bundle(
    bundles_dir: Path,
    taught: TaughtText,
    *,
    facts: Mapping[str, object],
    pages: Mapping[str, str] = MappingProxyType({}),
) -> TextBundle:
    """Write it beside and rename it to ``<bundles_dir>/<task>/<version>``.

    ``facts`` go into the card as they are: knobs, seed, encoder, data; ``pages`` are further files
    by name.
    """
    model = taught.model

    def write(folder: Path) -> Mapping[str, object]:
        weights = model.network.state_dict().items()
        save_file({k: v.detach().cpu().contiguous() for k, v in weights}, folder / _WEIGHTS)
        _write_shape(folder, model)
        for name, text in pages.items():
            (folder / name).write_text(text, encoding="utf-8")
        lost = export_int8(model, taught.validation, folder)
        return {**facts, **_facts(taught, lost)}

    folder = seal(bundles_dir / model.head.name, CARD, write)
    return TextBundle(folder, json.loads((folder / CARD).read_text(encoding="utf-8")))


def open_text_bundle(folder: Path, *, digest: str = "") -> TextBundle:
    """Verify every file against the card, before any of them is read."""
    return TextBundle(folder, verified(folder, CARD, form=FORMAT, digest=digest))


def _facts(taught: TaughtText, lost: Loss) -> dict[str, object]:
    model, encoder = taught.model, taught.model.network.encoder
    prefix = encoder.prefix.shape[3] if isinstance(encoder, PrefixedEncoder) else 0
    return {
        "model_name": model.head.name,
        "format": FORMAT,
        "head": asdict(model.head),
        "length": model.length,
        "precision": model.precision,
        "prefix_tokens": prefix,
        "metrics": taught.metrics,
        "curve": taught.curve,
        "validation_examples": len(taught.validation),
        "int8": asdict(lost),
    }


def _write_shape(folder: Path, model: TunedModel) -> None:
    """The encoder's config and the tokenizer, without the place they came from."""
    config: Any = model.network.encoder.config
    (folder / "config.json").write_text(config.to_json_string(use_diff=False), encoding="utf-8")
    model.tokenizer.save_pretrained(folder)
    for name in ("config.json", "tokenizer_config.json"):
        written = json.loads((folder / name).read_text(encoding="utf-8"))
        kept = {key: value for key, value in written.items() if key not in _OF_A_PLACE}
        text = json.dumps(kept, indent=2, sort_keys=True, ensure_ascii=False)
        (folder / name).write_text(text + "\n", encoding="utf-8")


def _network(folder: Path, prefix_tokens: int) -> torch.nn.Module:
    import transformers

    config = transformers.AutoConfig.from_pretrained(folder, local_files_only=True)
    network: torch.nn.Module = transformers.AutoModel.from_config(config)  # type: ignore[no-untyped-call]
    drop_pooler(network)
    return PrefixedEncoder(network, prefix_tokens) if prefix_tokens else network


def _tokenizer(folder: Path) -> Any:
    import transformers

    return transformers.AutoTokenizer.from_pretrained(
        folder, local_files_only=True, trust_remote_code=False
    )
