"""Where a host keeps what belongs to an enclave."""

from dataclasses import dataclass
from pathlib import Path

from appliance.contract.catalogue import Catalogue, read_catalogue
from appliance.errors import ApplianceError

PUBLISHED = "published"
CATALOGUE = "catalogue.json"
"""Name of the catalogue in a generation's folder."""


@dataclass(frozen=True)
class HostPaths:
    """Where a host keeps what belongs to an enclave.

    Attributes:
        root: state of the appliance, normally ``/var/lib/appliance``.
        run: sockets, normally ``/run/appliance``.
    """

    root: Path
    run: Path

    def volume(self, enclave: str, service: str) -> Path:
        """The directory that is a service's own volume."""
        return self.root / "enclaves" / enclave / service

    def secrets(self, enclave: str, service: str) -> Path:
        """Keys of one service."""
        return self.root / "secrets" / enclave / service

    @property
    def signing_key(self) -> Path:
        """The monitor's own key, with which it signs contexts: 32 raw bytes (Ed25519)."""
        return self.root / "secrets" / "contexts.key"

    @property
    def context_keys(self) -> Path:
        """The public keys by which contexts are known: the monitor's, and while it is replaced the one before."""
        return self.root / "secrets" / "contexts.accepted"

    def admission_key(self, enclave: str, service: str) -> Path:
        """The key that the monitor shares with the database of a service, and with no service: 32 raw bytes."""
        return self.root / "secrets" / f"{enclave}.{service}.admission.key"

    def digest_key(self, enclave: str) -> Path:
        """The key under which the log has digests of what could be guessed: 32 raw bytes, of the monitor alone."""
        return self.root / "secrets" / f"{enclave}.digest.key"

    def settings(self, enclave: str) -> Path:
        """Rendered files of one enclave in the current generation."""
        return self.root / "current" / "enclaves" / enclave

    @property
    def software(self) -> Path:
        """The Python environment of the current generation."""
        return self.root / "venv"

    @property
    def registries(self) -> Path:
        """The subjects and access policies that were accepted; ``current`` in it is the one in force."""
        return self.root / "registries"

    @property
    def certificates(self) -> Path:
        """Certificates of the site that runs."""
        return self.root / "current" / "site" / "certificates"

    @property
    def catalogue(self) -> Path:
        """The catalogue of the services of the current generation."""
        return self.root / "current" / CATALOGUE

    def published(self, enclave: str) -> Path:
        """What the services of an enclave published for readers at higher levels, one folder each; the host's own."""
        return self.root / "enclaves" / enclave / PUBLISHED

    def records(self, enclave: str, service: str) -> Path:
        """Directory of the one socket at which a service reaches the monitor."""
        return self.sockets(enclave, "record") / service

    def sockets(self, enclave: str, kind: str) -> Path:
        """Directory of one kind of socket: ``gateway``, ``record`` or ``postgresql``."""
        return self.run / enclave / kind


def installed_catalogue(paths: HostPaths) -> Catalogue:
    """The catalogue of the current generation.

    Raises:
        ApplianceError: nothing is installed, or the file is none.
    """
    try:
        return read_catalogue(paths.catalogue.read_bytes(), str(paths.catalogue))
    except FileNotFoundError as error:
        if paths.catalogue.parent.is_dir():
            raise ApplianceError(
                f"{paths.catalogue.parent.resolve()}: made by an earlier release, whose services have no catalogue",
                rule="a generation is looked at and changed by the software of its own release",
                remedy="use that release's own command, or install a bundle of this one",
            ) from error
        raise ApplianceError(f"nothing is installed in {paths.root}", remedy="appliance host install --help") from error
