"""Run the programs that a build needs; a failure names the program and shows its last words."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from appliance.errors import ApplianceError


def run(
    command: Sequence[str | Path],
    *,
    purpose: str,
    folder: Path | None = None,
    environment: dict[str, str] | None = None,
    remedy: str = "",
) -> str:
    """Run ``command`` and return its standard output.

    Args:
        command: program and arguments.
        purpose: what the program is run for, as the beginning of the error's sentence.
        folder: working directory.
        environment: added to this process's environment.
        remedy: what to do when it fails.

    Raises:
        ApplianceError: the program is missing or failed; the message holds the end of its output.
    """
    settings = os.environ | {"LC_ALL": "C.UTF-8", "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"} | (environment or {})
    arguments = [str(argument) for argument in command]
    try:
        done = subprocess.run(
            arguments, cwd=folder, env=settings, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
    except FileNotFoundError as error:
        raise ApplianceError(
            f"{purpose}: the program {arguments[0]} is missing", remedy="run `make setup` on the build host"
        ) from error
    if done.returncode != 0:
        tail = "\n".join((done.stdout + done.stderr).strip().splitlines()[-12:])
        raise ApplianceError(f"{purpose} failed ({arguments[0]}, status {done.returncode}):\n{tail}", remedy=remedy)
    return done.stdout
