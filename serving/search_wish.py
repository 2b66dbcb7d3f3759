"""What a request to ``search`` may say: a query with its filters, or the beginning of one."""

from typing import Annotated, Literal, get_args

from pydantic import Field, field_validator, model_validator

from serving.intent_wish import MAX_QUERY_CHARS
from serving.wish import DEFAULT_K, MAX_K, Id, Strict

MAX_VALUES = 50  # of one filter; a facet's list of brands is shorter
MAX_ATTRIBUTES = 20
MAX_VALUE_CHARS = 200
MAX_NUMBER = 1e300
FusionName = Literal["lexical", "dense", "rule", "convex", "reciprocal_rank", "learned"]
FUSION_NAMES: tuple[FusionName, ...] = get_args(FusionName)  # those of an index

Value = Annotated[str, Field(min_length=1, max_length=MAX_VALUE_CHARS)]
Values = Annotated[list[Value], Field(min_length=1, max_length=MAX_VALUES)]
Number = Annotated[float, Field(allow_inf_nan=False)]


class Range(Strict):
    """Numbers from ``low`` to ``high``, both included; one may be missing."""

    low: Number | None = None
    high: Number | None = None

    @model_validator(mode="after")
    def _has_an_end(self) -> "Range":
        if self.low is None and self.high is None:
            raise ValueError("must have low, high or both")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError("must have low at most as large as high")
        return self


AttributeValue = str | bool | float | Range


class SearchFilters(Strict):
    """All of them hold; of several categories or brands, one. They are never given up."""

    category: Values | None = None
    brand: Values | None = None
    price: Range | None = None
    in_stock: bool = False
    attributes: dict[str, AttributeValue] | None = None

    @field_validator("attributes", mode="before")
    @classmethod
    def _readable(cls, value: object) -> object:
        """One sentence for all forms of a value, where pydantic would have one for each."""
        if value is None:
            return None
        if not isinstance(value, dict) or len(value) > MAX_ATTRIBUTES:
            raise ValueError(f"must be an object of at most {MAX_ATTRIBUTES} attributes")
        return {str(name)[:MAX_VALUE_CHARS]: _attribute(str(name), v) for name, v in value.items()}


class SearchRequest(Strict):
    """One search, or with ``prefix`` what may be being typed."""

    query: Annotated[str, Field(max_length=MAX_QUERY_CHARS)] | None = None
    prefix: Annotated[str, Field(max_length=MAX_QUERY_CHARS)] | None = None
    k: Annotated[int, Field(ge=1, le=MAX_K)] = DEFAULT_K
    filters: SearchFilters | None = None
    user_id: Id | None = None  # set: in this shopper's order
    fusion: FusionName | None = None  # absent: the index's own
    explain: bool = False

    @model_validator(mode="after")
    def _says_one_thing(self) -> "SearchRequest":
        if self.query is None and self.prefix is None:
            raise ValueError("query: is missing; send query, or prefix for completions")
        if self.prefix is not None:
            given = self.model_fields_set - {"prefix", "k"}
            if given:
                raise ValueError(f"{min(given)}: belongs to a query, not to a prefix")
        return self


def _attribute(name: str, value: object) -> AttributeValue:
    if isinstance(value, dict):
        try:
            return Range.model_validate(value)
        except ValueError:
            raise ValueError(
                f"{_short(name)} must be a range like {{'low': 1, 'high': 5}}"
            ) from None
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= MAX_NUMBER:
        return float(value)
    if isinstance(value, bool) or (isinstance(value, str) and 0 < len(value) <= MAX_VALUE_CHARS):
        return value
    raise ValueError(f"{_short(name)} must be a text, a number, true, false or a range")


def _short(name: str) -> str:
    return "".join(c for c in name if c.isprintable())[:64]
