"""The KServe model ``search``: what a shopper typed, to products with reasons, or to completions.

Beside the recommender, and not required: a server without an index serves the others and says here
what is missing. With ``user_id`` the recommender orders what was found, through its surface
``search`` and with its own decision record; while it is not ready the answer comes without it and
says so.
"""

from typing import TYPE_CHECKING

from governance.settings import Settings
from serving import tensors
from serving.framework import InferResponse, InvalidInput
from serving.intent import IntentServedModel
from serving.recommender import RecommenderModel
from serving.schemas import RequestError
from serving.search_answer import NAME, Searcher
from serving.search_wish import SearchRequest
from serving.served import Headers, ServedModel

if TYPE_CHECKING:
    from training.shop_search.model import ShopSearch


class SearchServedModel(ServedModel):
    """Searches and completions over the index in use when the server started."""

    is_required = False
    asked = tensors.SEARCH

    def __init__(
        self, settings: Settings, *, recommender: RecommenderModel, intent: IntentServedModel
    ) -> None:
        super().__init__(NAME, settings, sends_headers=True)  # else x-degraded is lost
        self._searcher: Searcher | None = None
        self._recommender, self._intent = recommender, intent

    def prepare(self) -> None:
        """The index and its help, verified and warmed up."""
        shop = _open_shop(self.settings)
        self._searcher = Searcher(
            shop, recommend=self._recommender.one_answer, intent=self._intent.of_text
        )

    async def predict(
        self,
        payload: object,
        headers: Headers | None = None,  # noqa: ARG002  # KServe's signature
        response_headers: Headers | None = None,
    ) -> dict[str, object] | InferResponse:
        """Answer every instance, in order."""
        wishes = tensors.parsed(payload, self.asked, SearchRequest)
        if self._searcher is None:
            raise RuntimeError("asked before it was loaded")
        searcher = self._searcher
        try:
            answers = await self.run(lambda: searcher.answers(wishes), answers=len(wishes))
        except RequestError as error:
            raise InvalidInput(str(error)) from None
        return self.told(answers, payload=payload, headers=response_headers)


def open_searcher(settings: Settings, *, for_user: bool) -> Searcher:
    """What a server would have loaded, for one answer; the recommender only where it is asked."""
    intent = IntentServedModel(settings)
    intent.load()
    recommender = RecommenderModel(settings)
    if for_user:
        recommender.load()
    return Searcher(_open_shop(settings), recommend=recommender.one_answer, intent=intent.of_text)


def _open_shop(settings: Settings) -> "ShopSearch":
    from training.shop_search.model import open_shop_search  # torch: seconds

    shop = open_shop_search(settings.bundles_dir / NAME, encoder=settings.encoder)
    shop.warm_up()
    return shop
