"""Owner and mode that each folder, key and socket of an enclave must have, and which differ."""

from dataclasses import dataclass
from pathlib import Path

from appliance.contract.catalogue import Catalogue
from appliance.enclave.paths import HostPaths
from appliance.enclave.render import DATABASE_UID, GATEWAY_UID, MIGRATE, MIGRATE_UID, RECORD_SOCKET, manifests
from appliance.enclave.site import Enclave, Site
from appliance.host.enforce.difference import HostDifference

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


def expected(paths: HostPaths, enclave: Enclave, catalogue: Catalogue) -> list[Owned]:
    """Every owned path of ``enclave``: volumes, keys, folders of sockets and the monitor's sockets in them."""
    gateway, database, migrate = (enclave.uids + number for number in (GATEWAY_UID, DATABASE_UID, MIGRATE_UID))
    result = [Owned(paths.root / kind / enclave.name, 0, 0o711) for kind in ("enclaves", "secrets")]
    result += [Owned(paths.run / enclave.name, 0, 0o711)]
    result += _secrets(paths.secrets(enclave.name, "gateway"), gateway)
    for service in manifests(enclave, catalogue):
        result += [Owned(paths.volume(enclave.name, service.name), enclave.uids + service.uid, 0o700)]
        result += _secrets(paths.secrets(enclave.name, service.name), enclave.uids + service.uid)
        if service.database:
            result += [Owned(paths.volume(enclave.name, "database"), database, 0o700)]
            result += _secrets(paths.secrets(enclave.name, f"{service.name}{MIGRATE}"), migrate)
    result += [
        Owned(paths.volume(enclave.name, "models"), 0, 0o755),
        Owned(paths.published(enclave.name), 0, 0o755),
        Owned(paths.sockets(enclave.name, "gateway"), gateway, 0o700),
        Owned(paths.sockets(enclave.name, "record"), 0, 0o711),
        Owned(paths.sockets(enclave.name, "postgresql"), database, 0o755),
        Owned(paths.sockets(enclave.name, "gateway") / "gateway.sock", gateway, 0o600),
    ]
    for service in manifests(enclave, catalogue):
        folder, uid = paths.records(enclave.name, service.name), enclave.uids + service.uid
        result += [Owned(folder, uid, 0o700), Owned(folder / RECORD_SOCKET, uid, 0o600)]
    return result


def findings(paths: HostPaths, site: Site, catalogue: Catalogue) -> list[HostDifference]:
    """What has another owner or mode, is a link, or is missing."""
    result = []
    for enclave in site.enclaves:
        for owned in expected(paths, enclave, catalogue):
            wanted = f"uid {owned.uid}, mode {owned.mode:o}"
            try:
                status = owned.path.lstat()
                found = f"uid {status.st_uid}, mode {status.st_mode & 0o7777:o}"
                found += " (a link)" if owned.path.is_symlink() else ""
            except FileNotFoundError:
                found = "missing"
            if found != wanted:
                result.append(HostDifference(f"owner of {owned.path}", wanted, found, REASON))
    return result
