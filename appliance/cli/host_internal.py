"""What the appliance itself asks of `appliance host`: its playbook, its units and its points of admission."""

import json
import sys
from collections.abc import Callable
from contextlib import nullcontext
from enum import StrEnum
from pathlib import Path

import typer

from appliance.cli.options import ROOT, RUN, Root, Run
from appliance.enclave.render import HostPaths
from appliance.errors import ApplianceError


class Step(StrEnum):
    """One step of the installation."""

    configure = "configure"
    load_images = "load-images"
    stage = "stage"
    cut_over = "cut-over"
    prepare = "prepare"
    harden = "harden"
    prepare_sockets = "prepare-sockets"
    start_monitor = "start-monitor"
    start_enclaves = "start-enclaves"
    prove = "prove"


def reconcile(root: Root = ROOT, run: Run = RUN) -> None:
    """Keep comparing what runs with what was admitted, and alarm."""
    from appliance.host import watcher  # noqa: PLC0415

    watcher.watch(HostPaths(root.resolve(), run))


def step(
    name: Step,
    root: Root = ROOT,
    run: Run = RUN,
    bundle: Path | None = None,
    site: Path | None = None,
    officers_fingerprint: str = "",
) -> None:
    """Run one step of install.yml; prints {"changed": ...}."""
    from appliance.host import steps  # noqa: PLC0415
    from appliance.host.converge import one_step  # noqa: PLC0415

    paths = HostPaths(root.resolve(), run)
    actions: dict[Step, Callable[[], bool]] = {
        Step.configure: lambda: steps.configure(paths),
        Step.stage: lambda: steps.stage(
            paths, _given(bundle, "--bundle"), _given(site, "--site"), officers_fingerprint
        ),
        Step.harden: lambda: steps.harden(paths, _given(bundle, "--bundle")),
        Step.prepare_sockets: lambda: steps.prepare_sockets(paths),
        Step.load_images: lambda: steps.load_images(paths, _given(bundle, "--bundle")),
        Step.cut_over: lambda: steps.cut_over(paths, _given(site, "--site"), officers_fingerprint),
        Step.prepare: lambda: steps.prepare(paths),
        Step.start_monitor: lambda: steps.start_monitor(paths),
        Step.start_enclaves: lambda: steps.start_enclaves(paths),
        Step.prove: lambda: steps.prove(paths),
    }
    try:
        # systemd runs prepare-sockets inside start-monitor
        with nullcontext() if name is Step.prepare_sockets else one_step(paths):
            print(json.dumps({"changed": actions[name]()}))
    except ApplianceError as error:
        print(json.dumps(error.as_dict()), file=sys.stderr)
        raise typer.Exit(1) from error


def _given(value: Path | None, option: str) -> Path:
    if value is None:
        raise typer.BadParameter(f"{option} is required for this step")
    return value


def decided(
    name: str, rule: str, root: Root = ROOT, run: Run = RUN, allowed: bool = False, reason: list[str] | None = None
) -> None:
    """Record what a point of admission decided about a container or command."""
    from appliance.host.decisions import record_decision  # noqa: PLC0415

    record_decision(HostPaths(root.resolve(), run), name, rule, reason or [], allowed=allowed)
