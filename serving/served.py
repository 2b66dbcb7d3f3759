"""What every model behind the server shares: loading, readiness with a sentence, a pool, V1 and V2.

Nothing here blocks the event loop: answers are made in a small pool. ``ready`` is set last, when
loading succeeded; until then ``unready_because`` is the sentence that readiness answers with.
"""

import asyncio
import logging
import uuid
from abc import abstractmethod
from collections.abc import Callable, MutableMapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar, TypeVar

from governance.errors import CounterfoilError
from governance.settings import Settings
from serving import tensors
from serving.framework import InferRequest, InferResponse, Model
from serving.refusals import Busy

MAX_WAITING = 128  # answers: the last in line waits a second or two on two cores

logger = logging.getLogger(__name__)

Result = TypeVar("Result")
Headers = dict[str, str]


class ServedModel(Model):  # type: ignore[misc]  # kserve ships no types
    """A KServe model that is ready once ``prepare`` has returned."""

    is_required = True  # the server is unready without it
    asked: ClassVar[tensors.Asked]  # what a V2 request may hold

    def __init__(self, name: str, settings: Settings, *, sends_headers: bool = False) -> None:
        super().__init__(name, return_response_headers=sends_headers)
        self.unready_because = "it is still loading"
        self.settings = settings
        self._pool = ThreadPoolExecutor(settings.threads, thread_name_prefix=name)
        self._waiting = 0

    @abstractmethod
    def prepare(self) -> None:
        """Load and check everything an answer needs; a CounterfoilError says why it may not."""

    def get_input_types(self) -> list[dict[str, object]]:
        return tensors.metadata(self.asked.types)

    def get_output_types(self) -> list[dict[str, object]]:
        return tensors.metadata(tensors.OUTPUT_TYPES)

    def told(
        self,
        answers: Sequence[dict[str, object]],
        *,
        payload: object,
        headers: MutableMapping[str, str] | None = None,
    ) -> dict[str, object] | InferResponse:
        """The answers in the protocol of the request, and in ``headers`` if one is degraded."""
        if headers is not None and any(answer.get("is_degraded") for answer in answers):
            headers["x-degraded"] = "true"
        if not isinstance(payload, InferRequest):
            return {"predictions": list(answers)}
        response_id = str(answers[0].get("request_id") or uuid.uuid4().hex)
        return tensors.response_from_answers(answers, request=payload, response_id=response_id)

    def validate(self, payload: object) -> object:
        """KServe checks one thing here, in words of its own; predict() checks everything."""
        return payload

    def start(self) -> None:
        """KServe's start() sets ready whatever load() found; ours leaves it alone."""

    def load(self) -> bool:
        """Prepare; a failure leaves the model unready with a sentence."""
        try:
            self.prepare()
        except CounterfoilError as error:
            self.unready_because = f"{error.what}: {error.why}" if error.why else error.what
            logger.log(logging.ERROR if self.is_required else logging.INFO, "%s", error)
        except Exception as error:  # a server that cannot load still says so when asked
            self.unready_because = f"loading failed with {type(error).__name__}; see the log"
            logger.exception("loading failed")
        else:
            self.ready = True
        return bool(self.ready)

    def stop(self) -> None:
        """Called when the server drains."""
        self.ready, self.unready_because = False, "the server is stopping"

    async def run(self, work: Callable[[], Result], *, answers: int = 1) -> Result:
        """Run ``work`` in the pool; refuse when too many answers are waited for already.

        A request alone is never refused, however many answers it wants.
        """
        if self._waiting and self._waiting + answers > MAX_WAITING:
            raise Busy(f"{self._waiting} answers are waited for already; try again in a second")
        self._waiting += answers
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        finally:
            self._waiting -= answers
