"""The KServe model ``recommender``: V1, V2 and gRPC in front of one :class:`Predictor`.

Answers are made in the pool of ``served.py``, the feature store is read in another. It is ready
after the bundle's digests, its schema hash and one warm-up answer.
"""

from datetime import UTC, datetime

from governance.errors import InputError
from governance.receipts import explain_decision, explain_text, load_decision
from governance.settings import Settings
from serving import tensors
from serving.framework import InferResponse, InvalidInput
from serving.predictor import Predictor, load_predictor
from serving.refusals import DecisionNotFound
from serving.schemas import RequestError, parse_instances
from serving.served import Headers, ServedModel
from serving.wish import ExplainRequest, RecommendRequest

NAME = "recommender"


class RecommenderModel(ServedModel):
    """Recommendations for users; explanations for request ids."""

    asked = tensors.RECOMMENDER

    def __init__(self, settings: Settings) -> None:
        super().__init__(NAME, settings, sends_headers=True)  # else x-degraded is lost
        self._predictor: Predictor | None = None

    @property
    def known_user(self) -> str:
        """A user the loaded model knows, for the command to try."""
        return self._loaded().known_user

    def one_answer(self, wish: RecommendRequest) -> dict[str, object] | None:
        """For another model of this server, decision recorded; None while it is not ready."""
        if not self.ready:
            return None
        return self._loaded().answer([wish], requested_at=_now())[0]

    def prepare(self) -> None:
        """The champion, checked and warmed up."""
        self._predictor = load_predictor(self.settings)

    async def predict(
        self,
        payload: object,
        headers: Headers | None = None,  # noqa: ARG002  # KServe's signature
        response_headers: Headers | None = None,
    ) -> dict[str, object] | InferResponse:
        """Answer every instance, in order, each with its recorded decision."""
        requests = tensors.parsed(payload, self.asked, RecommendRequest)
        answers = await self.run(
            lambda: self._loaded().answer(requests, requested_at=_now()), answers=len(requests)
        )
        return self.told(answers, payload=payload, headers=response_headers)

    async def explain(
        self,
        payload: object,
        headers: Headers | None = None,  # noqa: ARG002  # KServe's signature
    ) -> dict[str, object]:
        """The recorded decisions of the request ids asked for, as data and as text."""
        try:
            asked = parse_instances(payload, ExplainRequest)
        except RequestError as error:
            raise InvalidInput(str(error)) from None
        ids = [instance.request_id for instance in asked]
        return {"explanations": await self.run(lambda: self._explanations(ids))}

    def _explanations(self, request_ids: list[str]) -> list[dict[str, object]]:
        found = []
        for i, request_id in enumerate(request_ids):
            try:
                decision = load_decision(self.settings, request_id)
            except InputError as error:
                raise DecisionNotFound(f"instances[{i}].request_id: {error.what}") from None
            found.append(explain_decision(decision) | {"text": explain_text(decision)})
        return found

    def _loaded(self) -> Predictor:
        if self._predictor is None:
            raise RuntimeError("asked before it was loaded")
        return self._predictor


def _now() -> datetime:
    return datetime.now(UTC)
