"""The KServe model ``intent``: what a session wants, from its query, its acts, or both.

Beside the recommender, and not required: a server without a trained text model of intents serves
the recommender and says here what is missing. The answer is that of ``intent_answer.py``.
"""

from collections.abc import Sequence

from governance.settings import Settings
from serving import tensors
from serving.framework import InferResponse
from serving.intent_answer import IntentAnswers
from serving.intent_bundle import NAME
from serving.intent_wish import IntentRequest
from serving.served import Headers, ServedModel

_TRIED = "best coffee grinder"  # the warm-up


class IntentServedModel(ServedModel):
    """Intents of sessions, with reasons."""

    is_required = False
    asked = tensors.INTENT

    def __init__(self, settings: Settings) -> None:
        super().__init__(NAME, settings)
        self._answering: IntentAnswers | None = None

    def prepare(self) -> None:
        """The newest text bundle of intents, verified and warmed up."""
        answering = IntentAnswers.open(self.settings.bundles_dir)
        answering.answer(_TRIED)
        self._answering = answering

    def of_text(self, query: str) -> dict[str, object] | None:
        """Of a query alone, for another model of this server; None while it is not ready."""
        if self._answering is None or not self.ready:
            return None
        probabilities = self._answering.model.of_text(query)
        if probabilities is None:
            return None
        likeliest = max(probabilities, key=lambda name: probabilities[name])
        return {
            "intent": likeliest,
            "probabilities": probabilities,
            "model_version": self._answering.version,
        }

    async def predict(
        self,
        payload: object,
        headers: Headers | None = None,  # noqa: ARG002  # KServe's signature
        response_headers: Headers | None = None,  # noqa: ARG002  # KServe's signature
    ) -> dict[str, object] | InferResponse:
        """Answer every instance, in order."""
        requests = tensors.parsed(payload, self.asked, IntentRequest)
        answers = await self.run(lambda: self._answers(requests), answers=len(requests))
        return self.told(answers, payload=payload)

    def _answers(self, requests: Sequence[IntentRequest]) -> list[dict[str, object]]:
        if self._answering is None:
            raise RuntimeError("asked before it was loaded")
        answers: list[dict[str, object]] = []
        for asked in requests:
            counts = asked.acts.model_dump() if asked.acts is not None else None
            answers.append(
                self._answering.answer(asked.query or "", counts, asked.acts_in_order or ())
            )
        return answers
