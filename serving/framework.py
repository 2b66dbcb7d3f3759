"""What serving uses of KServe, in one place, imported without letting it read our command line.

KServe parses ``sys.argv`` when it is imported: an argument of ours that begins like one of its own
(``--http``) would set its port or end the process.
"""

import sys

_arguments, sys.argv = sys.argv, sys.argv[:1]
try:
    from kserve import InferInput, InferOutput, InferRequest, InferResponse, Model, ModelServer
    from kserve import model_server as model_server
    from kserve.errors import InvalidInput, ModelNotFound
    from kserve.logging import KSERVE_LOG_CONFIG, configure_logging
    from kserve.protocol.dataplane import DataPlane
    from kserve.protocol.model_repository_extension import ModelRepositoryExtension
finally:
    sys.argv = _arguments

__all__ = [
    "KSERVE_LOG_CONFIG",
    "DataPlane",
    "InferInput",
    "InferOutput",
    "InferRequest",
    "InferResponse",
    "InvalidInput",
    "Model",
    "ModelNotFound",
    "ModelRepositoryExtension",
    "ModelServer",
    "configure_logging",
    "model_server",
]
