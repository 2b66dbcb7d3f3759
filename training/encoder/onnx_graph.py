"""A network as an ONNX graph: written, made smaller, opened. The same for every text model.

The graph takes any number of texts of any length. It is written by torch's tracing exporter: the
newer one needs a package that the lock does not have. What tracing cannot see is not hoped for:
whoever writes a graph compares its answers with the network's.
"""

import logging
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

EXAMPLE = ("a text", "another, longer text")  # of two lengths, so that padding is in the graph
_OPSET = 17  # the first with LayerNormalization; onnxruntime reads it since 1.12


def write_graph(
    network: nn.Module, given: Mapping[str, Tensor], path: Path, *, output: str
) -> None:
    """``network``, which takes ``given`` by name, in float32; its answer is named ``output``."""
    names = list(given)
    axes = {name: {0: "texts", 1: "tokens"} for name in names} | {output: {0: "texts"}}
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            _ByPlace(network, names).eval(), tuple(given.values()), str(path),
            input_names=names, output_names=[output], dynamic_axes=axes,
            opset_version=_OPSET, dynamo=False,
        )  # fmt: skip


def write_8_bits(graph: Path, path: Path) -> None:
    """The same graph with weights of 8 bits."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    root, level = logging.getLogger(), logging.getLogger().level
    root.setLevel(logging.ERROR)  # it advises, through the root logger
    try:
        quantize_dynamic(graph, path, per_channel=True, weight_type=QuantType.QInt8)
    finally:
        root.setLevel(level)


def open_graph(path: Path, *, threads: int = 1) -> Any:
    """onnxruntime's session, whose type has no stubs; it may be shared between threads."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3  # errors
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def answer_of(session: Any, given: Mapping[str, Tensor]) -> NDArray[Any]:
    """What the graph makes of tokens; what it does not take is left out."""
    names = [wanted.name for wanted in session.get_inputs()]
    found: NDArray[Any] = session.run(None, {name: given[name].numpy() for name in names})[0]
    return found


class _ByPlace(nn.Module):
    """The exporter hands inputs over in order, a network takes them by name."""

    def __init__(self, network: nn.Module, names: list[str]) -> None:
        super().__init__()
        self.network, self.names = network, names

    def forward(self, *given: Tensor) -> Tensor:
        answer: Tensor = self.network(**dict(zip(self.names, given, strict=True)))
        return answer
