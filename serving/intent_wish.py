"""What a request to ``intent`` may say: a query, the acts of its session so far, or both."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from serving.wish import Strict

MAX_QUERY_CHARS = 512  # of a search box; what shops log stays under 200
MAX_COUNT = 1_000_000
MAX_IN_ORDER = 1_000  # a session with more acts is a robot's

Count = Annotated[int, Field(ge=0, le=MAX_COUNT)]
Act = Literal["browse", "click", "cart", "purchase", "review"]


class SessionActs(Strict):
    """How often each act happened: pages seen, items opened, put in the cart, bought, ..."""

    browse: Count = 0
    click: Count = 0
    cart: Count = 0
    purchase: Count = 0
    review: Count = 0  # reviews read


class IntentRequest(Strict):
    """One session: its latest query, its acts as counts, or as a list in order of time."""

    query: Annotated[str, Field(max_length=MAX_QUERY_CHARS)] | None = None  # empty: none was typed
    acts: SessionActs | None = None
    acts_in_order: Annotated[list[Act], Field(max_length=MAX_IN_ORDER)] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> "IntentRequest":
        if self.query is None and self.acts is None and not self.acts_in_order:
            raise ValueError("query: is missing; send query, acts or both")
        if self.acts is not None and self.acts_in_order is not None:
            raise ValueError("acts: are given twice; acts_in_order holds their counts")
        return self
