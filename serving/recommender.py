"""The KServe model ``recommender``: V1, V2 and gRPC in front of one :class:`Predictor`.

Nothing here blocks the event loop: answers are made in a small pool, the feature store is read in
another. ``ready`` is set last, after the bundle's digests, its schema hash and one warm-up answer;
until then ``unready_because`` is the sentence that readiness answers with.
"""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TypeVar

from governance.errors import CounterfoilError, InputError
from governance.receipts import explain_decision, explain_text, load_decision
from governance.settings import Settings
from serving import tensors
from serving.framework import InferRequest, InferResponse, InvalidInput, Model
from serving.predictor import Predictor, load_predictor
from serving.refusals import Busy, DecisionNotFound
from serving.schemas import RequestError, parse_instances
from serving.wish import ExplainRequest, RecommendRequest

NAME = "recommender"
MAX_WAITING = 64  # at 50 ms an answer the last in line waits under two seconds on two cores

logger = logging.getLogger(__name__)

Result = TypeVar("Result")
Headers = dict[str, str]


class RecommenderModel(Model):  # type: ignore[misc]  # kserve ships no types
    """Recommendations for users; explanations for request ids."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(NAME, return_response_headers=True)  # else x-degraded is lost
        self.unready_because = "it is still loading"
        self._settings = settings
        self._predictor: Predictor | None = None
        self._pool = ThreadPoolExecutor(settings.threads, thread_name_prefix="answers")
        self._waiting = 0

    @property
    def known_user(self) -> str:
        """A user the loaded model knows, for the command to try."""
        return self._loaded().known_user

    def validate(self, payload: object) -> object:
        """KServe checks one thing here, in words of its own; predict() checks everything."""
        return payload

    def start(self) -> None:
        """KServe's start() sets ready whatever load() found; ours leaves it alone."""

    def load(self) -> bool:
        """Load and check the champion; a failure leaves the model unready with a sentence."""
        try:
            self._predictor = load_predictor(self._settings)
        except CounterfoilError as error:
            self.unready_because = f"{error.what}: {error.why}" if error.why else error.what
            logger.error("%s", error)
        except Exception as error:  # a server that cannot load still says so when asked
            self.unready_because = f"loading failed with {type(error).__name__}; see the log"
            logger.exception("loading failed")
        else:
            self.ready = True
        return bool(self.ready)

    def stop(self) -> None:
        """Called when the server drains."""
        self.ready, self.unready_because = False, "the server is stopping"

    def get_input_types(self) -> list[dict[str, object]]:
        return tensors.metadata(tensors.INPUT_TYPES)

    def get_output_types(self) -> list[dict[str, object]]:
        return tensors.metadata(tensors.OUTPUT_TYPES)

    async def predict(
        self,
        payload: object,
        headers: Headers | None = None,  # noqa: ARG002  # KServe's signature
        response_headers: Headers | None = None,
    ) -> dict[str, object] | InferResponse:
        """Answer every instance, in order, each with its recorded decision."""
        requests = _parsed(payload)
        answers = await self._run(lambda: self._loaded().answer(requests, requested_at=_now()))
        if response_headers is not None and any(answer["is_degraded"] for answer in answers):
            response_headers["x-degraded"] = "true"
        if isinstance(payload, InferRequest):
            response_id = str(answers[0]["request_id"])
            return tensors.response_from_answers(answers, request=payload, response_id=response_id)
        return {"predictions": answers}

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
        return {"explanations": await self._run(lambda: self._explanations(ids))}

    def _explanations(self, request_ids: list[str]) -> list[dict[str, object]]:
        found = []
        for i, request_id in enumerate(request_ids):
            try:
                decision = load_decision(self._settings, request_id)
            except InputError as error:
                raise DecisionNotFound(f"instances[{i}].request_id: {error.what}") from None
            found.append(explain_decision(decision) | {"text": explain_text(decision)})
        return found

    def _loaded(self) -> Predictor:
        if self._predictor is None:
            raise RuntimeError("asked before it was loaded")
        return self._predictor

    async def _run(self, work: Callable[[], Result]) -> Result:
        """Run ``work`` in the pool; refuse when too many wait already."""
        if self._waiting >= MAX_WAITING:
            raise Busy(f"{MAX_WAITING} requests are waiting already; try again in a second")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        finally:
            self._waiting -= 1


def _parsed(payload: object) -> tuple[RecommendRequest, ...]:
    try:
        if isinstance(payload, InferRequest):
            return tensors.requests_from_tensors(payload)
        return parse_instances(payload, RecommendRequest)
    except RequestError as error:
        raise InvalidInput(str(error)) from None


def _now() -> datetime:
    return datetime.now(UTC)
