"""Fetch locked inputs into a store of files, each checked against its lock before anything uses it."""

import base64
import hashlib
import json
import re
import shutil
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal
from urllib.parse import quote

from appliance.bundle.inputs.apt import Apt
from appliance.bundle.inputs.lock import SourcesLock
from appliance.bundle.inputs.process import run
from appliance.errors import ApplianceError

_REQUIREMENT = re.compile(r"^(?P<name>[a-z0-9][a-z0-9._-]*)(?:\[[^]]*])?==(?P<version>[^\s;\\]+)", re.IGNORECASE)
_HASH = re.compile(r"--hash=sha256:(?P<sha256>[0-9a-f]{64})")


@dataclass(frozen=True)
class Artifact:
    """An input file at rest and the ``sha256`` that it must have."""

    kind: Literal["deb", "wheel", "npm"]
    name: str
    version: str
    path: Path
    sha256: str
    architecture: str = ""

    @property
    def purl(self) -> str:
        """Its package URL (https://github.com/package-url/purl-spec)."""
        version = quote(self.version, safe=".-~+")
        if self.kind == "deb":
            return f"pkg:deb/debian/{quote(self.name)}@{version}?arch={self.architecture}&distro=bookworm"
        if self.kind == "wheel":
            return f"pkg:pypi/{self.name.lower().replace('_', '-')}@{version}"
        return f"pkg:npm/{quote(self.name, safe='/')}@{version}"


@dataclass(frozen=True)
class Requirement:
    """A pinned Python package and the digests that its files may have."""

    name: str
    version: str
    hashes: frozenset[str]


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Store:
    """The inputs of all builds: `debs/`, `wheels/` and `npm/` below ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.debs = folder / "debs"
        self.wheels = folder / "wheels"
        self.npm = folder / "npm"
        for path in (self.debs, self.wheels, self.npm):
            path.mkdir(parents=True, exist_ok=True)

    def deb_path(self, name: str, lock: SourcesLock) -> Path:
        """Where the locked Debian package ``name`` is or will be; apt's own file name."""
        package = lock.debian[name]
        return self.debs / f"{name}_{package.version.replace(':', '%3a')}_{package.architecture}.deb"

    def missing_debs(self, lock: SourcesLock) -> list[str]:
        """Locked Debian packages that are not in the store."""
        return [name for name in lock.debian if not self.deb_path(name, lock).exists()]

    def deb_artifacts(self, names: list[str], lock: SourcesLock) -> list[Artifact]:
        """The Debian packages ``names`` with their locked digests; :func:`stage` proves their bytes before use."""
        return [
            Artifact(
                "deb",
                name,
                lock.debian[name].version,
                self.deb_path(name, lock),
                lock.debian[name].sha256,
                lock.debian[name].architecture,
            )
            for name in names
        ]


def stage(artifacts: list[Artifact], folder: Path) -> None:
    """Copy ``artifacts`` into ``folder`` and prove the copies, so that what is used is what was checked.

    Raises:
        ApplianceError: a file differs from its lock.
    """

    def bring(artifact: Artifact) -> None:
        copy = folder / artifact.path.name
        shutil.copyfile(artifact.path, copy)
        _prove(copy, artifact.sha256, f"delete {artifact.path} and build again")

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(bring, artifacts))


def collect_debs(store: Store, lock: SourcesLock, apt: Apt, relock: Callable[[], SourcesLock]) -> SourcesLock:
    """Download what is missing of ``lock``; when the archive has dropped a version, lock again and say so.

    Args:
        store: where packages are kept.
        lock: the lock in use.
        apt: an apt, updated here when something is missing.
        relock: makes a new lock from what the archive offers now.

    Returns:
        The lock whose packages are all in the store: the given one, or a new one.
    """
    missing = store.missing_debs(lock)
    if not missing:
        return lock
    apt.update()
    if {(name, lock.debian[name].version) for name in missing} - apt.versions(missing):
        lock = relock()
        missing = store.missing_debs(lock)
    with TemporaryDirectory(dir=store.folder) as arriving:
        if missing:
            apt.download([(name, lock.debian[name].version) for name in missing], Path(arriving))
        for name in missing:
            target = store.deb_path(name, lock)
            _prove(Path(arriving) / target.name, lock.debian[name].sha256, "ask the archive's keeper")
            (Path(arriving) / target.name).rename(target)
    return lock


def _prove(path: Path, sha256: str, remedy: str) -> None:
    digest = sha256_of(path)
    if digest != sha256:
        raise ApplianceError(
            f"{path.name} has SHA-256 {digest}, the lock says {sha256}",
            rule="images/sources.lock pins every Debian package",
            remedy=remedy,
        )


def read_requirements(path: Path) -> list[Requirement]:
    """The entries of a hashed `requirements.lock`.

    Raises:
        ApplianceError: an entry has no version or no hash.
    """
    requirements = []
    text = "\n".join(line for line in path.read_text().splitlines() if not line.lstrip().startswith("#"))
    for entry in text.replace("\\\n", " ").splitlines():
        if not entry.strip():
            continue
        match, hashes = _REQUIREMENT.match(entry), frozenset(_HASH.findall(entry))
        if match is None or not hashes:
            raise ApplianceError(
                f"{path}: {entry.split()[0]} has no pinned version or no hash", remedy="run `make lock`"
            )
        requirements.append(Requirement(match["name"], match["version"], hashes))
    return requirements


def collect_wheels(store: Store, lock: Path) -> list[Artifact]:
    """The wheels of a `requirements.lock`, downloaded when the store lacks them; source distributions are refused."""
    requirements = read_requirements(lock)
    if _missing_wheels(store, requirements):
        options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:", "--require-hashes"]
        command = [sys.executable, "-m", "pip", "download", *options, "--dest", str(store.wheels), "-r", str(lock)]
        run(command, purpose=f"downloading the wheels of {lock}", environment={"PIP_NO_INPUT": "1"})
    if missing := _missing_wheels(store, requirements):
        raise ApplianceError(f"{lock}: no wheel of {', '.join(missing)} arrived with a locked digest")
    digests = _wheel_digests(store)
    return [
        Artifact("wheel", requirement.name, requirement.version, store.wheels / file, digest)
        for requirement in requirements
        for file, digest in sorted(digests.items())
        if digest in requirement.hashes
    ]


def _missing_wheels(store: Store, requirements: list[Requirement]) -> list[str]:
    present = set(_wheel_digests(store).values())
    return [requirement.name for requirement in requirements if not requirement.hashes & present]


def _wheel_digests(store: Store) -> dict[str, str]:
    """Digest of every wheel of the store; files seen before with equal size and time are not read again."""
    memory = store.folder / "wheels.json"
    known = json.loads(memory.read_text()) if memory.exists() else {}
    current = {}
    for path in store.wheels.glob("*.whl"):
        status = path.stat()
        stamp = f"{path.name} {status.st_size} {status.st_mtime_ns} {status.st_ino}"
        current[stamp] = known.get(stamp) or sha256_of(path)
    if current != known:
        memory.write_text(json.dumps(current))
    return {stamp.split(" ")[0]: digest for stamp, digest in current.items()}


def collect_npm(store: Store, lock: SourcesLock, names: list[str]) -> list[Artifact]:
    """The tarballs of the npm packages ``names``, compared with the integrity that the lock names.

    Raises:
        ApplianceError: a tarball differs from the lock.
    """
    artifacts = []
    for name in names:
        package = lock.npm[name]
        path = store.npm / f"{name.lstrip('@').replace('/', '-')}-{package.version}.tgz"
        if not path.exists():
            command: list[str | Path] = [
                "npm",
                "pack",
                "--silent",
                f"{name}@{package.version}",
                "--pack-destination",
                store.npm,
            ]
            run(command, purpose=f"downloading npm package {name}", folder=store.npm)
        content = path.read_bytes()
        integrity = "sha512-" + base64.b64encode(hashlib.sha512(content).digest()).decode()
        if integrity != package.integrity:
            raise ApplianceError(
                f"{path.name} has {integrity}, the lock says {package.integrity}",
                rule="images/sources.lock pins every npm package",
                remedy=f"delete {path} and build again",
            )
        artifacts.append(Artifact("npm", name, package.version, path, hashlib.sha256(content).hexdigest()))
    return artifacts
