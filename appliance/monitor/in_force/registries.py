"""The subjects and the access policy in force: accepted in one step, and never taken back by a return."""

import hashlib
import shutil
from pathlib import Path

from appliance.enclave.paths import HostPaths
from appliance.monitor.in_force.statements import PIN
from appliance.trust.files import replace_link

FILES = ("officers.json", "subjects.dsse.json", "access.dsse.json")


def accept(paths: HostPaths, site: Path, officers_fingerprint: str) -> bool:
    """Put the verified registries of a site folder in force; True when they are others than before.

    Args:
        paths: where.
        site: the site folder, verified before.
        officers_fingerprint: SHA-256 of ``officers.json``, from paper.
    """
    files = {name: (site / name).read_bytes() for name in FILES} | {PIN: f"{officers_fingerprint}\n".encode()}
    digest = hashlib.sha256(b"".join(hashlib.sha256(data).digest() for data in files.values())).hexdigest()[:16]
    folder = paths.registries / digest
    if not folder.exists():
        staging = paths.registries / ".staging"
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir(parents=True, mode=0o700)
        for name, data in files.items():
            (staging / name).touch(0o600)  # the subjects are people, whatever the folder
            (staging / name).write_bytes(data)
        staging.rename(folder)
    if in_force(paths) == folder:
        return False
    replace_link(paths.registries / "current", Path(digest))
    return True


def pinned_officers(paths: HostPaths) -> str:
    """SHA-256 of ``officers.json`` as it was accepted from paper with the registries in force."""
    return (paths.registries / "current" / PIN).read_text().strip()


def in_force(paths: HostPaths) -> Path | None:
    """The folder of the registries that this host accepted last."""
    now = paths.registries / "current"
    return paths.registries / now.readlink() if now.is_symlink() else None


def prune(paths: HostPaths) -> None:
    """Delete those that were replaced; the log has the digest of each that decided."""
    now = in_force(paths)
    for folder in paths.registries.iterdir() if now else ():
        if folder.is_dir() and not folder.is_symlink() and folder != now:
            shutil.rmtree(folder)
