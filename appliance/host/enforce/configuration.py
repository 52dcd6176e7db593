"""Every file that decides how the appliance's podman behaves: rendered in one place, written, and compared later."""

import json
import subprocess
from pathlib import Path

import jinja2

from appliance.enclave import admission
from appliance.enclave.paths import HostPaths
from appliance.host.enforce.platform import Platform, detect
from appliance.trust.files import replace_file

APPARMOR_PROFILE = "appliance-container"
_HERE = Path(__file__).parent
_CONFINEMENT = (_HERE / "containers", _HERE.parents[2] / "policies" / "containers")

CONTAINERS_CONF = """\
# Written by the appliance for its own podman; see docs/sysadmin/watch-and-repair.md.
[containers]
base_hosts_file = "none"
host_containers_internal_ip = "none"
default_ulimits = {{ ulimits }}
log_driver = "k8s-file"
log_size_max = 10485760
seccomp_profile = "{{ root }}/etc/seccomp.json"
{% if apparmor %}apparmor_profile = "{{ apparmor }}"
{% endif -%}
[engine]
runtime = "{{ platform.runtime }}"
cgroup_manager = "{{ platform.cgroup_manager }}"
events_logger = "file"
hooks_dir = ["{{ root }}/hooks.d"]
helper_binaries_dir = ["{{ root }}/helpers", "{{ platform.netavark.parent }}"]
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


def confinement(name: str) -> str:
    """A file of ``policies/containers``, as the wheel or the source tree carries it."""
    return next(place / name for place in _CONFINEMENT if (place / name).exists()).read_text()


def files(paths: HostPaths, platform: Platform) -> dict[Path, str]:
    """Each file with its text; those in ``helpers`` are programs.

    Args:
        paths: where the appliance lives.
        platform: what this host is.
    """
    profile = APPARMOR_PROFILE if platform.apparmor else ""
    limits = (("nofile", platform.nofile), ("nproc", platform.nproc))
    values = {
        "platform": platform,
        "root": paths.root,
        "run": paths.run,
        "apparmor": profile,
        "ulimits": json.dumps([f"{name}={limit}:{limit}" for name, limit in limits]),
    }
    etc, hooks, helpers = paths.root / "etc", paths.root / "hooks.d", paths.root / "helpers"
    return {
        etc / "containers.conf": jinja2.Template(CONTAINERS_CONF).render(values) + "\n",
        etc / "storage.conf": jinja2.Template(STORAGE_CONF).render(values) + "\n",
        etc / "policy.json": json.dumps(IMAGE_POLICY, indent=2) + "\n",
        etc / "seccomp.json": confinement("seccomp.json"),
        etc / "apparmor": confinement("apparmor"),
        hooks / admission.HOOK: admission.hook_script(admission.HOOK),
        hooks / "admission.json": admission.hook_definition(paths.root, paths.run, profile),
        helpers / admission.NETWORK_HOOK: admission.hook_script(admission.NETWORK_HOOK),
        helpers / "netavark": admission.network_program(paths.root, platform.netavark),
    }


def write(paths: HostPaths, platform: Platform) -> bool:
    """Write every file that differs; True when one did."""
    changed = False
    for file, text in files(paths, platform).items():
        if not file.exists() or file.read_text() != text:
            replace_file(file, text.encode(), mode=0o755 if file.parent.name == "helpers" else 0o644)
            changed = True
    if platform.apparmor:
        subprocess.run(["apparmor_parser", "--replace", str(paths.root / "etc" / "apparmor")], check=True)
    return changed


def remove(paths: HostPaths) -> None:
    """Take the AppArmor profile out of the kernel, where there is one."""
    if detect().apparmor and (paths.root / "etc" / "apparmor").exists():
        command = ["apparmor_parser", "--remove", str(paths.root / "etc" / "apparmor")]
        subprocess.run(command, capture_output=True, check=False)
