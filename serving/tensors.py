"""Requests and answers as tensors (V2 over REST, and gRPC).

KServe accepts any tensor under any name and type, so this checks names, types and shapes itself.
In: ``user_id`` BYTES [n], and if wanted ``k`` INT64 [n], ``surface`` BYTES [n], and ``wish`` BYTES
[n]: the other fields of a V1 instance (basket, hits, what to leave out) as one JSON object a row.
Out: ``answer`` BYTES [n], each the JSON of one prediction, the same as V1 gives.
"""

import json
import struct
from collections.abc import Sequence

from governance.files import canonical_json
from serving.framework import InferInput, InferOutput, InferRequest, InferResponse
from serving.schemas import MAX_INSTANCES, RequestError, parse_columns
from serving.wish import RecommendRequest

INPUT_TYPES = {"user_id": "BYTES", "k": "INT64", "surface": "BYTES", "wish": "BYTES"}
OUTPUT_TYPES = {"answer": "BYTES"}
REQUIRED = "user_id"
MORE = "wish"


def metadata(types: dict[str, str]) -> list[dict[str, object]]:
    """Tensors as V2 model metadata: one row per wish, any number of rows."""
    return [{"name": name, "datatype": kind, "shape": [-1]} for name, kind in types.items()]


def requests_from_tensors(request: InferRequest) -> tuple[RecommendRequest, ...]:
    """The wishes of a V2 request; RequestError names the first tensor that is wrong."""
    columns: dict[str, list[object]] = {}
    for i, tensor in enumerate(request.inputs):
        path = f"inputs[{i}]"
        _check_head(tensor, path, seen=columns)
        columns[tensor.name] = _column(tensor, path)
    if REQUIRED not in columns:
        raise RequestError(f"inputs: tensor {REQUIRED} is missing; it has BYTES of shape [n]")
    count = len(columns[REQUIRED])
    if uneven := [name for name, values in columns.items() if len(values) != count]:
        raise RequestError(f"inputs.{uneven[0]}: must have {count} values, as many as {REQUIRED}")
    if not 1 <= count <= MAX_INSTANCES:
        raise RequestError(f"inputs.{REQUIRED}: must have 1 to {MAX_INSTANCES} values")
    _check_outputs(request)
    more = columns.pop(MORE, [])
    return parse_columns(columns, [_fields(text, row, columns) for row, text in enumerate(more)])


def response_from_answers(
    answers: Sequence[dict[str, object]], *, request: InferRequest, response_id: str
) -> InferResponse:
    """The answers as one BYTES tensor, under the request's id if it came with one."""
    output = InferOutput(
        name="answer",
        shape=[len(answers)],
        datatype=OUTPUT_TYPES["answer"],
        data=[canonical_json(answer) for answer in answers],
    )
    return InferResponse(
        response_id=request.id or response_id,
        model_name=request.model_name,
        model_version=str(answers[0]["model_version"]),
        infer_outputs=[output],
        use_binary_outputs=request.use_binary_outputs,
        requested_outputs=request.request_outputs,
    )


def _check_head(tensor: InferInput, path: str, *, seen: dict[str, list[object]]) -> None:
    if tensor.name not in INPUT_TYPES:
        raise RequestError(f"{path}.name: must be one of {', '.join(INPUT_TYPES)}")
    if tensor.name in seen:
        raise RequestError(f"{path}.name: {tensor.name} is given twice")
    expected = INPUT_TYPES[tensor.name]
    if tensor.datatype != expected:
        raise RequestError(f"{path}.datatype: must be {expected} for {tensor.name}")
    if len(tensor.shape) != 1:
        raise RequestError(f"{path}.shape: must be [n], one value per instance")


def _column(tensor: InferInput, path: str) -> list[object]:
    values = _decoded(tensor, path)
    if len(values) != tensor.shape[0]:
        sentence = f"says {tensor.shape[0]} values, data has {len(values)}"
        raise RequestError(f"{path}.shape: {sentence}")
    return values


def _decoded(tensor: InferInput, path: str) -> list[object]:
    """Values as str and int, whether they came as JSON, as protobuf fields or as raw bytes."""
    try:
        raw = tensor.data if tensor.data else tensor.as_numpy().tolist()
        return [v.decode("utf-8") if isinstance(v, bytes) else v for v in raw]
    except (UnicodeDecodeError, ValueError, TypeError, IndexError, struct.error):
        kind = "UTF-8 text" if INPUT_TYPES[tensor.name] == "BYTES" else INPUT_TYPES[tensor.name]
        raise RequestError(f"{path}.data: cannot be read as {kind}") from None


def _fields(text: object, row: int, columns: dict[str, list[object]]) -> dict[str, object]:
    """The further fields of one row; an empty text is none."""
    try:
        found = json.loads(str(text) or "{}")
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise RequestError(f"inputs.{MORE}[{row}]: must be a JSON object like {{}}")
    if twice := sorted(found.keys() & columns.keys()):
        raise RequestError(f"inputs.{MORE}[{row}].{twice[0]}: is given as a tensor already")
    return found


def _check_outputs(request: InferRequest) -> None:
    for i, output in enumerate(request.request_outputs or ()):
        if output.name not in OUTPUT_TYPES:
            raise RequestError(f"outputs[{i}].name: must be {', '.join(OUTPUT_TYPES)}")
