"""Start the predictor: ``python -m serving.server`` (the command ``counterfoil serve``).

Light on purpose: ports and champion are checked in milliseconds, before KServe and Feast are
imported, so that a wrong port is told at once. SIGTERM stops listening, finishes the answers
in flight and leaves with 0.
"""

import errno
import logging
import os
import socket
import sys
import threading
from functools import partial
from typing import TYPE_CHECKING

from governance.errors import CounterfoilError, InputError
from governance.settings import Settings, get_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from serving.recommender import RecommenderModel
    from serving.served import ServedModel

logger = logging.getLogger("serving.server")  # __name__ is __main__ under python -m


def serve(settings: Settings) -> None:
    """Serve the champion over REST and gRPC until SIGTERM or Ctrl-C."""
    _talk_on_stderr()
    refuse_busy_ports(settings)
    give_an_answer_one_thread()
    from serving.champion import find_champion

    champion = find_champion(settings)
    logger.info("champion %s %s; loading KServe and Feast", champion.name, champion.version)
    from serving.app import build_server
    from serving.intent import IntentServedModel
    from serving.recommender import RecommenderModel
    from serving.search import SearchServedModel

    model, intent = RecommenderModel(settings), IntentServedModel(settings)
    search = SearchServedModel(settings, recommender=model, intent=intent)
    server = build_server(settings, [model, intent, search])
    refuse_busy_ports(settings)  # seconds have passed since
    load = partial(_load, model, (intent, search), settings)
    threading.Thread(target=load, name="load", daemon=True).start()
    server.start([])  # registered already: KServe would refuse a model that is still loading


def refuse_busy_ports(settings: Settings) -> None:
    """InputError when a port is taken, forbidden, or given twice; binds and lets go."""
    if settings.http_port == settings.grpc_port:
        raise InputError(
            f"port {settings.http_port} is set for both REST and gRPC",
            where="settings COUNTERFOIL_HTTP_PORT and COUNTERFOIL_GRPC_PORT",
            why="each listens on a port of its own",
            next_step=f"set COUNTERFOIL_GRPC_PORT={settings.http_port + 1}",
        )
    _refuse_busy_port("COUNTERFOIL_HTTP_PORT", settings.http_port)
    _refuse_busy_port("COUNTERFOIL_GRPC_PORT", settings.grpc_port)


def give_an_answer_one_thread() -> None:
    """Before numpy and torch are imported, which read it then.

    Answers run side by side already. Threads inside one wait for those of the other: on two busy
    cores a product of 19,406 vectors then took 8 ms, not 1.
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")


def curl_to_try(settings: Settings, user_id: str) -> str:
    """A command that asks this server for one answer."""
    body = f'{{"instances": [{{"user_id": "{user_id}", "k": 10, "surface": "home"}}]}}'
    url = f"http://localhost:{settings.http_port}/v1/models/recommender:predict"
    return f"curl -s {url} -H 'Content-Type: application/json' -d '{body}'"


def main() -> int:
    """Run the server; the exit code of the first error, 0 after SIGTERM."""
    try:
        serve(get_settings())
    except CounterfoilError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


def _load(model: "RecommenderModel", others: "Sequence[ServedModel]", settings: Settings) -> None:
    if model.load():
        logger.info("ready: REST on %s, gRPC on %s", settings.http_port, settings.grpc_port)
        logger.info("try     %s", curl_to_try(settings, model.known_user))
    for other in others:
        if other.load():
            logger.info("ready: %s", other.name)


def _refuse_busy_port(setting: str, port: int) -> None:
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # not a port in TIME_WAIT
            probe.bind(("0.0.0.0", port))  # noqa: S104  # where KServe listens
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        raise InputError(
            f"port {port} is in use" if taken else f"port {port} cannot be used",
            where=f"setting {setting}={port}",
            why="another process listens on it" if taken else str(error.strerror),
            next_step=f"stop that process, or set {setting} to a free port",
        ) from None


def _talk_on_stderr() -> None:
    logging.basicConfig(stream=sys.stderr, format="%(message)s")  # no effect if already set up
    logging.getLogger("serving").setLevel(logging.INFO)


if __name__ == "__main__":
    sys.exit(main())
