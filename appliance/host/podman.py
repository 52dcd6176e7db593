"""Podman with the appliance's own configuration and store, apart from any other podman of the host."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jinja2

from appliance.enclave.render import HostPaths
from appliance.errors import ApplianceError
from appliance.host.platform import Platform

CONTAINERS_CONF = """\
# Written by the appliance for its own podman; see docs/sysadmin.md.
[containers]
default_ulimits = {{ ulimits }}
log_driver = "k8s-file"
log_size_max = 10485760
[engine]
runtime = "{{ platform.runtime }}"
cgroup_manager = "{{ platform.cgroup_manager }}"
events_logger = "file"
hooks_dir = ["{{ root }}/hooks.d"]
tmp_dir = "{{ run }}/libpod"
[network]
network_backend = "netavark"
network_config_dir = "{{ root }}/networks"
"""

STORAGE_CONF = """\
[storage]
driver = "overlay"
graphroot = "{{ root }}/containers/storage"
runroot = "{{ run }}/containers"
"""

# Nothing is pulled from anywhere but a folder whose bytes were verified before (containers-policy.json(5)).
IMAGE_POLICY = {
    "default": [{"type": "reject"}],
    "transports": {"oci": {"": [{"type": "insecureAcceptAnything"}]}},
}


class Podman:
    """Runs podman and podman-compose against the store of one appliance root.

    Args:
        paths: where the appliance keeps its state.
    """

    def __init__(self, paths: HostPaths) -> None:
        self._paths = paths
        self._etc = paths.root / "etc"

    def configure(self, platform: Platform) -> bool:
        """Write podman's configuration for this host; True when something changed."""
        ulimits = [
            f"{name}={limit}:{limit}" for name, limit in (("nofile", platform.nofile), ("nproc", platform.nproc))
        ]
        values = {
            "platform": platform,
            "root": self._paths.root,
            "run": self._paths.run,
            "ulimits": json.dumps(ulimits),
        }
        files = {
            "containers.conf": jinja2.Template(CONTAINERS_CONF).render(values),
            "storage.conf": jinja2.Template(STORAGE_CONF).render(values),
            "policy.json": json.dumps(IMAGE_POLICY, indent=2),
        }
        self._etc.mkdir(parents=True, exist_ok=True)
        changed = False
        for name, text in files.items():
            file = self._etc / name
            if not file.exists() or file.read_text() != text + "\n":
                file.write_text(text + "\n")
                changed = True
        return changed

    @property
    def environment(self) -> dict[str, str]:
        """Environment that points podman at the appliance's configuration."""
        return os.environ | {
            "CONTAINERS_CONF": str(self._etc / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(self._etc / "storage.conf"),
            "PATH": f"{Path(sys.executable).parent}:/usr/sbin:/sbin:{os.environ.get('PATH', '/usr/bin:/bin')}",
        }

    def run(self, arguments: Sequence[str], *, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run ``podman ARGUMENTS``.

        Raises:
            ApplianceError: podman refused; the message is its own.
        """
        return self._execute(["podman", *arguments], check=check)

    def compose(
        self, enclave: str, arguments: Sequence[str], *, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run ``podman-compose ARGUMENTS`` for one enclave of the current generation."""
        file = self._paths.settings(enclave) / "compose.yml"
        return self._execute(["podman-compose", "-f", str(file), "-p", enclave, *arguments], check=check)

    def _execute(self, command: list[str], *, check: bool) -> subprocess.CompletedProcess[str]:
        result = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)
        if check and result.returncode != 0:
            raise ApplianceError(
                f"{' '.join(command[:6])} failed: {result.stderr.strip()[-2000:] or result.stdout.strip()[-2000:]}",
                remedy="appliance host status shows what runs; the full text is in podman's own message above",
            )
        return result

    def containers(self, *, every: bool = True) -> list[dict[str, Any]]:
        """All containers of the appliance, as ``podman ps`` tells."""
        answer = self.run(["ps", "--format", "json", *(["--all"] if every else [])]).stdout
        return list(json.loads(answer or "[]"))

    def load_image(self, layout: Path, name: str, identifier: str) -> str:
        """Load image ``name`` from the verified OCI layout and return its reference in the store.

        Raises:
            ApplianceError: podman stored another image than the layout describes.
        """
        policy = self._etc / "policy.json"
        answer = self.run(["pull", "-q", "--signature-policy", str(policy), f"oci:{layout}:{name}"]).stdout.split()
        if not answer or answer[-1].removeprefix("sha256:") != identifier:
            raise ApplianceError(f"image {name}: podman stored {answer}, the bundle describes {identifier}")
        reference = f"localhost/appliance/{name}:{identifier[:12]}"
        self.run(["tag", identifier, reference])
        return reference
