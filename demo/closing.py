"""The screen at the end: where the site is, who works there, what to try, how to stop."""

import os
from pathlib import Path

from appliance.enclave.paths import HostPaths
from appliance.host.state.monitor_process import monitor_process
from demo.instance import PEOPLE, REPOSITORY, Instance, StageError
from demo.report import Report
from demo.stages import FIRST_EVALUATION
from demo.users import ADDRESSES, HOSTNAMES, MARKINGS

COMMAND = f"{'sudo ' if 'SUDO_USER' in os.environ else ''}.venv/bin/appliance-demo"
"""How the reader, who may have come through sudo, types the command."""
PLACES = {
    "analyst": ("unclassified", "/decision/", "ask marked reports, and the model below /inference/"),
    "decision-maker": ("secret", "/decision/products", "read signed products, and ask the reports"),
    "annotator": ("unclassified", "/labeling/", "compare answers"),
    "annotator-2": ("unclassified", "/labeling/", "compare the same answers, not seeing the other's"),
    "evaluator": ("unclassified", "/evaluation/", "evaluate the model, give the results to the certifier"),
    "evaluator-2": ("secret", "/evaluation/", "the same at SECRET"),
    "model-owner": ("unclassified", "/evaluation/", "read how the model does; may neither evaluate nor certify it"),
    "certifier": ("unclassified", "/evaluation/", "download results, sign them with their own key"),
    "officer": ("system-high", "/console/", "review what everybody did"),
    "officer-2": ("system-high", "/console/", "the second signature of a review"),
}
"""Where each person begins: enclave, page, and what to do there."""


def relative(path: Path) -> str:
    """``path`` as one types it in the checkout."""
    return str(path.relative_to(REPOSITORY)) if path.is_relative_to(REPOSITORY) else str(path)


def ready(report: Report) -> str:
    """What is told as soon as the model answers, before the exercises."""
    first = report.facts(FIRST_EVALUATION)
    right = first["measures"]["smoke.correct"]
    took = sum(stage.seconds for stage in report.stages)
    return f"""
The site answers, {took:.0f} s after the beginning. You can use it now:  {COMMAND} browse analyst
The model is certified as {first["tier"]}, for exercises only: {right["value"]:.2f} right over {right["n"]} easy items,
which may be anything from {right["low"]:.2f} to {right["high"]:.2f} (95 %).
Stand-ins go on with longer exercises meanwhile.
"""


def show(instance: Instance) -> int:
    """Print the screen for a site that was started before.

    Raises:
        StageError: none runs.
    """
    if monitor_process(HostPaths(instance.root, instance.run)) is None:
        raise StageError("no site of the demonstration runs on this machine", f"{COMMAND} start")
    print(people_and_places(instance))
    return 0


def screen(instance: Instance, report: Report) -> str:
    """The last screen, after success or failure."""
    took = sum(stage.seconds for stage in report.stages)
    log = f"Everything that was said: {relative(instance.log)}"
    if report.passed:
        return f"\nYour site is running; all {len(report.stages)} stages passed in {took:.0f} s.\n" + "\n".join(
            [people_and_places(instance), log]
        )
    if monitor_process(HostPaths(instance.root, instance.run)) is None:
        return f"\nNothing of the site runs.  Try again: {COMMAND} start\n{log}"
    return f"\nThe site still runs, as far as it came.\n{people_and_places(instance)}\n{log}"


def people_and_places(instance: Instance) -> str:
    """Addresses, people with their certificates, and commands."""
    lines = ["", "where"]
    for enclave, last in ADDRESSES.items():
        what = "officer's console" if enclave == "system-high" else "workbench"
        url = f"https://{HOSTNAMES[enclave]}/"
        lines.append(f"  {MARKINGS[enclave]:<24} {what:<18} {url:<36} {instance.address(last)}")
    lines += ["", "who"]
    for person, (_, _, purpose) in PLACES.items():
        facts = PEOPLE[person]
        cleared = f"{facts['clearance']}, {facts['nationalities'][0]}"
        lines.append(f"  {person:<12} {cleared:<18} {purpose}")
    subjects, keys = relative(instance.subjects), relative(instance.keys)
    lines += [
        f"  certificates: {subjects}/PERSON.p12, each with its passphrase in {subjects}/PERSON.p12.passphrase",
        f"  signing keys: {keys}/officers/ and {keys}/certifiers/, passphrase in {relative(instance.passphrase)}",
        "",
        "what to type",
        f"  {COMMAND} browse analyst       a browser with that certificate; names are resolved for it",
        f"  {COMMAND} tour                 six things that the site promises, shown, one key a step",
        f"  {COMMAND} run host status      any command of `appliance`, inside the site's network",
        f"  {COMMAND} show                 this screen again",
        f"  {COMMAND} stop                 remove the site; keys and caches stay",
        "",
        "DEMO: every key of this site is known. Put nothing real into it.",
    ]
    return "\n".join(lines)
