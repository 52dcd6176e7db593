"""What admission adds to the start of a container: the hook and netavark's guard, on a running site's own files."""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from appliance.enclave import admission
from appliance.enclave.paths import HostPaths
from appliance.host.enforce.podman import Podman
from demo.instance import Instance
from tests.bench.measure import Measurement, alternate, at_most
from tests.bench.stack import running_site

ROUNDS = 30
CONTAINER = "secret-labeling"
PYTHON = ["/usr/bin/python3", "-I", "-S"]


def measurements() -> list[Measurement]:
    """Both points asked about a container that runs, against starting a program that does nothing."""
    with running_site() as instance:
        pairs = alternate(_asked(instance), _nothing, ROUNDS)
    added = statistics.median(asked - 2 * nothing for asked, nothing in pairs)
    reference = f"two starts of true(1): {1000 * statistics.median(nothing for _, nothing in pairs):.1f} ms each"
    return [at_most("admission.added", added * 1000, "ms", 50, reference)]


def _asked(instance: Instance) -> Callable[[], float]:
    """What asks hook and guard, as podman does, whether ``CONTAINER`` may start; they must agree."""
    paths = HostPaths(instance.root, instance.run)
    found = next(c for c in Podman(paths).containers(every=False) if CONTAINER in c["Names"])
    userdata = paths.root / "containers/storage/overlay-containers" / found["Id"] / "userdata"
    definition = json.loads((paths.root / "hooks.d" / "admission.json").read_text())["hook"]
    hook = [definition["path"], *definition["args"][1:]]
    guard = [*PYTHON, str(paths.root / "helpers" / admission.NETWORK_HOOK), str(paths.root), "/bin/true", "setup"]
    state = json.dumps({"id": found["Id"], "bundle": str(userdata), "pid": found["Pid"]})
    options = json.dumps(_options(paths, found["Id"]))

    def ask() -> float:
        return _seconds(hook, state) + _seconds(guard, options)

    return ask


def _options(paths: HostPaths, identifier: str) -> dict[str, Any]:
    """What podman gives to netavark for ``CONTAINER``."""
    networks = json.loads((paths.root / "current" / "networks.json").read_text())[CONTAINER]["networks"]
    files = [json.loads(file.read_text()) for file in (paths.root / "networks").glob("*.json")]
    return {
        "container_id": identifier,
        "container_name": CONTAINER,
        "networks": {name: {"static_ips": facts["addresses"]} for name, facts in networks.items()},
        "network_info": {network["name"]: network for network in files if network["name"] in networks},
    }


def _nothing() -> float:
    return _seconds(["/bin/true"], "")


def _seconds(command: list[str], given: str) -> float:
    began = time.perf_counter()
    result = subprocess.run(command, input=given, text=True, capture_output=True, check=False)
    seconds = time.perf_counter() - began
    if result.returncode != 0:
        sys.stderr.write(result.stdout + result.stderr)
        raise RuntimeError(f"{command[:4]} refused a container that runs")
    return seconds
