"""A private apt that knows the Debian archives of this machine and none of its installed packages."""

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from appliance.bundle.inputs.process import run
from appliance.errors import ApplianceError

CODENAME = "bookworm"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
_URI_LINE = re.compile(r"^'(?P<uri>[^']+)' (?P<file>\S+) (?P<size>\d+) SHA256:(?P<sha256>[0-9a-f]{64})$")


@dataclass(frozen=True)
class Candidate:
    """A package that apt would install."""

    name: str
    version: str
    architecture: str
    size: int
    sha256: str


class Apt:
    """apt with its own state below ``folder``; the machine's sources of Debian itself are the only ones it uses.

    Args:
        folder: where lists and caches are kept; made when missing.
        sources: one-line sources to use instead.
    """

    def __init__(self, folder: Path, sources: list[str] | None = None) -> None:
        self.folder = folder
        self._sources = sources
        self._options: list[str] = []

    def update(self) -> None:
        """Fetch the package indexes of Debian.

        Raises:
            ApplianceError: the machine has no source of Debian bookworm or its archive does not answer.
        """
        for name in ("lists/partial", "cache/archives/partial", "parts"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        (self.folder / "status").write_text("")
        (self.folder / "sources.list").write_text("\n".join(self._sources or debian_sources()) + "\n")
        settings = {
            "Dir::State": self.folder,
            "Dir::State::status": self.folder / "status",
            "Dir::State::lists": self.folder / "lists",
            "Dir::Cache": self.folder / "cache",
            "Dir::Etc::sourcelist": self.folder / "sources.list",
            "Dir::Etc::sourceparts": self.folder / "parts",
            "Dir::Etc::preferences": "/dev/null",
            "Dir::Etc::preferencesparts": self.folder / "parts",
            "APT::Sandbox::User": "root",
            "APT::Architecture": "amd64",
            "Acquire::ForceHash": "SHA256",
            "Acquire::Languages": "none",
            "Acquire::Retries": "3",
        }
        self._options = [f"-o{key}={value}" for key, value in settings.items()]
        run(
            ["apt-get", *self._options, "-qq", "update"],
            purpose="fetching Debian's package indexes",
            remedy="check this build host's connection to its Debian archive with `apt-get update`",
        )

    def closure(self, packages: list[str]) -> list[Candidate]:
        """What an empty system needs to hold ``packages`` (names or apt patterns), without recommendations."""
        command = [
            "apt-get",
            *self._options,
            "install",
            "--print-uris",
            "-qq",
            "-y",
            "--no-install-recommends",
            *packages,
        ]
        output = run(command, purpose=f"resolving {' '.join(packages[-6:])}")
        return sorted(filter(None, map(_candidate, output.splitlines())), key=lambda candidate: candidate.name)

    def versions(self, packages: list[str]) -> set[tuple[str, str]]:
        """The (name, version) pairs of ``packages`` that the archive offers now."""
        output = run(["apt-cache", *self._options, "madison", *packages], purpose="asking for available versions")
        fields = (line.split("|") for line in output.splitlines())
        return {(name.strip(), version.strip()) for name, version, *_ in fields}

    def download(self, packages: list[tuple[str, str]], folder: Path) -> None:
        """Fetch the given (name, version) pairs into ``folder``."""
        names = [f"{name}={version}" for name, version in packages]
        run(
            ["apt-get", *self._options, "-qq", "download", *names], purpose="downloading Debian packages", folder=folder
        )


def debian_sources() -> list[str]:
    """One-line sources of the Debian archives that this machine uses."""
    sources = _known_sources()
    if not sources:
        run(["apt-get", "-qq", "update"], purpose="fetching this machine's package indexes")
        sources = _known_sources()
    if not sources:
        raise ApplianceError(
            f"this machine's apt knows no archive of Debian {CODENAME}",
            rule="images are made from Debian packages",
            remedy="build on a Debian 12 host whose apt sources work",
        )
    return sources


def _known_sources() -> list[str]:
    fields = "$(ORIGIN)\t$(CODENAME)\t$(SITE)\t$(RELEASE)\t$(COMPONENT)"
    command = ["apt-get", "indextargets", "--format", fields, "Created-By: Packages"]
    sources = []
    for line in run(command, purpose="reading this machine's package sources").splitlines():
        origin, codename, site, release, component = line.split("\t")
        if origin == "Debian" and codename.split("-")[0] == CODENAME and component == "main":
            sources.append(f"deb [signed-by={KEYRING}] {site} {release} {component}")
    return sorted(set(sources))


def _candidate(line: str) -> Candidate | None:
    match = _URI_LINE.match(line)
    if match is None:
        return None
    name, version, architecture = match["file"].removesuffix(".deb").split("_")
    return Candidate(name, unquote(version), architecture, int(match["size"]), match["sha256"])
