"""The stages of the demonstration, in the order of a site's life."""

import re
import shutil
import subprocess
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from appliance.enclave.paths import HostPaths
from appliance.host.enforce import diversion
from demo import browser, corpus, people, use
from demo.instance import DEMO, Instance, appliance, cut, mend, prove_cut, require
from demo.report import Report, Say, Stage

_BUILD_STEP = re.compile(r"^\[ *\d+/\d+\] (?P<name>.+?) +(?P<seconds>[\d.]+) s +(?P<message>.*)$")
_INSTALL_STEP = re.compile(r"^ *[\d.]+ s +(?P<name>.+)$")
FIRST_EVALUATION = f"evaluate it for {use.LOWEST}"
LAST = "look at what runs"
WIDTH = 43
SHORTEST = 0.5
"""Seconds; a step inside the installation that took less is in the log alone."""


def folder_bytes(folder: Path) -> int:
    """Size of all files below ``folder``."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file() and not file.is_symlink())


def build(instance: Instance, say: Say) -> dict[str, Any]:
    """Build the bundle, or find it unchanged."""

    def tell(line: str) -> None:
        if step := _BUILD_STEP.match(line):
            say(f"{shortened(step['name'])} {step['seconds']:>8} s  {step['message']}")
        elif line.startswith("WARNING"):
            say(line)

    appliance(instance, "bundle", "build", "--out", instance.bundle, "--keys", instance.keys, tell=tell)
    return {"bytes": folder_bytes(instance.bundle)}


def shortened(name: str) -> str:
    """``name`` as wide as its column."""
    return f"{name if len(name) <= WIDTH else name[: WIDTH - 1] + '…':<{WIDTH}}"


def verify(instance: Instance) -> dict[str, Any]:
    """Check every byte against the fingerprint on paper."""
    fingerprint = ("--root-fingerprint", people.fingerprint(instance))
    report = appliance(instance, "bundle", "verify", instance.bundle, *fingerprint, "--json")
    require(report["result"] == "PASSED", report["findings"])
    shown = appliance(instance, "bundle", "inspect", instance.bundle)
    require("DEMO" in shown, "demonstration keys must say so")
    return {"targets": len(report["targets"]), "bytes": sum(target["size"] for target in report["targets"])}


def install(instance: Instance, say: Say) -> dict[str, Any]:
    """Install on the host whose network is cut."""
    steps = _Steps(say)
    prints = ["--root-fingerprint", people.fingerprint(instance)]
    prints += ["--officers-fingerprint", people.officers_fingerprint(instance)]
    where = ("--root", instance.root, "--run", instance.run)
    command: list[str | Path] = ["host", "install", instance.bundle, "--site", instance.site, *prints, *where]
    appliance(instance, *command, inside=True, tell=steps.tell)
    return {"bytes": folder_bytes(instance.bundle), "stages": steps.done}


class _Steps:
    """Turns the installer's lines, each of which says that a step begins, into lines that say how long it took."""

    def __init__(self, say: Say, clock: Callable[[], float] = time.monotonic) -> None:
        self._say = say
        self._clock = clock
        self._step, self._began = "", clock()
        self.done: list[dict[str, Any]] = []

    def tell(self, line: str) -> None:
        """Take one line of the installer."""
        step = _INSTALL_STEP.match(line)
        if step is None and not line.startswith("installed"):
            return
        seconds = round(self._clock() - self._began, 2)
        if self._step and seconds >= SHORTEST:
            self.done.append({"stage": self._step, "seconds": seconds})
            self._say(f"{shortened(self._step)} {seconds:>8.1f} s")
        self._step, self._began = step["name"] if step else "", self._clock()


def cut_network(instance: Instance) -> dict[str, Any]:
    """A host without a route out, and the proof."""
    cut(instance)
    return prove_cut(instance)


def status(instance: Instance) -> dict[str, Any]:
    """What runs, and how much memory it takes."""
    where = ("--root", instance.root, "--run", instance.run)
    report = appliance(instance, "host", "status", *where, "--json", inside=True)
    stopped = [c["name"] for c in report["containers"] if c["state"] != "running" and "migrate" not in c["name"]]
    require(not stopped, f"not running: {stopped}")
    require(all(container["label"] for container in report["containers"]), "a container without a label")
    return {"bytes": report["resident_bytes"], "containers": len(report["containers"])}


def installation(instance: Instance) -> list[Stage]:
    """From an empty folder to a site that runs."""
    return [
        Stage("make everybody's keys", lambda _: people.make_keys(instance)),
        Stage("build the bundle", lambda say: build(instance, say)),
        Stage("verify the bundle", lambda _: verify(instance)),
        Stage("sign the site, issue certificates", lambda _: people.sign_site(instance)),
        Stage("cut the network", lambda _: cut_network(instance)),
        Stage("install without a network", lambda say: install(instance, say)),
    ]


def first_answer(instance: Instance) -> list[Stage]:
    """From there to a model that answers in the browser, certified for exercises alone."""
    return [
        Stage("a candidate model answers nobody", lambda _: use.refuse_candidate(instance)),
        Stage(FIRST_EVALUATION, lambda _: use.evaluate(instance, "unclassified")),
        Stage("certify it for exercises", lambda _: use.certify(instance, "unclassified")),
        Stage("ask it in the browser", lambda _: browser.ask_in_page(instance)),
    ]


def exercises(instance: Instance, report: Report) -> list[Stage]:
    """What people do with a site, while others use it."""
    thorough = f"ask it {use.MARKBENCH} items of MarkBench"
    evaluate, certify = use.evaluate, use.certify

    return [
        Stage(thorough, lambda _: evaluate(instance, "unclassified", suite="markbench", limit=use.MARKBENCH)),
        Stage(
            "read the log in Inspect's viewer", lambda _: browser.open_viewer(instance, report.facts(thorough)["job"])
        ),
        Stage(f"refuse it {use.NEXT}, and say why", lambda _: use.refuse_tier(instance)),
        Stage("evaluate in the enclave secret", lambda _: evaluate(instance, "secret")),
        Stage("certify in the enclave secret", lambda _: certify(instance, "secret")),
        Stage("label through the interface", lambda _: use.label(instance)),
        Stage("label in the page", lambda _: browser.label_in_page(instance)),
        Stage("export the preferences", lambda _: use.export(instance)),
        Stage("ask marked reports at two levels", lambda _: corpus.read_and_ask(instance)),
        Stage("ask with the OpenAI client", lambda _: use.ask(instance)),
        Stage("be refused", lambda _: use.deny(instance)),
        Stage("verify the log, find a changed byte", lambda _: use.audit(instance)),
        Stage("read the officer's page", lambda _: browser.officer_page(instance)),
        Stage(LAST, partial(lambda one, _: status(one), instance)),
    ]


def bring_up(instance: Instance) -> Report:
    """From an empty folder to a running site, without using it."""
    report = begin(instance, len(installation(instance)))
    report.run(installation(instance))
    return report


def begin(instance: Instance, total: int) -> Report:
    """Remove what an earlier run left, and begin a log."""
    instance.build.mkdir(parents=True, exist_ok=True)
    instance.log.unlink(missing_ok=True)
    tear_down(instance)
    return Report(instance.log, total)


def tear_down(instance: Instance) -> None:
    """Remove every container, network, mount, hook, namespace and process of the instance; keep caches and keys."""
    connected = Path(f"/run/netns/{instance.namespace}").exists()
    if instance.root.exists():
        where = ("--root", instance.root, "--run", instance.run)
        appliance(instance, "host", "remove", *where, inside=connected)
    shutil.rmtree(instance.run, ignore_errors=True)
    mend(instance)
    if instance is not DEMO:
        shutil.rmtree(instance.build / "screenshots", ignore_errors=True)


def leftovers(instance: Instance) -> list[str]:
    """What a removal left behind: mounts, processes, interfaces, namespaces, folders."""
    found = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines() if f"{instance.root}/" in line]
    processes = subprocess.run(["pgrep", "-af", f"{instance.root}(/| |$)"], capture_output=True, text=True, check=False)
    found += processes.stdout.splitlines()
    links = subprocess.run(["ip", "-br", "link"], capture_output=True, text=True, check=True).stdout
    found += [line for line in links.splitlines() if re.search(rf"apl-{instance.name}\b", line)]
    registered = diversion.registration(HostPaths(instance.root, instance.run))
    places = (instance.root, instance.run, Path(f"/run/netns/{instance.namespace}"), registered)
    found += [str(path) for path in places if path.exists()]
    return found
