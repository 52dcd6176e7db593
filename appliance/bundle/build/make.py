"""Make a bundle: run the playbook `build.yml`, then sign."""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from appliance.bundle.build.steps import Builder
from appliance.errors import ApplianceError
from appliance.playbook import TaskEvent, run_playbook

DEFAULT_CACHE = "/var/cache/appliance"
_STEPS_BESIDE_IMAGES = 6


@dataclass(frozen=True)
class Step:
    """A step of the build as it goes: ``state`` is started, unchanged or done."""

    number: int
    total: int
    name: str
    state: str
    message: str
    seconds: float


def default_cache() -> Path:
    """``$APPLIANCE_CACHE``, or the system's cache folder."""
    return Path(os.environ.get("APPLIANCE_CACHE", DEFAULT_CACHE))


def checkout() -> Path:
    """The checkout that this package runs from.

    Raises:
        ApplianceError: it is installed elsewhere, so that there is nothing to build.
    """
    source = Path(__file__).resolve().parents[3]
    if not (source / "build.yml").exists():
        raise ApplianceError(
            f"{source} is not a checkout of the project",
            rule="a bundle is built from a checkout",
            remedy="run `make setup` in one and use its .venv/bin/appliance, or give --source",
        )
    return source


def run_steps(builder: Builder, on_step: Callable[[Step], None]) -> list[Step]:
    """Collect, build and lay out everything but the signatures.

    Args:
        builder: what to build.
        on_step: told of each step when it starts and when it is done.

    Raises:
        ApplianceError: not root, or a step failed.
    """
    if os.geteuid() != 0:
        raise ApplianceError("images are built by root", rule="they are made with mounts and chroot", remedy="use sudo")
    command = [sys.executable, "-m", "appliance.bundle"]
    command += [f"--source={builder.source}", f"--cache={builder.cache}", f"--out={builder.out}"]
    command += [f"--marking={builder.marking}", f"--only={builder.only}"]
    command += [f"--advisories={builder.advisories}"] if builder.advisories else []
    total = _STEPS_BESIDE_IMAGES + len(builder.recipes)
    done: list[Step] = []

    def tell(event: TaskEvent) -> None:
        if not event.role or event.task.startswith("Validating") or event.event not in {"started", "ok"}:
            return
        state = "started" if event.event == "started" else ("done" if event.changed else "unchanged")
        step = Step(len(done) + 1, total, event.task, state, event.message, event.seconds)
        if state != "started":
            done.append(step)
        on_step(step)

    variables = {"build_command": command, "build_images": list(builder.recipes)}
    run_playbook(builder.source / "build.yml", variables, on_event=tell)
    return done
