"""How one stage of the main job is run; which there are, and their order, is ``stage_list.py``.

Running a stage means: work out its fingerprint; skip it when nothing changed; else run the step in
a child process, and write its state last. Flows call :func:`run_stage`; nothing here knows Prefect.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flows import ledger
from flows.stage_list import Stage, stage_named
from governance.errors import StageFailed, StateError, error_from_dict
from governance.files import digest_of
from governance.records import StageRun, session
from governance.settings import Settings

Progress = Callable[[str], None]


@dataclass(frozen=True)
class StepResult:
    """What a step hands back: one line for a person, files it made, facts for the report."""

    summary: str
    outputs: tuple[Path, ...] = ()
    facts: dict[str, object] | None = None


@dataclass(frozen=True)
class Outcome:
    """What became of a stage in this run."""

    stage: Stage
    state: ledger.StageState
    is_unchanged: bool
    seconds: float

    @property
    def line(self) -> str:
        did = "unchanged" if self.is_unchanged else f"{self.seconds:6.1f} s"
        return f"{self.stage.title:<16} {did:>9}  {self.state.summary}"


def fingerprint(stage: Stage, settings: Settings, *, source_digest: str) -> str:
    """Digest of the stage's code, settings, source and the outputs it reads."""
    upstream = {}
    for name in stage.after:
        state = ledger.read_state(settings.stages_dir, name)
        if state is None:
            raise StateError(
                f"stage {stage.title} cannot run yet",
                where=str(settings.stages_dir / f"{name}.json"),
                why=f"stage {stage_named(name).title} has not ended well in this home folder",
                next_step="counterfoil demo runs every stage in order",
            )
        upstream[name] = state.outputs_digest
    root = settings.project_root
    told: dict[str, object] = {
        "code": ledger.code_digest(*(root / path for path in stage.code), root / _step(stage)),
        "settings": {name: str(getattr(settings, name)) for name in stage.settings},
        "source": source_digest if stage.name == "import_raw" else "",
        "upstream": upstream,
    }
    if stage.files:
        told["files"] = [ledger.digest_if_there(getattr(settings, name)) for name in stage.files]
    if stage.beside:
        globs = [pattern.format(shop=settings.shop) for pattern in stage.beside]
        told["beside"] = [ledger.newest_digest(settings.home_dir, glob) for glob in globs]
    return digest_of(told)


def run_stage(
    stage: Stage,
    settings: Settings,
    *,
    flow_run: str,
    progress: Progress,
    source: str | None = None,
    source_digest: str = "",
    is_forced: bool = False,
) -> Outcome:
    """Run ``stage`` unless nothing changed; record it either way; raise what its step raised."""
    started = time.monotonic()
    mark = fingerprint(stage, settings, source_digest=source_digest)
    state = ledger.read_state(settings.stages_dir, stage.name)
    skip = not (stage.is_always_run or is_forced) and ledger.is_unchanged(state, mark)
    try:
        if not skip:
            ledger.forget_state(settings.stages_dir, stage.name)
            result = run_child(stage, settings, progress=progress, source=source)
            state = _finish(stage, settings, mark, result, time.monotonic() - started)
    except BaseException as error:
        what = getattr(error, "what", type(error).__name__)
        _record(settings, flow_run, stage, "failed", mark, time.monotonic() - started, what)
        raise
    assert state is not None
    seconds = time.monotonic() - started
    status = "unchanged" if skip else "done"
    _record(settings, flow_run, stage, status, mark, seconds, state.summary)
    return Outcome(stage, state, skip, seconds)


def run_child(
    stage: Stage, settings: Settings, *, progress: Progress, source: str | None
) -> StepResult:
    """Run the step in a child process; its progress lines come on stderr as they are written."""
    settings.logs_dir.mkdir(parents=True, exist_ok=True)
    answer_path = settings.stages_dir / f".{stage.name}.answer.json"
    answer_path.parent.mkdir(parents=True, exist_ok=True)
    answer_path.unlink(missing_ok=True)
    flags = ["-O"] if stage.optimise else []
    command = [sys.executable, *flags, "-m", "flows.run_step", stage.name, str(answer_path)]
    command += [source] if source else []
    log_path = settings.logs_dir / f"{stage.name}.log"
    code = _stream(command, settings, log_path, progress)
    answer = _read_answer(answer_path)
    if answer is None:
        raise StageFailed(
            f"stage {stage.title} died",
            where=str(log_path),
            why=f"its process ended with {_exit_text(code)} and left no answer",
            next_step="read the log; running again goes on from the last good stage",
        )
    if "error" in answer:
        raise error_from_dict(answer["error"])
    return StepResult(answer["summary"], tuple(map(Path, answer["outputs"])), answer["facts"])


def _stream(command: list[str], settings: Settings, log_path: Path, progress: Progress) -> int:
    environment = {**os.environ, **settings.as_env(), "PYTHONUNBUFFERED": "1"}
    with (
        log_path.open("w", encoding="utf-8") as log,
        subprocess.Popen(
            command, cwd=settings.project_root, env=environment, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            close_fds=False,  # the lock of the home folder (ledger.py); others do not pass on
        ) as child,
    ):  # fmt: skip
        try:
            for line in child.stdout or ():
                log.write(line)
                log.flush()
                if line.startswith("> "):
                    progress(line[2:].rstrip())
        except BaseException:
            child.send_signal(signal.SIGTERM)
            raise
    return child.returncode


def _read_answer(path: Path) -> dict[str, Any] | None:
    try:
        answer = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    path.unlink()
    return answer if isinstance(answer, dict) else None


def _finish(
    stage: Stage, settings: Settings, mark: str, result: StepResult, seconds: float
) -> ledger.StageState:
    state = ledger.StageState(
        stage=stage.name,
        fingerprint=mark,
        summary=result.summary,
        seconds=round(seconds, 3),
        outputs=ledger.output_digests(result.outputs),
        facts=result.facts or {},
    )
    ledger.write_state(settings.stages_dir, state)
    return state


def _record(
    settings: Settings, flow_run: str, stage: Stage, status: str, mark: str,
    seconds: float, summary: str,
) -> None:  # fmt: skip
    with session(settings) as records:
        records.add(
            StageRun(
                flow_run=flow_run, stage=stage.name, status=status, fingerprint=mark,
                seconds=round(seconds, 3), summary=summary,
            )
        )  # fmt: skip


def _step(stage: Stage) -> str:
    return f"flows/steps/{stage.name}.py"


def _exit_text(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
