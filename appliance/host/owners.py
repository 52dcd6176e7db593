"""Owner and mode that each folder, key and socket of an enclave must have, and which differ."""

from dataclasses import dataclass
from pathlib import Path

from appliance.enclave.render import DATABASE_USERS, UIDS, HostPaths
from appliance.enclave.site import Enclave, Site
from appliance.host.finding import Finding

REASON = "what belongs to one service is open to that service's own uid alone"


@dataclass(frozen=True)
class Owned:
    """A path with the host uid that owns it and its permissions."""

    path: Path
    uid: int
    mode: int


def _secrets(folder: Path, uid: int) -> list[Owned]:
    files = sorted(file for file in folder.glob("*") if file.is_file()) if folder.is_dir() else []
    return [Owned(folder, uid, 0o700), *(Owned(file, uid, 0o400) for file in files)]


def expected(paths: HostPaths, enclave: Enclave) -> list[Owned]:
    """Every owned path of ``enclave``: volumes, keys, folders of sockets and the monitor's sockets in them."""
    uid = {name: enclave.uids + number for name, number in UIDS.items()}
    result = [Owned(paths.root / kind / enclave.name, 0, 0o711) for kind in ("enclaves", "secrets")]
    result += [Owned(paths.run / enclave.name, 0, 0o711)]
    result += _secrets(paths.secrets(enclave.name, "gateway"), uid["gateway"])
    for service in enclave.services:
        result += [Owned(paths.volume(enclave.name, service), uid[service], 0o700)]
        result += _secrets(paths.secrets(enclave.name, service), uid[service])
        if service in DATABASE_USERS:
            result += [Owned(paths.volume(enclave.name, "database"), uid["database"], 0o700)]
            result += _secrets(paths.secrets(enclave.name, f"{service}-migrate"), uid["migrate"])
    result += [
        Owned(paths.volume(enclave.name, "models"), 0, 0o755),
        Owned(paths.sockets(enclave.name, "gateway"), uid["gateway"], 0o700),
        Owned(paths.sockets(enclave.name, "record"), enclave.uids, 0o755),
        Owned(paths.sockets(enclave.name, "postgresql"), uid["database"], 0o755),
        Owned(paths.sockets(enclave.name, "gateway") / "gateway.sock", uid["gateway"], 0o600),
        Owned(paths.sockets(enclave.name, "record") / "record.sock", enclave.uids, 0o666),
    ]
    return result


def findings(paths: HostPaths, site: Site) -> list[Finding]:
    """What has another owner or mode, is a link, or is missing."""
    result = []
    for enclave in site.enclaves:
        for owned in expected(paths, enclave):
            wanted = f"uid {owned.uid}, mode {owned.mode:o}"
            try:
                status = owned.path.lstat()
                found = f"uid {status.st_uid}, mode {status.st_mode & 0o7777:o}"
                found += " (a link)" if owned.path.is_symlink() else ""
            except FileNotFoundError:
                found = "missing"
            if found != wanted:
                result.append(Finding(f"owner of {owned.path}", wanted, found, REASON))
    return result
