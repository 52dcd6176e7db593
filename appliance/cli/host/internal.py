"""What the appliance itself asks of `appliance host`: its playbook, its units and its points of admission."""

import json
import sys
from collections.abc import Callable
from contextlib import nullcontext
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from appliance.cli.shared import inputs
from appliance.cli.shared.options import ROOT, RUN, AnyRoot, AnyRun
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


def reconcile(root: AnyRoot = ROOT, run: AnyRun = RUN) -> None:
    """Keep comparing what runs with what was admitted, and alarm.

    Example: appliance host reconcile
    """
    from appliance.enclave.paths import HostPaths
    from appliance.host.watching import watcher

    watcher.watch(HostPaths(root.resolve(), run))


def step(
    name: Annotated[Step, typer.Argument(metavar="STEP", help="The step.")],
    root: AnyRoot = ROOT,
    run: AnyRun = RUN,
    bundle: Annotated[Path | None, inputs.word_option("BUNDLE", "The staged bundle.")] = None,
    site: Annotated[Path | None, inputs.word_option("FOLDER", "The site folder.")] = None,
    officers_fingerprint: Annotated[str, inputs.word_option("SHA256", "SHA-256 of the site's officers.json.")] = "",
) -> None:
    """Run one step of install.yml; prints {"changed": ...}.

    Example: appliance host step prepare
    """
    from appliance.enclave.paths import HostPaths
    from appliance.host.change import steps
    from appliance.host.change.converge import one_step

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
    name: Annotated[str, inputs.word_argument("NAME", "The container or command.")],
    rule: Annotated[str, inputs.word_argument("RULE", "The rule that decided.")],
    root: AnyRoot = ROOT,
    run: AnyRun = RUN,
    allowed: Annotated[bool, typer.Option("--allowed", help="It was admitted.")] = False,
    reason: Annotated[list[str] | None, inputs.word_option("TEXT", "Why; repeat.")] = None,
) -> None:
    """Record what a point of admission decided about a container or command.

    Example: appliance host decided gateway admission.image --reason "another image"
    """
    from appliance.enclave.paths import HostPaths
    from appliance.host.enforce.decisions import record_decision

    record_decision(HostPaths(root.resolve(), run), name, rule, reason or [], allowed=allowed)
