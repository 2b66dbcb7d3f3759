"""Prefect's own settings for this project: state in the home folder, nothing sent anywhere.

Must run before ``prefect`` is imported, which reads the environment once.
"""

import os

from governance.settings import Settings

_STARTUP_SECONDS = 180  # the temporary server needed 40 s here; Prefect's default limit is 20 s


def prefect_env(settings: Settings) -> dict[str, str]:
    """Environment for a Prefect process of this home folder."""
    return {
        "PREFECT_HOME": str(settings.prefect_dir),
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": str(_STARTUP_SECONDS),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_LOGGING_LEVEL": "CRITICAL",  # the stage lines tell the story; errors are ours
        "PREFECT_SERVER_LOGGING_LEVEL": "CRITICAL",
        "PREFECT_CLI_PROMPT": "false",
        "DO_NOT_TRACK": "1",
    }


def use_prefect_home(settings: Settings) -> None:
    """Set what :func:`prefect_env` says, unless the caller's environment already does."""
    settings.prefect_dir.mkdir(parents=True, exist_ok=True)
    for name, value in prefect_env(settings).items():
        os.environ.setdefault(name, value)
