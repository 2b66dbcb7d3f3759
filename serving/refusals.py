"""Refusals that are the same over REST and gRPC: one status for each, one sentence, no stack trace.

KServe turns its own errors into answers, with two holes: its gRPC side reads ``.reason``, which
ModelNotReady and NotImplementedError lack, and its REST side shows the text of any exception.
These classes are gRPC errors that also know their HTTP status; serving/app.py answers for them.
"""

from grpc import StatusCode  # type: ignore[import-untyped]
from grpc_interceptor.exceptions import GrpcException


class Refusal(GrpcException):  # type: ignore[misc]  # the library ships no types
    """An answer that is no answer; ``str()`` is the sentence the caller reads."""

    http_status = 500
    status_code = StatusCode.INTERNAL

    def __init__(self, sentence: str) -> None:
        super().__init__(details=sentence)
        self.sentence = sentence

    def __str__(self) -> str:
        return self.sentence


class NotReady(Refusal):
    """The model is loading, draining or must not serve; the sentence says which."""

    http_status = 503
    status_code = StatusCode.UNAVAILABLE


class Busy(Refusal):
    """More requests wait than this process can answer in time."""

    http_status = 503
    status_code = StatusCode.RESOURCE_EXHAUSTED


class DecisionNotFound(Refusal):
    """No decision has that request id."""

    http_status = 404
    status_code = StatusCode.NOT_FOUND


class NotAllowed(Refusal):
    """A thing that cannot be asked for over the network."""

    http_status = 403
    status_code = StatusCode.PERMISSION_DENIED


class Crashed(Refusal):
    """A fault of ours; the cause is in the log under the same request id."""

    def __init__(self, request_id: str) -> None:
        super().__init__(f"internal error, request id {request_id}")
