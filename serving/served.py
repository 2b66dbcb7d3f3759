"""What every model behind the server shares: loading, readiness with a sentence, a pool of its own.

Nothing here blocks the event loop: answers are made in a small pool. ``ready`` is set last, when
loading succeeded; until then ``unready_because`` is the sentence that readiness answers with.
"""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from governance.errors import CounterfoilError
from governance.settings import Settings
from serving.framework import Model
from serving.refusals import Busy

MAX_WAITING = 64  # at 50 ms an answer the last in line waits under two seconds on two cores

logger = logging.getLogger(__name__)

Result = TypeVar("Result")
Headers = dict[str, str]


class ServedModel(Model):  # type: ignore[misc]  # kserve ships no types
    """A KServe model that is ready once ``prepare`` has returned."""

    is_required = True  # the server is unready without it

    def __init__(self, name: str, settings: Settings, *, sends_headers: bool = False) -> None:
        super().__init__(name, return_response_headers=sends_headers)
        self.unready_because = "it is still loading"
        self.settings = settings
        self._pool = ThreadPoolExecutor(settings.threads, thread_name_prefix=name)
        self._waiting = 0

    def prepare(self) -> None:
        """Load and check everything an answer needs; a CounterfoilError says why it may not."""
        raise NotImplementedError

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

    async def run(self, work: Callable[[], Result]) -> Result:
        """Run ``work`` in the pool; refuse when too many wait already."""
        if self._waiting >= MAX_WAITING:
            raise Busy(f"{MAX_WAITING} requests are waiting already; try again in a second")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        finally:
            self._waiting -= 1
