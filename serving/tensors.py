"""Requests and answers as tensors (V2 over REST, and gRPC).

KServe accepts any tensor under any name and type, so this checks names, types and shapes itself.
In, for the recommender: ``user_id`` BYTES [n], and if wanted ``k`` INT64 [n], ``surface`` BYTES
[n], and ``wish`` BYTES [n]: the other fields of a V1 instance (basket, hits, what to leave out) as
one JSON object a row. For intent: ``query`` BYTES [n], ``session`` BYTES [n] (the acts likewise),
or both. For search: ``query`` or ``prefix`` BYTES [n], and ``k``, ``user_id`` BYTES [n], ``wish``
as above. Out: ``answer`` BYTES [n], each the JSON of one prediction, the same as V1 gives.
"""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import orjson

from governance.files import canonical_json
from serving.framework import InferInput, InferOutput, InferRequest, InferResponse, InvalidInput
from serving.schemas import (
    MAX_INSTANCES,
    Instance,
    RequestError,
    parse_columns,
    parse_instances,
)


@dataclass(frozen=True)
class Asked:
    """The tensors of one model: their types, one of which must be there, and that of JSON rows."""

    types: Mapping[str, str]
    required: tuple[str, ...]
    more: str


RECOMMENDER = Asked(
    {"user_id": "BYTES", "k": "INT64", "surface": "BYTES", "wish": "BYTES"}, ("user_id",), "wish"
)
SEARCH = Asked(
    {"query": "BYTES", "prefix": "BYTES", "k": "INT64", "user_id": "BYTES", "wish": "BYTES"},
    ("query", "prefix"),
    "wish",
)
INTENT = Asked({"query": "BYTES", "session": "BYTES"}, ("query", "session"), "session")
OUTPUT_TYPES = {"answer": "BYTES"}


def parsed(payload: object, asked: Asked, shape: type[Instance]) -> tuple[Instance, ...]:
    """The instances of a V1 body or a V2 request; InvalidInput names the first wrong place."""
    try:
        if isinstance(payload, InferRequest):
            return requests_from_tensors(payload, asked, shape)
        return parse_instances(payload, shape)
    except RequestError as error:
        raise InvalidInput(str(error)) from None


def metadata(types: Mapping[str, str]) -> list[dict[str, object]]:
    """Tensors as V2 model metadata: one row per wish, any number of rows."""
    return [{"name": name, "datatype": kind, "shape": [-1]} for name, kind in types.items()]


def requests_from_tensors(
    request: InferRequest, asked: Asked, shape: type[Instance]
) -> tuple[Instance, ...]:
    """The instances of a V2 request; RequestError names the first tensor that is wrong."""
    columns: dict[str, list[object]] = {}
    for i, tensor in enumerate(request.inputs):
        path = f"inputs[{i}]"
        _check_head(tensor, path, asked, seen=columns)
        columns[tensor.name] = _column(tensor, path, asked)
    given = [name for name in asked.required if name in columns]
    if not given:
        names = " or ".join(asked.required)
        raise RequestError(f"inputs: tensor {names} is missing; it has BYTES of shape [n]")
    count = len(columns[given[0]])
    if uneven := [name for name, values in columns.items() if len(values) != count]:
        raise RequestError(f"inputs.{uneven[0]}: must have {count} values, as many as {given[0]}")
    if not 1 <= count <= MAX_INSTANCES:
        raise RequestError(f"inputs.{given[0]}: must have 1 to {MAX_INSTANCES} values")
    _check_outputs(request)
    more = columns.pop(asked.more, [""] * count)
    fields = [
        _fields(text, f"inputs.{asked.more}[{row}]", columns) for row, text in enumerate(more)
    ]
    return parse_columns(columns, fields, shape, more=asked.more)


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


def _check_head(
    tensor: InferInput, path: str, asked: Asked, *, seen: dict[str, list[object]]
) -> None:
    if tensor.name not in asked.types:
        raise RequestError(f"{path}.name: must be one of {', '.join(asked.types)}")
    if tensor.name in seen:
        raise RequestError(f"{path}.name: {tensor.name} is given twice")
    expected = asked.types[tensor.name]
    if tensor.datatype != expected:
        raise RequestError(f"{path}.datatype: must be {expected} for {tensor.name}")
    if len(tensor.shape) != 1:
        raise RequestError(f"{path}.shape: must be [n], one value per instance")


def _column(tensor: InferInput, path: str, asked: Asked) -> list[object]:
    values = _decoded(tensor, path, asked.types[tensor.name])
    if len(values) != tensor.shape[0]:
        sentence = f"says {tensor.shape[0]} values, data has {len(values)}"
        raise RequestError(f"{path}.shape: {sentence}")
    return values


def _decoded(tensor: InferInput, path: str, expected: str) -> list[object]:
    """Values as str and int, whether they came as JSON, as protobuf fields or as raw bytes."""
    try:
        raw = tensor.data if tensor.data else tensor.as_numpy().tolist()
        return [v.decode("utf-8") if isinstance(v, bytes) else v for v in raw]
    except (UnicodeDecodeError, ValueError, TypeError, IndexError, struct.error):
        kind = "UTF-8 text" if expected == "BYTES" else expected
        raise RequestError(f"{path}.data: cannot be read as {kind}") from None


def _fields(text: object, path: str, columns: dict[str, list[object]]) -> dict[str, object]:
    """The further fields of one row; an empty text is none."""
    try:
        found = orjson.loads(str(text) or "{}")  # as V1 is: no lone surrogate, no huge number
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise RequestError(f"{path}: must be a JSON object like {{}}")
    if twice := sorted(found.keys() & columns.keys()):
        raise RequestError(f"{path}.{twice[0]}: is given as a tensor already")
    return found


def _check_outputs(request: InferRequest) -> None:
    for i, output in enumerate(request.request_outputs or ()):
        if output.name not in OUTPUT_TYPES:
            raise RequestError(f"outputs[{i}].name: must be {', '.join(OUTPUT_TYPES)}")
