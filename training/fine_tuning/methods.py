"""Which of an encoder's numbers learn: all, LoRA's small matrices, a prefix, or none.

Knows no files. LoRA is peft's, which also knows for each kind of encoder where query and value
are; after learning its matrices are added to the weights, and the encoder is an ordinary one.
"""

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from governance.errors import InputError
from training.fine_tuning.config import FineTuning
from training.fine_tuning.prefix import PrefixedEncoder


@dataclass(frozen=True)
class Adapted:
    """A network ready to learn; ``finish`` makes it ready to be saved and served, in place."""

    network: nn.Module
    finish: Callable[[], object]


def adapt(network: nn.Module, knobs: FineTuning) -> Adapted:
    """``network`` with what its method adds, and only that able to learn; changes it in place."""
    drop_pooler(network)
    if knobs.method == "lora":
        return _with_lora(network, knobs)
    network.requires_grad_(knobs.method == "full")
    if knobs.method == "prefix":
        network = PrefixedEncoder(network, knobs.prefix_tokens)
    return Adapted(network, lambda: None)


def drop_pooler(network: nn.Module) -> None:
    """Forget the layer for BERT's own task, which nothing here reads."""
    if getattr(network, "pooler", None) is not None:
        network.pooler = None  # type: ignore[assignment]


def _with_lora(network: nn.Module, knobs: FineTuning) -> Adapted:
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(r=knobs.lora_rank, lora_alpha=knobs.lora_alpha, lora_dropout=knobs.dropout)
    try:
        added = get_peft_model(network, config)
    except ValueError as error:
        raise InputError(
            f"{type(network).__name__} cannot be tuned by LoRA",
            where="knob method: lora",
            why=str(error),
            next_step="use method: full or frozen",
        ) from None
    return Adapted(network, added.merge_and_unload)
