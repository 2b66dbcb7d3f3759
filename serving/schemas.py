"""What a request may say and what an answer says: types, limits and the sentence for each refusal.

KServe checks neither fields nor limits, so everything a caller sends passes through here first,
whether it came as JSON (``instances[3].user_id``) or as tensors (``inputs.user_id[3]``). This file
knows no framework: the command line and the predictor share it.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

MAX_INSTANCES = 64  # 64 answers of 100 items stay under one second on two cores
MAX_USER_ID_CHARS = 128
MAX_K = 100
DEFAULT_K = 10
DEFAULT_SURFACE = "home"
SURFACES = ("home",)  # the surfaces that are served now
PLANNED_SURFACES = ("similar", "cart", "search", "email")  # known names, refused with a sentence

Instance = TypeVar("Instance", bound=BaseModel)


class RequestError(ValueError):
    """The caller's fault; the text names the place in the request and the rule it breaks."""


class Strict(BaseModel):
    """Unknown fields and wrong types are refused, and nothing changes after checking."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class RecommendRequest(Strict):
    """One wish: ``k`` items for a user on a surface."""

    user_id: Annotated[str, Field(min_length=1, max_length=MAX_USER_ID_CHARS)]
    k: Annotated[int, Field(ge=1, le=MAX_K)] = DEFAULT_K
    surface: str = DEFAULT_SURFACE

    @field_validator("user_id")
    @classmethod
    def _printable(cls, value: str) -> str:
        if not value.isprintable():  # no database takes NUL or half a surrogate pair
            raise ValueError("must hold printable characters only")
        return value

    @field_validator("surface")
    @classmethod
    def _served(cls, value: str) -> str:
        if value in PLANNED_SURFACES:
            raise ValueError(f"{value} is not served yet; use {' or '.join(SURFACES)}")
        if value not in SURFACES:
            raise ValueError(f"must be {' or '.join(SURFACES)}")
        return value


class ExplainRequest(Strict):
    """Which decision to explain."""

    request_id: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]


class RecommendedItem(Strict):
    """One line of an answer."""

    item_id: str
    title: str
    score: float
    retriever: str
    reasons: list[str] = Field(max_length=3)


class Recommendation(Strict):
    """One answer; the same fields over REST, V2, gRPC and the command line."""

    request_id: str
    user_id: str
    surface: str
    items: list[RecommendedItem]
    model_name: str
    model_version: str
    feature_service: str
    fallback: Literal["cold_start"] | None = None
    is_degraded: bool = False


_RULES = {
    "user_id": f"must be 1 to {MAX_USER_ID_CHARS} characters",
    "k": f"must be a whole number from 1 to {MAX_K}",
    "surface": f"must be {' or '.join(SURFACES)}",
    "request_id": "must be 32 lower-case hexadecimal digits",
}


def parse_instances(payload: object, shape: type[Instance]) -> tuple[Instance, ...]:
    """Check a V1 body ``{"instances": [...]}``; RequestError names the first wrong place."""
    if not isinstance(payload, dict):
        raise RequestError('body: must be a JSON object like {"instances": [...]}')
    if "instances" not in payload:
        raise RequestError("instances: is missing; send a list of 1 to 64 objects")
    if unknown := sorted(set(map(str, payload)) - {"instances"}):
        raise RequestError(f"{_shown(unknown[0])}: unknown field; the body has instances only")
    instances = payload["instances"]
    if not isinstance(instances, list) or not 1 <= len(instances) <= MAX_INSTANCES:
        raise RequestError(f"instances: must be a list of 1 to {MAX_INSTANCES}")
    return tuple(
        parse_instance(instance, shape, path=f"instances[{i}]")
        for i, instance in enumerate(instances)
    )


def parse_instance(value: object, shape: type[Instance], *, path: str) -> Instance:
    """Check one instance; ``path`` is where it stands in the request."""
    if not isinstance(value, dict):
        raise RequestError(f"{path}: must be an object with {', '.join(shape.model_fields)}")
    try:
        return shape.model_validate(value)
    except ValidationError as error:
        field, sentence = _first_fault(error.errors()[0], shape)
        raise RequestError(
            f"{path}.{field}: {sentence}" if path else f"{field}: {sentence}"
        ) from None


def parse_columns(columns: Mapping[str, Sequence[object]]) -> tuple[RecommendRequest, ...]:
    """Check named columns of equal length, one row per wish (V2 and gRPC tensors)."""
    count = len(next(iter(columns.values())))
    requests = []
    for row in range(count):
        value = {name: column[row] for name, column in columns.items()}
        try:
            requests.append(RecommendRequest.model_validate(value))
        except ValidationError as error:
            field, sentence = _first_fault(error.errors()[0], RecommendRequest)
            raise RequestError(f"inputs.{field}[{row}]: {sentence}") from None
    return tuple(requests)


def _first_fault(fault: Mapping[str, object], shape: type[BaseModel]) -> tuple[str, str]:
    location = fault["loc"]
    field = str(location[0]) if isinstance(location, tuple) and location else "body"
    rule = _RULES.get(field, "cannot be used")
    kind = fault["type"]
    if kind == "extra_forbidden":
        return _shown(field), f"unknown field; the fields are {', '.join(shape.model_fields)}"
    if kind == "missing":
        return field, f"is missing; it {rule}"
    if kind == "value_error":
        return field, str(fault["msg"]).removeprefix("Value error, ")
    return field, rule


def _shown(name: str) -> str:
    """A name the caller chose, short and printable enough to be sent back."""
    return "".join(c for c in name if c.isprintable())[:64]
