"""What must be true before an installation changes anything."""

import shutil
import socket
from pathlib import Path

from appliance.enclave.render import HostPaths
from appliance.enclave.site import Site
from appliance.errors import ApplianceError
from appliance.host.platform import detect, free_bytes, is_root

PROGRAMS = ("podman", "nft", "ip", "iptables")
SPACE_FACTOR = 4
SPACE_RESERVE = 1 << 30


def check(paths: HostPaths, site: Site, bundle_bytes: int, *, space: int | None = None) -> list[str]:
    """Check this host and tell what was found.

    Args:
        paths: where the appliance will live.
        site: what will run.
        bundle_bytes: size of the bundle's targets.
        space: free bytes to assume instead of measuring, for a rehearsal.

    Returns:
        One line a finding.

    Raises:
        ApplianceError: the host cannot take the installation; nothing was changed.
    """
    if not is_root():
        raise ApplianceError("host install changes the host and needs root", remedy="sudo appliance host install ...")
    platform = detect()
    missing = [name for name in (*PROGRAMS, platform.runtime) if shutil.which(name, path=_path()) is None]
    if missing:
        raise ApplianceError(
            f"not installed: {', '.join(missing)}",
            remedy="install the bundle's own packages: targets/debs (docs/sysadmin.md)",
        )
    _check_space(paths.root, bundle_bytes, space)
    _check_addresses(site)
    return [
        f"cgroups {platform.cgroups}, runtime {platform.runtime}, manager {platform.cgroup_manager}",
        f"limits nofile {platform.nofile}, nproc {platform.nproc}",
        f"systemd {_yes(platform.systemd)}, AppArmor {_yes(platform.apparmor)}, SELinux {_yes(platform.selinux)}",
    ]


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _path() -> str:
    return "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def _check_space(root: Path, bundle_bytes: int, space: int | None) -> None:
    needed = bundle_bytes * SPACE_FACTOR + SPACE_RESERVE
    free = free_bytes(root) if space is None else space
    if free < needed:
        raise ApplianceError(
            f"{root}: {free >> 20} MiB free, {needed >> 20} MiB needed",
            rule=f"room for bundle, unpacked images and an earlier generation: {SPACE_FACTOR} x bundle + 1 GiB",
            remedy=f"free {(needed - free) >> 20} MiB on the file system of {root}, or choose another --root",
        )


def _check_addresses(site: Site) -> None:
    for enclave in site.enclaves:
        family = socket.AF_INET6 if enclave.address.version == 6 else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            try:
                probe.bind((str(enclave.address), 0))
            except OSError as error:
                raise ApplianceError(
                    f"site.yml: enclave {enclave.name!r}: {enclave.address} is not this host's ({error.strerror})",
                    remedy="give the address to one of the host's interfaces, or correct site.yml",
                ) from error
