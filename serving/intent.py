"""The KServe model ``intent``: what a session wants, from its query, its acts, or both.

Beside the recommender, and not required: a server without a trained text model of intents serves
the recommender and says here what is missing. The answer carries what moved it: each word and each
act with the log odds it raised, found by leaving it out. Torch is imported when it is loaded; the
int8 model answers where its card says that little was lost by it.
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from governance.settings import Settings
from serving import tensors
from serving.framework import InferResponse
from serving.intent_bundle import NAME, model_of, newest_bundle
from serving.intent_wish import IntentRequest
from serving.served import Headers, ServedModel

if TYPE_CHECKING:
    from training.intent.model import IntentModel

DIGITS = 4  # of log odds; more would be noise between machines
_TRIED = "best coffee grinder"  # the warm-up


class IntentServedModel(ServedModel):
    """Intents of sessions, with reasons."""

    is_required = False
    asked = tensors.INTENT

    def __init__(self, settings: Settings) -> None:
        super().__init__(NAME, settings)
        self._model: IntentModel | None = None
        self._version = ""

    def prepare(self) -> None:
        """The newest text bundle of intents, verified and warmed up."""
        folder = newest_bundle(self.settings.bundles_dir)
        from training.text_bundle import open_text_bundle  # torch: seconds

        bundle = open_text_bundle(folder)
        model = model_of(bundle)
        model.answer(_TRIED)
        self._model, self._version = model, bundle.version

    def of_text(self, query: str) -> dict[str, object] | None:
        """Of a query alone, for another model of this server; None while it is not ready."""
        if self._model is None or not self.ready:
            return None
        probabilities = self._model.of_text(query)
        if probabilities is None:
            return None
        likeliest = max(probabilities, key=lambda name: probabilities[name])
        return {
            "intent": likeliest,
            "probabilities": probabilities,
            "model_version": self._version,
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
        if self._model is None:
            raise RuntimeError("asked before it was loaded")
        answers: list[dict[str, object]] = []
        for asked in requests:
            counts = asked.acts.model_dump() if asked.acts is not None else None
            found = self._model.answer(asked.query or "", counts, asked.acts_in_order or ())
            reasons = [asdict(r) | {"raised": round(r.raised, DIGITS)} for r in found.reasons]
            answers.append(
                {
                    "intent": found.intent,
                    "probabilities": found.probabilities,
                    "parts": found.parts,
                    "reasons": reasons,
                    "unsure_because": found.unsure_because or None,
                    "model_name": NAME,
                    "model_version": self._version,
                }
            )
        return answers
