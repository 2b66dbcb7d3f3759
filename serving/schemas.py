"""What an answer says, and the sentence for every request that cannot be used.

KServe checks neither fields nor limits, so everything a caller sends passes through here first,
whether it came as JSON (``instances[3].user_id``) or as tensors (``inputs.user_id[3]``). This file
knows no framework: the command line and the predictor share it.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, TypeVar

from pydantic import BaseModel, Field, ValidationError

from serving.intent_wish import MAX_COUNT, MAX_IN_ORDER, MAX_QUERY_CHARS, SessionActs
from serving.search_wish import FUSION_NAMES, MAX_VALUE_CHARS, MAX_VALUES, Range, SearchFilters
from serving.wish import (
    MAX_ABOUT_IDS,
    MAX_DAYS,
    MAX_ID_CHARS,
    MAX_IMPRESSIONS,
    MAX_K,
    MAX_NAMED_IDS,
    SURFACES,
    Strict,
    UnclickedImpressions,
)

_INSIDE: dict[str, type[BaseModel]] = {
    "impressions": UnclickedImpressions,
    "acts": SessionActs,
    "filters": SearchFilters,
    "price": Range,
}
MAX_INSTANCES = 64  # 64 answers of 100 items stay under one second on two cores

Fallback = Literal["cold_start", "new_item", "new_user_and_item"]
Instance = TypeVar("Instance", bound=BaseModel)


class RequestError(ValueError):
    """The caller's fault; the text names the place in the request and the rule it breaks."""


class RecommendedItem(Strict):
    """One line of an answer."""

    item_id: str
    title: str
    score: float
    retriever: str
    reasons: list[str] = Field(max_length=3)
    confidence: float | None = None  # that it is in the user's next basket; None: not calibrated
    propensity: float | None = None  # set: drawn at random into its place, with this probability


class DroppedItem(Strict):
    """An item that was ranked or given and is not shown, with the code of the rule."""

    item_id: str
    reason: str


class Recommendation(Strict):
    """One answer; the same fields over REST, V2, gRPC and the command line."""

    request_id: str
    user_id: str
    surface: str
    items: list[RecommendedItem]
    model_name: str
    model_version: str
    feature_service: str
    fallback: Fallback | None = None
    is_degraded: bool = False
    dropped: list[DroppedItem] | None = None  # search, or where the request says explain
    unknown_item_ids: list[str] | None = None  # the item or basket items no model knows

    def as_answer(self) -> dict[str, object]:
        """The answer as JSON has it; what was not asked for and did not happen has no key."""
        found = self.model_dump()
        for name in ("dropped", "unknown_item_ids"):
            if found[name] is None:
                del found[name]
        for item in found["items"]:
            if item["propensity"] is None:
                del item["propensity"]
        return found


_ID_RULE = f"must be 1 to {MAX_ID_CHARS} characters"
_NAMED_RULE = f"must be a list of at most {MAX_NAMED_IDS} item ids"
_RULES = {
    "user_id": _ID_RULE,
    "item_id": _ID_RULE,
    "basket_item_ids": f"must be a list of 1 to {MAX_ABOUT_IDS} item ids",
    "candidate_item_ids": f"must be a list of 1 to {MAX_ABOUT_IDS} item ids",
    "exclude_item_ids": _NAMED_RULE,
    "unavailable_item_ids": _NAMED_RULE,
    "seen_item_ids": _NAMED_RULE,
    "impressions": f"must be a list of at most {MAX_NAMED_IDS} objects with item_id",
    "count": f"must be a whole number from 1 to {MAX_IMPRESSIONS}",
    "days_ago": f"must be a number from 0 to {MAX_DAYS:g}",
    "explain": "must be true or false",
    "k": f"must be a whole number from 1 to {MAX_K}",
    "surface": f"must be {' or '.join(SURFACES)}",
    "request_id": "must be 32 lower-case hexadecimal digits",
    "query": f"must be at most {MAX_QUERY_CHARS} characters",
    "acts": f"must be an object with {', '.join(SessionActs.model_fields)}",
    "acts_in_order": f"must be a list of at most {MAX_IN_ORDER} acts",
    "prefix": f"must be at most {MAX_QUERY_CHARS} characters",
    "filters": f"must be an object with {', '.join(SearchFilters.model_fields)}",
    "category": f"must be a list of 1 to {MAX_VALUES} texts",
    "brand": f"must be a list of 1 to {MAX_VALUES} texts",
    "price": "must be an object with low, high or both",
    "low": "must be a number",
    "high": "must be a number",
    "in_stock": "must be true or false",
    "fusion": f"must be {' or '.join(FUSION_NAMES)}",
    **dict.fromkeys(SessionActs.model_fields, f"must be a whole number from 0 to {MAX_COUNT}"),
}
_ENTRY_RULES = {
    "impressions": "must be an object with item_id, count and days_ago",
    "acts_in_order": f"must be {' or '.join(SessionActs.model_fields)}",
    "filters": f"must be a text of 1 to {MAX_VALUE_CHARS} characters",
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


def parse_columns(
    columns: Mapping[str, Sequence[object]],
    rows: Sequence[Mapping[str, object]],
    shape: type[Instance],
    *,
    more: str,
) -> tuple[Instance, ...]:
    """Check named columns of equal length, one row per instance (V2 and gRPC tensors).

    ``rows[i]`` are further fields of row i, from the tensor ``more``: those that no tensor of one
    value a row can hold.
    """
    requests = []
    for row, further in enumerate(rows):
        value = {name: column[row] for name, column in columns.items()}
        try:
            requests.append(shape.model_validate({**further, **value}))
        except ValidationError as error:
            field, sentence = _first_fault(error.errors()[0], shape)
            is_further = field.partition("[")[0].partition(".")[0] not in columns and further
            place = f"inputs.{more}[{row}].{field}" if is_further else f"inputs.{field}[{row}]"
            raise RequestError(f"{place}: {sentence}") from None
    return tuple(requests)


def _first_fault(fault: Mapping[str, object], shape: type[BaseModel]) -> tuple[str, str]:
    """The path of the first wrong place, and the rule it breaks."""
    location = fault["loc"] if isinstance(fault["loc"], tuple) else ()
    path = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in location)[1:]
    kind, rule = fault["type"], _rule(location)
    if kind == "extra_forbidden":
        parts = [step for step in location[:-1] if isinstance(step, str)]
        inside = _INSIDE[parts[-1]] if parts else shape
        return _shown(path), f"unknown field; the fields are {', '.join(inside.model_fields)}"
    if kind == "missing":
        return path, f"is missing; it {rule}"
    if kind == "value_error":
        text = str(fault["msg"]).removeprefix("Value error, ")
        return (path, text) if path else _split(text)
    return path or "body", rule


def _rule(location: tuple[object, ...]) -> str:
    """The rule of a field, or of one entry of a list."""
    if location and isinstance(location[-1], int):
        return _ENTRY_RULES.get(str(location[0]), _ID_RULE)
    return _RULES.get(str(location[-1]) if location else "", "cannot be used")


def _split(text: str) -> tuple[str, str]:
    """A sentence about the whole instance names its field first."""
    field, _, sentence = text.partition(": ")
    return field, sentence


def _shown(name: str) -> str:
    """A name the caller chose, short and printable enough to be sent back."""
    return "".join(c for c in name if c.isprintable())[:64]
