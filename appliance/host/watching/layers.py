"""The layers of enforcement on this host: which are active, which are not, which the host does not have."""

from dataclasses import asdict, dataclass

from appliance.enclave.paths import HostPaths
from appliance.host.enforce import at_rest, configuration, weights
from appliance.host.enforce.platform import Platform
from appliance.host.watching import watcher
from appliance.host.watching.reconciler import Look

ACTIVE, INACTIVE, ABSENT = "active", "inactive", "absent"


@dataclass(frozen=True)
class Layer:
    """One layer: its name, ``active``, ``inactive`` or ``absent``, and what that rests on."""

    name: str
    state: str
    detail: str

    def as_dict(self) -> dict[str, str]:
        """For ``--json``."""
        return asdict(self)


def layers(paths: HostPaths, platform: Platform, look: Look) -> list[Layer]:
    """Every layer, from what one look at the host found.

    Args:
        paths: where the appliance lives.
        platform: what this host is.
        look: the comparison of what runs with what was admitted.
    """
    root = paths.root
    compared = [
        ("admission hook", (f"file {root}/hooks.d", f"file {root}/etc", "admission.json", "container ")),
        ("network admission", (f"file {root}/helpers", f"file {root}/etc", "networks.json", "network of ")),
        ("guarded podman command", ("command ", "interface of podman")),
        ("seccomp", ("Seccomp of", f"file {root}/etc/seccomp.json")),
        ("no capabilities, no new privileges", ("CapBnd of", "CapEff of", "NoNewPrivs of")),
        ("uid range for each enclave", ("uids of",)),
        ("namespaces of each container", ("namespaces of",)),
        ("only own mounts", ("mounts of",)),
        ("limits of memory and processes", ("limits of",)),
        ("weights of the processor", ("weights of",)),
        ("storage of each enclave bounded", ("storage of",)),
        ("networks apart, names off", ("network ",)),
        ("packet rules (nftables)", ("packet rules",)),
        ("owners of volumes, keys and sockets", ("owner of",)),
    ]
    result = [_compared(name, prefixes, look) for name, prefixes in compared]
    running = watcher.watcher_process(paths) is not None
    result.append(
        Layer("reconciler", ACTIVE if running else INACTIVE, "looks every ten seconds" if running else "stopped")
    )
    result.append(_apparmor(platform, look))
    result.append(_selinux(platform))
    disk = weights.detect(root)
    result.append(Layer("weights of the disk", ACTIVE if disk.disk_counts else ABSENT, disk.why))
    found = at_rest.encryption(root)
    absent = "no dm-crypt below the volumes: whoever takes the disk reads them"
    result.append(Layer("encryption at rest", ACTIVE if found else ABSENT, found or absent))
    return result


def _compared(name: str, prefixes: tuple[str, ...], look: Look) -> Layer:
    different = sorted(finding.key for finding in look.findings if finding.key.startswith((*prefixes, "comparison")))
    return Layer(name, INACTIVE, "; ".join(different)[:500]) if different else Layer(name, ACTIVE, "as admitted")


def _apparmor(platform: Platform, look: Look) -> Layer:
    if not platform.apparmor:
        return Layer("AppArmor", ABSENT, "this kernel has none, or apparmor_parser is not installed")
    found = _compared("AppArmor", ("AppArmor of",), look)
    return Layer("AppArmor", found.state, f"profile {configuration.APPARMOR_PROFILE}: {found.detail}")


def _selinux(platform: Platform) -> Layer:
    if not platform.selinux:
        return Layer("SELinux", ABSENT, "this kernel has none")
    return Layer("SELinux", INACTIVE, "Debian's policy knows no container types")
