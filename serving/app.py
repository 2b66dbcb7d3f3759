"""KServe's ModelServer with its gaps closed: what differs from the stock server, and nothing else.

- the gate (size, content type, crashes) stands before the REST routes;
- readiness is the model's, with the sentence that says why not (KServe's server is always ready);
- ``:explain`` does not send the request's headers back (KServe's does, Authorization included);
- models cannot be unloaded by whoever reaches the port;
- every error has the shape ``{"error": "<path>: <sentence>"}``.
"""

import logging
import struct
import uuid
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from governance.settings import Settings
from serving.framework import (
    KSERVE_LOG_CONFIG,
    DataPlane,
    InvalidInput,
    ModelNotFound,
    ModelRepositoryExtension,
    ModelServer,
    configure_logging,
    model_server,
)
from serving.gate import MAX_BODY_BYTES, Gate
from serving.refusals import Crashed, NotAllowed, NotReady, Refusal
from serving.served import ServedModel

GRACE_SECONDS = 20  # in-flight answers take under one; Kubernetes kills after 30 by default

logger = logging.getLogger(__name__)

Headers = dict[str, str]


class GuardedDataPlane(DataPlane):  # type: ignore[misc]  # kserve ships no types
    """KServe's data plane, without its header echo, silent readiness and loose decoding."""

    async def ready(self) -> bool:
        """Ready when every required model is; the sentence of the first that is not."""
        models = self.model_registry.get_models()
        required = [name for name, model in models.items() if model.is_required]
        return all([await self.model_ready(name) for name in required])

    async def model_ready(
        self,
        model_name: str,
        disable_predictor_health_check: bool = False,  # noqa: FBT001, FBT002  # KServe's signature
    ) -> bool:
        model = self.get_model_from_registry(model_name)
        if not await super().model_ready(model_name, disable_predictor_health_check):
            raise NotReady(f"model {model_name} is not ready: {model.unready_because}")
        return True

    def decode(
        self, body: object, headers: Headers, protocol_version: str = "v1", model_name: str = ""
    ) -> tuple[object, dict[str, object]]:
        """KServe's decoding; whatever it cannot read is the caller's fault, in one sentence."""
        try:
            decoded, attributes = super().decode(body, headers, protocol_version, model_name)
        except InvalidInput as error:
            raise InvalidInput(_body_sentence(str(error))) from None
        except (KeyError, TypeError, AttributeError, ValueError, IndexError, struct.error):
            raise InvalidInput("body: does not follow the Open Inference Protocol") from None
        return decoded, attributes

    async def infer(
        self, model_name: str, request: object, headers: Headers | None = None
    ) -> tuple[object, Headers]:
        await self.model_ready(model_name)  # the gRPC side does not ask before
        with _crash_named():
            answer: tuple[object, Headers] = await super().infer(model_name, request, headers)
        return answer

    async def explain(
        self, model_name: str, request: object, headers: Headers | None = None
    ) -> tuple[object, Headers]:
        """KServe starts the response headers from the request's own dictionary: give it a copy."""
        with _crash_named():
            response, _ = await super().explain(model_name, request, dict(headers or {}))
        return response, {}


class SealedRepository(ModelRepositoryExtension):  # type: ignore[misc]  # kserve ships no types
    """Loading and unloading belong to a release, not to whoever reaches the port."""

    async def load(self, model_name: str) -> None:
        raise NotAllowed(f"model {model_name} is loaded by a release, not over the network")

    async def unload(self, model_name: str) -> None:
        raise NotAllowed(f"model {model_name} is unloaded by a release, not over the network")


def build_server(settings: Settings, models: Sequence[ServedModel]) -> ModelServer:
    """A ModelServer for the models, registered whether or not they are ready yet."""
    _configure_logging()
    model_server.args.grpc_max_receive_message_length = MAX_BODY_BYTES
    server = ModelServer(
        http_port=settings.http_port,
        grpc_port=settings.grpc_port,
        workers=1,
        max_threads=settings.threads,
        enable_latency_logging=False,  # /metrics has the histograms; a line per request costs more
        grace_period=GRACE_SECONDS,
    )
    server.dataplane = GuardedDataPlane(model_registry=server.registered_models)
    server.model_repository_extension = SealedRepository(model_registry=server.registered_models)
    for model in models:  # start() registers only models that are ready already
        server.register_model(model)
    _add_handlers(model_server.app)
    return server


def _add_handlers(app: FastAPI) -> None:
    """Only for errors KServe does not handle: it replaces the others when it starts."""
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(RequestValidationError, _misshapen)
    app.add_exception_handler(HTTPException, _unrouted)
    app.add_middleware(Gate)


async def _refused(_: Request, error: Exception) -> JSONResponse:
    status = error.http_status if isinstance(error, Refusal) else 500
    return _error(status, str(error))


async def _misshapen(_: Request, error: Exception) -> JSONResponse:
    faults = error.errors() if isinstance(error, RequestValidationError) else []
    if not faults or faults[0]["type"] == "json_invalid":
        return _error(HTTPStatus.BAD_REQUEST, "body: is not JSON")
    steps = [s for s in faults[0]["loc"] if s not in ("body", "InferenceRequest", "bytes")]
    path = "".join(f"[{s}]" if isinstance(s, int) else f".{s}" for s in steps).lstrip(".")
    return _error(HTTPStatus.BAD_REQUEST, f"{path or 'body'}: {faults[0]['msg'].lower()}")


async def _unrouted(request: Request, error: Exception) -> JSONResponse:
    status = error.status_code if isinstance(error, HTTPException) else 500
    detail = error.detail if isinstance(error, HTTPException) else "error"
    return _error(status, f"{detail.lower()}: {request.method} {request.url.path[:128]}")


def _error(status: int, sentence: str) -> JSONResponse:
    return JSONResponse(status_code=status, content={"error": sentence})


def _body_sentence(reason: str) -> str:
    prefix = "Unrecognized request format"
    return "body: " + reason.replace(prefix, "is not JSON")


@contextmanager
def _crash_named() -> Iterator[None]:
    """Let refusals through; anything else is logged in full and leaves as one sentence."""
    try:
        yield
    except (Refusal, InvalidInput, ModelNotFound, NotImplementedError):
        raise
    except Exception:
        request_id = uuid.uuid4().hex
        logger.exception("request %s crashed", request_id)
        raise Crashed(request_id) from None


class _ClientFaultFilter(logging.Filter):
    """KServe logs a stack trace for every bad request; keep the sentence, drop the trace."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.exc_info and isinstance(
            record.exc_info[1], InvalidInput | ModelNotFound | Refusal
        ):
            record.msg, record.args = "refused: %s", (str(record.exc_info[1]),)
            record.exc_info, record.levelno, record.levelname = None, logging.INFO, "INFO"
        return True


def _configure_logging() -> None:
    """KServe's logging, all of it on stderr: stdout is for data."""
    warnings.filterwarnings("ignore", message="ORJSONResponse is deprecated")  # KServe's choice
    config = dict(KSERVE_LOG_CONFIG)
    config["handlers"]["uvicorn_access"]["stream"] = "ext://sys.stderr"
    configure_logging(config)
    logging.getLogger("kserve").addFilter(_ClientFaultFilter())
    logging.getLogger("kserve.trace").setLevel(logging.WARNING)  # two lines of times per request
