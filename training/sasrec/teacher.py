"""A network together with its loss, and the precision both are computed in.

Dimensions: B rows, T places, N negatives, V items with padding.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from training.native_bfloat16 import has_native_bfloat16
from training.sasrec.config import Precision, SasrecTraining
from training.sasrec.losses import full_softmax_loss, sampled_softmax_loss
from training.sasrec.model import PADDING, Sasrec


class Teacher(nn.Module):
    """A network with its loss, as one module: what DDP wraps and ``torch.compile`` reads."""

    log_q: Tensor

    def __init__(
        self, network: Sasrec, training: SasrecTraining, log_q: Float[Tensor, " V"]
    ) -> None:
        super().__init__()
        self.network = network
        self.device = torch.device(training.device)
        self.dtype = compute_dtype(training.precision, training.device)
        self.is_full = len(log_q) - 1 <= training.full_softmax_up_to
        self.encode = torch.compile(network, dynamic=True) if training.compile else network
        self.register_buffer("log_q", log_q, persistent=False)

    def forward(
        self,
        items: Int[Tensor, "B T"],
        baskets: Int[Tensor, "B T"],
        targets: Int[Tensor, "B T"],
        negatives: Int[Tensor, " N"],
    ) -> Tensor:
        """The sum of the losses of all places that have a target."""
        is_mixed = self.device.type == "cuda" and self.dtype == torch.bfloat16
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=is_mixed):
            encoded = self.encode(items, baskets)
        wanted = targets != PADDING
        encoded, matrix = encoded[wanted].float(), self.network.item_matrix()
        if self.is_full:
            return full_softmax_loss(encoded, targets[wanted], item_matrix=matrix, dtype=self.dtype)
        return sampled_softmax_loss(
            encoded, targets[wanted], negatives, item_matrix=matrix, log_q=self.log_q
        )


def compute_dtype(precision: Precision, device: str) -> torch.dtype:
    """bfloat16 where asked for, or with ``auto`` where the device multiplies it natively."""
    if precision == "auto":
        return torch.bfloat16 if has_native_bfloat16(device) else torch.float32
    return torch.bfloat16 if precision == "bfloat16" else torch.float32
