"""FGM: each text is learned once more with its word vectors pushed the way that hurts most.

After Miyato, Dai and Goodfellow (2017). The push is on what the word embeddings give, so that it
also works where the embeddings themselves do not learn. Knows no files.

    with Push(encoder, length) as push:
        loss().backward()
        push.turn()
        loss().backward()
"""

from types import TracebackType

import torch
from torch import Tensor, nn


class Push:
    """While entered: remembers what the word embeddings gave, and from ``turn`` on adds to it."""

    def __init__(self, encoder: nn.Module, length: float) -> None:
        self._embeddings: nn.Module = encoder.get_input_embeddings()  # type: ignore[operator]
        self._length = length
        self._given: Tensor | None = None
        self._push: Tensor | None = None

    def __enter__(self) -> "Push":
        self._hook = self._embeddings.register_forward_hook(self._pushed)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._hook.remove()

    def turn(self) -> None:
        """The next forward pass is pushed, each text by ``length``, along the last gradient."""
        if self._given is None or self._given.grad is None:
            raise RuntimeError("turn comes after a backward pass")
        gradient = self._given.grad
        norm = torch.linalg.vector_norm(gradient, dim=(1, 2), keepdim=True)
        self._push = self._length * gradient / norm.clamp(min=torch.finfo(norm.dtype).tiny)

    def _pushed(self, _module: nn.Module, _args: object, output: Tensor) -> Tensor:
        if self._push is not None:
            return output + self._push
        if not output.requires_grad:
            output.requires_grad_()
        output.retain_grad()
        self._given = output
        return output
