"""The stages of the demonstration, in the order of a site's life."""

import re
import shutil
import subprocess
from functools import partial
from pathlib import Path
from typing import Any

from appliance.enclave.render import HostPaths
from appliance.host import diversion
from tests.demo import browser, people, use
from tests.demo.instance import DEMO, Instance, appliance, cut, mend, prove_cut
from tests.demo.report import Report


def folder_bytes(folder: Path) -> int:
    """Size of all files below ``folder``."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file() and not file.is_symlink())


def build(instance: Instance) -> dict[str, Any]:
    """Build the bundle, or find it unchanged."""
    appliance(instance, "bundle", "build", "--out", instance.bundle, "--keys", instance.keys)
    return {"bytes": folder_bytes(instance.bundle)}


def verify(instance: Instance) -> dict[str, Any]:
    """Check every byte against the fingerprint on paper."""
    fingerprint = ("--root-fingerprint", people.fingerprint(instance))
    report = appliance(instance, "bundle", "verify", instance.bundle, *fingerprint, "--json")
    assert report["result"] == "PASSED", report["findings"]
    shown = appliance(instance, "bundle", "inspect", instance.bundle)
    assert "DEMO" in shown, "demonstration keys must say so"
    return {"targets": len(report["targets"]), "bytes": sum(target["size"] for target in report["targets"])}


def install(instance: Instance) -> dict[str, Any]:
    """Install on the host whose network is cut."""
    prints = ["--root-fingerprint", people.fingerprint(instance)]
    prints += ["--officers-fingerprint", people.officers_fingerprint(instance)]
    where = ("--root", instance.root, "--run", instance.run)
    report = appliance(
        instance, "host", "install", instance.bundle, "--site", instance.site, *prints, *where, "--json", inside=True
    )
    return {"bytes": report["bundle_bytes"], "generation": report["generation"], "stages": report["stages"]}


def cut_network(instance: Instance) -> dict[str, Any]:
    """A host without a route out, and the proof."""
    cut(instance)
    return prove_cut(instance)


def status(instance: Instance) -> dict[str, Any]:
    """What runs, and how much memory it takes."""
    where = ("--root", instance.root, "--run", instance.run)
    report = appliance(instance, "host", "status", *where, "--json", inside=True)
    stopped = [c["name"] for c in report["containers"] if c["state"] != "running" and "migrate" not in c["name"]]
    assert not stopped, f"not running: {stopped}"
    assert all(container["label"] for container in report["containers"])
    return {"bytes": report["resident_bytes"], "containers": len(report["containers"])}


def bring_up(instance: Instance) -> Report:
    """From an empty folder to a running site."""
    report = Report()
    tear_down(instance)
    report.run("keys", "build/keys/paper.txt", lambda: people.make_keys(instance))
    report.run("build the bundle", "build/bundle/", lambda: build(instance))
    report.run("verify the bundle", "appliance bundle inspect build/bundle", lambda: verify(instance))
    report.run("sign the site", "build/site/", lambda: people.sign_site(instance))
    report.run("cut the network", f"ip netns exec {instance.namespace} ip route", lambda: cut_network(instance))
    report.run("install without a network", "appliance host status", lambda: install(instance))
    return report


def live(instance: Instance, report: Report) -> None:
    """What people do with it."""
    report.run("the candidate answers nobody", "tests/demo/use.py", lambda: use.refuse_candidate(instance))
    evaluation = {}
    for enclave in ("unclassified", "secret"):
        name = f"evaluate in {enclave}"
        evaluation[enclave] = report.run(
            name, f"build/results-{enclave}.json", partial(use.evaluate, instance, enclave)
        )
        report.run(
            f"certify in {enclave}",
            f"appliance model show build/certificate-{enclave}.dsse.json",
            partial(use.certify, instance, enclave),
        )
    report.run(
        "Inspect's own viewer",
        "build/screenshots/viewer.png",
        lambda: browser.open_viewer(instance, evaluation["unclassified"]["job"]),
    )
    report.run("label through the API", "build/labeling.json", lambda: use.label(instance))
    report.run("label in the page", "build/screenshots/labeling.png", lambda: browser.label_in_page(instance))
    report.run("export the preferences", "build/preferences.jsonl", lambda: use.export(instance))
    report.run("ask through the OpenAI client", "docs/user.md", lambda: use.ask(instance))
    report.run("denials", "appliance audit show --decision denied", lambda: use.deny(instance))
    report.run("audit", "appliance audit verify", lambda: use.audit(instance))
    report.run("the officer's page", "build/screenshots/console.png", lambda: browser.officer_page(instance))
    report.run("what runs", "appliance host status", lambda: status(instance))


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
