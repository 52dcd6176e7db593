"""Podman with the appliance's own configuration and store, apart from any other podman of the host."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from appliance.enclave.paths import HostPaths
from appliance.errors import ApplianceError
from appliance.host.enforce import podman_guard
from appliance.host.enforce.diversion import real_podman


class Podman:
    """Runs podman and podman-compose against the store of one appliance root.

    Args:
        paths: where the appliance keeps its state.
    """

    def __init__(self, paths: HostPaths) -> None:
        self._paths = paths
        self._etc = paths.root / "etc"

    @property
    def paths(self) -> HostPaths:
        """Where that appliance keeps its state."""
        return self._paths

    @property
    def environment(self) -> dict[str, str]:
        """Environment that points podman at the appliance's configuration, and at nothing else."""
        mine = {name: value for name, value in os.environ.items() if not name.startswith(podman_guard.VARIABLES)}
        return mine | {
            "CONTAINERS_CONF": str(self._etc / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(self._etc / "storage.conf"),
            "PATH": f"{Path(sys.executable).parent}:/usr/sbin:/sbin:{os.environ.get('PATH', '/usr/bin:/bin')}",
        }

    def run(self, arguments: Sequence[str], *, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run ``podman ARGUMENTS``.

        Raises:
            ApplianceError: podman refused; the message is its own.
        """
        return self._execute([real_podman(), *arguments], check=check)

    def compose(
        self, enclave: str, arguments: Sequence[str], *, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run ``podman-compose ARGUMENTS`` for one enclave of the current generation."""
        file = self._paths.settings(enclave) / "compose.yml"
        command = ["podman-compose", "--podman-path", real_podman(), "-f", str(file), "-p", enclave]
        return self._execute([*command, *arguments], check=check)

    def _execute(self, command: list[str], *, check: bool) -> subprocess.CompletedProcess[str]:
        result = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)
        if check and result.returncode != 0:
            raise ApplianceError(
                f"{' '.join(command[:6])} failed: {result.stderr.strip()[-2000:] or result.stdout.strip()[-2000:]}",
                rule="what is installed runs in podman's containers, and is looked at and changed through podman",
                remedy="see podman's own words above; then appliance host recover puts right what the appliance wrote",
            )
        return result

    def containers(self, *, every: bool = True) -> list[dict[str, Any]]:
        """All containers of the appliance, as ``podman ps`` tells."""
        answer = self.run(["ps", "--format", "json", *(["--all"] if every else [])]).stdout
        return list(json.loads(answer or "[]"))

    def images(self) -> dict[str, str]:
        """Image id by reference, of all that the store has."""
        found = json.loads(self.run(["images", "--format", "json"]).stdout or "[]")
        return {name: image["Id"] for image in found for name in image.get("Names") or []}

    def load_image(self, layout: Path, name: str, identifier: str, reference: str) -> None:
        """Load image ``name`` from the verified OCI layout and give it its reference in the store.

        Raises:
            ApplianceError: podman stored another image than the layout describes.
        """
        policy = self._etc / "policy.json"
        answer = self.run(["pull", "-q", "--signature-policy", str(policy), f"oci:{layout}:{name}"]).stdout.split()
        if not answer or answer[-1].removeprefix("sha256:") != identifier:
            raise ApplianceError(f"image {name}: podman stored {answer}, the bundle describes {identifier}")
        self.run(["tag", identifier, reference])

    def remove_images(self, keep: set[str]) -> None:
        """Remove what is stored under a reference of the appliance's, unless its image id is to be kept."""
        stale = sorted(name for name, identifier in self.images().items() if identifier not in keep)
        if stale:
            self.run(["rmi", "--force", *stale], check=False)
