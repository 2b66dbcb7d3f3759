"""What a person sees while a flow runs: one line a stage, and on a terminal what it is doing now.

Talk goes to stderr, data to stdout. Without a terminal (CI, a worker, a pipe) there is one line a
stage and nothing else. ``NO_COLOR`` is honoured by rich.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.status import Status

talk = Console(stderr=True, highlight=False, soft_wrap=True)


class StageLine:
    """The line of the running stage: a spinner with progress on a terminal, silent elsewhere."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._started = time.monotonic()
        self._status: Status | None = None

    def progress(self, text: str) -> None:
        if self._status is not None:
            seconds = time.monotonic() - self._started
            self._status.update(f"{self._title}: {text} ({seconds:.0f} s)")

    @contextmanager
    def shown(self) -> Iterator["StageLine"]:
        if not talk.is_terminal:
            yield self
            return
        with talk.status(f"{self._title} ...") as self._status:
            yield self


def say(text: str) -> None:
    """One line of talk."""
    talk.print(text, markup=False)


def data(text: str) -> None:
    """Data, for a person or a pipe; half a character, which no encoding has, becomes ?."""
    sys.stdout.write(text.encode(errors="replace").decode() + "\n")
    sys.stdout.flush()
