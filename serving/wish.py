"""What a request may say: fields, types and limits, and what a surface cannot do without.

KServe checks none of it. The sentences for what is refused are in schemas.py.
"""

from typing import Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

MAX_ID_CHARS = 128
MAX_K = 100
DEFAULT_K = 10
DEFAULT_SURFACE = "home"
SURFACES = ("home", "discover", "similar", "cart", "search", "email")
# What a surface starts from: these fields belong to it, and it cannot do without.
STARTS_FROM = {
    "similar": "item_id",
    "cart": "basket_item_ids",
    "search": "candidate_item_ids",
}
INTENTS = ("buy", "learn", "compare", "out_of_shop")  # of a query, as the model intent names them
MAX_ABOUT_IDS = 200  # as many candidates as the ranker was judged with
MAX_NAMED_IDS = 500  # to leave out: a season of impressions, at 16 characters 8 KiB
MAX_IMPRESSIONS = 10_000  # of one item
MAX_DAYS = 3_650.0


class Strict(BaseModel):
    """Unknown fields and wrong types are refused, and nothing changes after checking."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def wish_about(surface: str, about: str) -> dict[str, object]:
    """The field of a surface that starts from items, from ids with commas between."""
    ids = [item_id.strip() for item_id in about.split(",") if item_id.strip()]
    name = STARTS_FROM.get(surface, "item_id")
    if not ids:
        return {}
    return {name: ids[0] if name == "item_id" and len(ids) == 1 else ids}


def _printable(value: str) -> str:
    if not value.isprintable():  # no database takes NUL or half a surrogate pair
        raise ValueError("must hold printable characters only")
    return value


Id = Annotated[str, Field(min_length=1, max_length=MAX_ID_CHARS), AfterValidator(_printable)]
AboutIds = Annotated[list[Id], Field(min_length=1, max_length=MAX_ABOUT_IDS)]
NamedIds = Annotated[list[Id], Field(max_length=MAX_NAMED_IDS)]


class UnclickedImpressions(Strict):
    """An item that the user was shown and did not click: how often, and how long ago."""

    item_id: Id
    count: Annotated[int, Field(ge=1, le=MAX_IMPRESSIONS)] = 1
    days_ago: Annotated[float, Field(ge=0, le=MAX_DAYS, allow_inf_nan=False)] = 0.0


class RecommendRequest(Strict):
    """One wish: ``k`` items for a user on a surface."""

    user_id: Id
    k: Annotated[int, Field(ge=1, le=MAX_K)] = DEFAULT_K
    surface: str = DEFAULT_SURFACE
    item_id: Id | None = None  # similar: the item looked at
    basket_item_ids: AboutIds | None = None  # cart: what lies in the basket
    candidate_item_ids: AboutIds | None = None  # search: the hits, best first; k unset: all of them
    exclude_item_ids: NamedIds | None = None
    unavailable_item_ids: NamedIds | None = None
    seen_item_ids: NamedIds | None = None  # shown already on this visit: page two is new
    impressions: Annotated[list[UnclickedImpressions], Field(max_length=MAX_NAMED_IDS)] | None = (
        None
    )
    query_intent: str | None = None  # of what was typed just now: the store's last query is older
    explain: bool = False  # also say what was dropped, and why

    @field_validator("query_intent")
    @classmethod
    def _known_intent(cls, value: str | None) -> str | None:
        if value is not None and value not in INTENTS:
            raise ValueError(f"must be {' or '.join(INTENTS)}")
        return value

    @field_validator("surface")
    @classmethod
    def _served(cls, value: str) -> str:
        if value not in SURFACES:
            raise ValueError(f"must be {' or '.join(SURFACES)}")
        return value

    @model_validator(mode="after")
    def _fits_its_surface(self) -> "RecommendRequest":
        for surface, name in STARTS_FROM.items():
            is_given = getattr(self, name) is not None
            if surface == self.surface and not is_given:
                raise ValueError(f"{name}: is missing; surface {surface} starts from it")
            if surface != self.surface and is_given:
                raise ValueError(f"{name}: belongs to surface {surface}, not {self.surface}")
        return self

    @property
    def about(self) -> list[str]:
        """The ids that the surface starts from, each once; none for home and its like."""
        found = getattr(self, STARTS_FROM.get(self.surface, ""), None) or []
        return list(dict.fromkeys([found] if isinstance(found, str) else found))

    @property
    def wanted(self) -> int:
        """How many items to show: ``k``, but every hit of a search that names no ``k``."""
        if self.surface == "search" and "k" not in self.model_fields_set:
            return len(self.about)
        return self.k

    def as_recorded(self) -> dict[str, object]:
        """The fields that say something, ``k`` as it was understood."""
        left_out = {"explain"} if not self.explain else None
        return self.model_dump(exclude_none=True, exclude=left_out) | {"k": self.wanted}


class ExplainRequest(Strict):
    """Which decision to explain."""

    request_id: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
