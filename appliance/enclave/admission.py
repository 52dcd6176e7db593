"""What the admission hook compares with: the facts of every container of a generation, from what renders it."""

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

from appliance.enclave.render import HostPaths, Images, containers
from appliance.enclave.site import ENCLAVE_UIDS, Site

HOOK = "admission_hook.py"
NAMESPACES = ["ipc", "mount", "network", "pid", "user", "uts"]
SECCOMP_REFUSES = "SCMP_ACT_ERRNO"


def expected(site: Site, images: Images, paths: HostPaths) -> dict[str, dict[str, Any]]:
    """The facts of each container of ``site``, by its name in podman's store."""
    return {
        container["container_name"]: _facts(container, images, enclave.uids)
        for enclave in site.enclaves
        for container in containers(enclave, images, paths).values()
    }


def _facts(container: dict[str, Any], images: Images, uids: int) -> dict[str, Any]:
    name = container["image"].split("/")[-1].split(":")[0]
    config = images.configs[name]
    mapping = [[0, uids, ENCLAVE_UIDS]]
    uid, gid = container["user"].split(":")
    return {
        "image": images.identifiers[name],
        "arguments": container.get("entrypoint") or [*config["Entrypoint"], *config.get("Cmd", [])],
        "environment": dict(entry.split("=", 1) for entry in config.get("Env", []) if not entry.startswith("HOME=")),
        "user": [int(uid), int(gid)],
        "capabilities": [],
        "no_new_privileges": True,
        "read_only": True,
        "binds": {
            volume["target"]: [volume["source"], "ro" if volume["read_only"] else "rw"]
            for volume in container["volumes"]
        },
        "uid_map": mapping,
        "gid_map": mapping,
        "namespaces": NAMESPACES,
        "joined": [],
        "devices": [],
        "seccomp": SECCOMP_REFUSES,
        "sysctl": container.get("sysctls", {}),
        "masked": True,
    }


def hook_definition(root: Path, run: Path) -> str:
    """The ``hooks.d`` file that makes podman ask the hook before every container (oci-hooks(5))."""
    script = str(root / "hooks.d" / HOOK)
    document = {
        "version": "1.0.0",
        "hook": {"path": "/usr/bin/python3", "args": ["python3", "-I", "-S", script, str(root), str(run)]},
        "when": {"always": True},
        "stages": ["createRuntime"],
    }
    return json.dumps(document, indent=2) + "\n"


def hook_script() -> str:
    """The hook's source, as it is copied beside its definition."""
    return (files("appliance.enclave") / HOOK).read_text()
