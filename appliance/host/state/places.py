"""Folders, keys and certificates of the enclaves, each owned by the one mapped uid that needs it."""

import hashlib
import os
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from appliance.audit.log.writer import Log
from appliance.contract.catalogue import Catalogue
from appliance.enclave.paths import HostPaths
from appliance.enclave.render import DATABASE_UID, GATEWAY_UID, MIGRATE, MIGRATE_UID, manifests
from appliance.enclave.site import Enclave, Site
from appliance.errors import ApplianceError
from appliance.host.state import ended_logs, rotation
from appliance.trust.files import replace_file, sync


def _owned_folder(path: Path, uid: int, mode: int = 0o700) -> None:
    path.mkdir(parents=True, exist_ok=True)
    os.chown(path, uid, uid)
    path.chmod(mode)


def _owned_file(path: Path, data: bytes, uid: int, mode: int = 0o400) -> None:
    if path.exists() and path.read_bytes() == data:
        return
    replace_file(path, data, mode=mode, owner=uid)


def _required(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ApplianceError(
            f"{path} cannot be read: {error.strerror}",
            rule="the site folder carries a certificate for each gateway and workload (docs/architecture.md, Site)",
            remedy="issue them: appliance site issue-certificates --help",
        ) from error


def host_key(file: Path) -> bytes:
    """A 32-byte key of this host, made at first use; only root reads it."""
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o711)
        _owned_file(file, secrets.token_bytes(32), 0)
    return file.read_bytes()


def public_key(paths: HostPaths) -> bytes:
    """What services verify contexts with: the public half of the monitor's key, 32 raw bytes; two while it changes."""
    if paths.context_keys.exists():
        return paths.context_keys.read_bytes()
    return Ed25519PrivateKey.from_private_bytes(host_key(paths.signing_key)).public_key().public_bytes_raw()


def prepare_enclave(paths: HostPaths, enclave: Enclave, catalogue: Catalogue, certificates: Path) -> None:
    """Make every folder and key that the containers of ``enclave`` mount; repeating it changes nothing.

    Args:
        paths: where.
        enclave: which.
        catalogue: all services of the bundle.
        certificates: ``certificates/`` of the site folder: ``ca.pem``, ``<enclave>/gateway.pem``, ...

    Raises:
        ApplianceError: a certificate is missing.
    """
    for kind in ("enclaves", "secrets"):
        for parent in (paths.root / kind, paths.root / kind / enclave.name):
            parent.mkdir(parents=True, exist_ok=True)
            parent.chmod(0o711)
    ca = _required(certificates / "ca.pem")
    own = certificates / enclave.name
    _gateway_secrets(paths, enclave, own, ca)
    host_key(paths.digest_key(enclave.name))
    for service in manifests(enclave, catalogue):
        uid, name = enclave.uids + service.uid, service.name
        _owned_folder(paths.volume(enclave.name, name), uid)
        folder = paths.secrets(enclave.name, name)
        _owned_folder(folder, uid)
        _owned_file(folder / "monitor.pub", public_key(paths), uid)
        _owned_file(folder / "ca.pem", ca, uid)
        _forget_old_key(paths, enclave, name)
        key = host_key(paths.admission_key(enclave.name, name))
        if service.workload:
            _owned_file(folder / "workload.pem", _required(own / f"{name}.pem"), uid)
            _owned_file(folder / "workload.key", _required(own / f"{name}.key"), uid)
        if service.database:
            _database_places(paths, enclave, name, key)
    for folder in (paths.volume(enclave.name, "models"), paths.published(enclave.name)):
        folder.mkdir(exist_ok=True)
        folder.chmod(0o755)
    prepare_sockets(paths, enclave, catalogue)


def prepare_sockets(paths: HostPaths, enclave: Enclave, catalogue: Catalogue) -> None:
    """Make the socket folders of ``enclave``, which do not survive a boot."""
    paths.run.mkdir(parents=True, exist_ok=True)
    paths.run.chmod(0o711)
    (paths.run / enclave.name).mkdir(exist_ok=True)
    (paths.run / enclave.name).chmod(0o711)
    _owned_folder(paths.sockets(enclave.name, "gateway"), enclave.uids + GATEWAY_UID)
    _owned_folder(paths.sockets(enclave.name, "record"), 0, 0o711)
    for service in manifests(enclave, catalogue):
        _owned_folder(paths.records(enclave.name, service.name), enclave.uids + service.uid)
    _owned_folder(paths.sockets(enclave.name, "postgresql"), enclave.uids + DATABASE_UID, 0o755)


def _gateway_secrets(paths: HostPaths, enclave: Enclave, own: Path, ca: bytes) -> None:
    uid = enclave.uids + GATEWAY_UID
    folder = paths.secrets(enclave.name, "gateway")
    _owned_folder(folder, uid)
    for name in ("gateway.pem", "gateway.key"):
        _owned_file(folder / name, _required(own / name), uid)
    _owned_file(folder / "ca.pem", ca, uid)


def _forget_old_key(paths: HostPaths, enclave: Enclave, service: str) -> None:
    """Versions to 0.1.0 gave a service the key that sealed its own contexts; they make another if returned to."""
    for folder in (paths.secrets(enclave.name, service), paths.secrets(enclave.name, f"{service}{MIGRATE}")):
        (folder / "context.key").unlink(missing_ok=True)
    (paths.root / "secrets" / f"{enclave.name}.{service}.context.key").unlink(missing_ok=True)


def _database_places(paths: HostPaths, enclave: Enclave, service: str, key: bytes) -> None:
    _owned_folder(paths.volume(enclave.name, "database"), enclave.uids + DATABASE_UID)
    uid = enclave.uids + MIGRATE_UID
    folder = paths.secrets(enclave.name, f"{service}{MIGRATE}")
    _owned_folder(folder, uid)
    _owned_file(folder / "admission.key", key, uid)
    before = rotation.previous(paths) / paths.admission_key(enclave.name, service).name
    if before.exists():
        _owned_file(folder / "admission.previous", before.read_bytes(), uid)
    else:
        (folder / "admission.previous").unlink(missing_ok=True)


def place_models(paths: HostPaths, site: Site, models: Mapping[str, str], folder: Path) -> bool:
    """Give each enclave a copy of the model files it names; True when one was placed.

    Copies, not links: two enclaves that share a file can signal to each other through its locks.

    Args:
        paths: where.
        site: the signed site.
        models: SHA-256 of each model of the bundle, by name.
        folder: where the verified bundle has them.
    """
    changed = False
    for enclave in site.enclaves:
        for model in enclave.models:
            target = paths.volume(enclave.name, "models") / f"{model}.gguf"
            if target.is_file() and _digest(target) == models[model]:
                continue
            temporary = target.with_suffix(".part")
            shutil.copyfile(folder / target.name, temporary)
            temporary.chmod(0o444)
            sync(temporary)
            temporary.rename(target)
            sync(target.parent)
            changed = True
    return changed


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def log_key(paths: HostPaths) -> Path:
    """File of the log's signing key."""
    return paths.root / "secrets" / "log.key"


def make_log(paths: HostPaths, site: Site) -> None:
    """Make the log unless there is one."""
    if not (paths.root / "log" / "log.vkey").exists():
        Log.create(paths.root / "log", log_key(paths), ended_logs.origin(paths, site.site))


def prepare_log(paths: HostPaths, site: Site, catalogue: Catalogue) -> None:
    """Make the log readable by the one service of the system-high enclave that mounts it."""
    folder, enclave = paths.root / "log", site.system_high
    readers = [service for service in manifests(enclave, catalogue) if "log" in service.mounts]
    group = enclave.uids + readers[0].uid if readers else 0
    for path in (folder, *folder.rglob("*")):
        os.chown(path, 0, group)
        # Folders hand their group on, so that what the writer adds stays readable.
        path.chmod(0o2750 if path.is_dir() else 0o640)
