"""Prefix tuning: an encoder whose layers also attend to learned keys and values.

After Li and Liang (2021). Our own and not peft's, which drops the marks that tell a pair's second
text from its first, and moves every token P places on. Knows no files.

Dimensions: N texts, L tokens, P prefix tokens, K layers, H heads.
"""

import inspect
from typing import Any

import torch
from torch import Tensor, nn
from transformers import DynamicCache

from governance.errors import InputError

_SPREAD = 0.02  # what transformers start their own weights with


class _Unseen(DynamicCache):
    """Keys and values that take no place: the text's first token keeps position 0."""

    def get_seq_length(self, layer_idx: int = 0) -> int:
        del layer_idx
        return 0


class PrefixedEncoder(nn.Module):
    """The encoder's network with ``length`` learned places before each text, in every layer."""

    def __init__(self, network: nn.Module, length: int) -> None:
        super().__init__()
        if "past_key_values" not in inspect.signature(network.forward).parameters:
            raise InputError(
                f"{type(network).__name__} cannot be tuned by a prefix",
                where="knob method: prefix",
                why="its layers take no keys and values from outside",
                next_step="use method: lora, or an encoder like BERT",
            )
        config: Any = network.config
        heads, width = config.num_attention_heads, config.hidden_size
        shape = (config.num_hidden_layers, 2, heads, length, width // heads)
        self.config = config
        self.network, self.prefix = network, nn.Parameter(torch.randn(shape) * _SPREAD)

    def get_input_embeddings(self) -> nn.Module:
        """As every transformers network has it."""
        found: nn.Module = self.network.get_input_embeddings()  # type: ignore[operator]
        return found

    def forward(self, attention_mask: Tensor, **given: Tensor) -> Any:
        """What the network gives for (N, L) tokens."""
        rows, length = attention_mask.shape[0], self.prefix.shape[3]
        cache = _Unseen()
        for layer, (keys, values) in enumerate(self.prefix):
            cache.update(keys.expand(rows, -1, -1, -1), values.expand(rows, -1, -1, -1), layer)
        before = attention_mask.new_ones((rows, length))
        seen = torch.cat([before, attention_mask], dim=1)
        return self.network(attention_mask=seen, past_key_values=cache, **given)
