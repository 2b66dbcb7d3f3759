"""The gate in front of KServe's REST routes: body size, content type, and no stack trace out.

KServe reads a body of any length, hands a body of an unexpected content type on unparsed, and
answers a crash with the text of the exception. This is plain ASGI, so it costs microseconds.
"""

import json
import logging
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from http import HTTPStatus
from typing import Any

MAX_BODY_BYTES = 1 << 20  # 64 instances need under 16 KiB; this leaves room for long user ids
JSON_TYPES = frozenset({"application/json", "application/cloudevents+json"})
BINARY_TYPE = "application/octet-stream"  # V2 tensors after a JSON head

logger = logging.getLogger(__name__)

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class Gate:
    """Refuse what KServe would swallow; pass everything else on unchanged."""

    def __init__(self, app: App, *, max_body_bytes: int = MAX_BODY_BYTES) -> None:
        self.app = app
        self.max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if scope["method"] == "POST":
            if refusal := _refused_type(scope):
                await answer_error(send, HTTPStatus.UNSUPPORTED_MEDIA_TYPE, refusal)
                return
            body = await self._read(scope, receive)
            if body is None:
                sentence = f"body: must be at most {self.max_body_bytes} bytes"
                await answer_error(send, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, sentence)
                return
            receive = _replay(body, receive)
        await self._guarded(scope, receive, send)

    async def _read(self, scope: Scope, receive: Receive) -> bytes | None:
        """The whole body, or None once it is known to be too long."""
        declared = _header(scope, b"content-length")
        if declared.isdigit() and int(declared) > self.max_body_bytes:
            return None
        body = bytearray()
        while True:
            message = await receive()
            body += message.get("body", b"")
            if len(body) > self.max_body_bytes:
                return None
            if not message.get("more_body", False):
                return bytes(body)

    async def _guarded(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the routes; a crash becomes one sentence with the id it is logged under."""
        is_started = False

        async def watched(message: Message) -> None:
            nonlocal is_started
            is_started = True
            await send(message)

        try:
            await self.app(scope, receive, watched)
        except Exception:
            request_id = uuid.uuid4().hex
            logger.exception("request %s to %s crashed", request_id, scope["path"])
            if is_started:
                raise
            sentence = f"internal error, request id {request_id}"
            await answer_error(send, HTTPStatus.INTERNAL_SERVER_ERROR, sentence)


async def answer_error(send: Send, status: HTTPStatus, sentence: str) -> None:
    """Send the one error shape of the project: ``{"error": "..."}``."""
    body = json.dumps({"error": sentence}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        headers.append((b"connection", b"close"))  # the rest of the body will not be read
    await send({"type": "http.response.start", "status": int(status), "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _refused_type(scope: Scope) -> str:
    """Why the content type is refused, or nothing; JSON with parameters becomes plain JSON."""
    if not scope["path"].endswith((":predict", ":explain", "/infer")):
        return ""  # no body is read there
    declared = _header(scope, b"content-type").decode("latin-1")
    kind = declared.partition(";")[0].strip().lower()
    is_v2 = scope["path"].startswith("/v2/")
    if kind in JSON_TYPES:
        _set_header(scope, b"content-type", kind.encode("latin-1"))
        return ""
    if kind == BINARY_TYPE and is_v2 and _header(scope, b"inference-header-content-length"):
        return ""
    return "content-type: must be application/json"


def _header(scope: Scope, name: bytes) -> bytes:
    return next((bytes(value) for key, value in scope["headers"] if key == name), b"")


def _set_header(scope: Scope, name: bytes, value: bytes) -> None:
    kept = [(key, held) for key, held in scope["headers"] if key != name]
    scope["headers"] = [*kept, (name, value)]


def _replay(body: bytes, receive: Receive) -> Receive:
    """A receive that gives the body already read, then whatever comes after it."""
    is_given = False

    async def replayed() -> Message:
        nonlocal is_given
        if is_given:
            return await receive()
        is_given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed
