"""The child process of one stage: ``python -m flows.run_step <stage> <answer.json> [source]``.

Runs ``flows/steps/<stage>.py``, writes the answer (or the error, in its four parts) as JSON, and
writes each progress line to stderr as ``> text`` for the parent to show.
"""

import importlib
import logging
import signal
import sys
import traceback
from pathlib import Path
from types import FrameType

from governance.errors import CounterfoilError, StageFailed
from governance.files import write_json
from governance.settings import get_settings


def main(arguments: list[str]) -> int:
    """Run one step; 0 when it ended well, else the error's exit code."""
    name, answer_path, *rest = arguments
    signal.signal(signal.SIGTERM, _stop)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s")
    try:
        step = importlib.import_module(f"flows.steps.{name}")
        settings = get_settings()
        result = step.run(settings, _progress, *rest[:1])
    except CounterfoilError as error:
        write_json(Path(answer_path), {"error": error.as_dict()})
        return error.exit_code
    except Exception as error:  # noqa: BLE001  (the boundary of a process: nothing may get lost)
        traceback.print_exc()
        write_json(Path(answer_path), {"error": _unexpected(name, error).as_dict()})
        return 2
    answer = {
        "summary": result.summary,
        "outputs": [str(path) for path in result.outputs],
        "facts": result.facts or {},
    }
    write_json(Path(answer_path), answer)
    return 0


def _stop(_signal: int, _frame: FrameType | None) -> None:
    """Leave by way of every ``finally``, so that nothing half-written stays."""
    raise SystemExit(128 + signal.SIGTERM)


def _progress(text: str) -> None:
    sys.stderr.write(f"> {text}\n")
    sys.stderr.flush()


def _unexpected(name: str, error: Exception) -> StageFailed:
    return StageFailed(
        f"stage {name} failed: {type(error).__name__}",
        where=f"logs/{name}.log in the home folder",
        why=str(error).splitlines()[0][:300] if str(error) else "no message",
        next_step="read the log; running again goes on from the last good stage",
    )


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
