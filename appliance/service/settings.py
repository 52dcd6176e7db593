"""What a service knows about where it runs."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from appliance.errors import ApplianceError, first_finding
from appliance.markings.vocabulary import STRICT, Vocabulary, chosen

Own = TypeVar("Own", bound=BaseModel)


@dataclass(frozen=True)
class Paths:
    """The places in a container that `docs/architecture.md` names; tests move them with environment variables.

    Attributes:
        settings: the service's settings, ``APPLIANCE_SERVICE_FILE``.
        secrets: folder of keys and certificates, ``APPLIANCE_SECRETS``.
        record_socket: the monitor's socket for records and grants, ``APPLIANCE_RECORD_SOCKET``.
        state: the service's own volume, ``APPLIANCE_STATE``.
        models: the enclave's models, ``APPLIANCE_MODELS``.
        database: folder of PostgreSQL's socket, ``APPLIANCE_DATABASE``.
        static: vendored browser files of the image, ``APPLIANCE_STATIC``.
    """

    settings: Path = Path("/run/appliance/service.json")
    secrets: Path = Path("/run/secrets")
    record_socket: Path = Path("/run/monitor/record.sock")
    state: Path = Path("/var/lib/appliance")
    models: Path = Path("/models")
    database: Path = Path("/run/postgresql")
    static: Path = Path("/opt/appliance/static")

    @classmethod
    def from_environment(cls) -> Self:
        """The container's places, unless the environment names others."""
        names = {
            "settings": "APPLIANCE_SERVICE_FILE",
            "secrets": "APPLIANCE_SECRETS",
            "record_socket": "APPLIANCE_RECORD_SOCKET",
            "state": "APPLIANCE_STATE",
            "models": "APPLIANCE_MODELS",
            "database": "APPLIANCE_DATABASE",
            "static": "APPLIANCE_STATIC",
        }
        return cls(**{field: Path(os.environ[name]) for field, name in names.items() if name in os.environ})


class ServiceSettings(BaseModel):
    """``/run/appliance/service.json``.

    Attributes:
        enclave: name of the enclave.
        service: name of this service, the first segment of every path it answers.
        label: encoded label of the enclave.
        marking: canonical banner text of that label.
        hostname: host name of the enclave's origin.
        gateway: base URL for calls through the enclave's gateway.
        profile: whose rules count where manuals on markings disagree, as the site's officers chose.
        peers: addresses of the enclave's other services by name.
        settings: what this service alone understands.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    enclave: str
    service: str
    label: str
    marking: str
    hostname: str
    profile: str = STRICT
    gateway: str = "https://gateway.internal"
    peers: dict[str, str] = {}
    settings: dict[str, Any] = {}

    @property
    def vocabulary(self) -> Vocabulary:
        """The words and rules by which this site reads markings."""
        return chosen(self.profile)

    def own(self, kind: type[Own], path: Path) -> Own:
        """What this service alone understands, as its own model.

        Args:
            kind: the service's model of ``settings``.
            path: the file, for the error.

        Raises:
            ApplianceError: a setting is wrong; the message names it.
        """
        try:
            return kind.model_validate(self.settings)
        except ValidationError as error:
            raise ApplianceError(f"{path}: settings.{first_finding(error)}") from error

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read the settings.

        Raises:
            ApplianceError: the file is missing or not valid; the message names the first field that is wrong.
        """
        try:
            return cls.model_validate_json(path.read_bytes())
        except OSError as error:
            raise ApplianceError(
                f"{path}: cannot be read: {error.strerror}", remedy="the enclave's compose file mounts it"
            ) from error
        except ValidationError as error:
            raise ApplianceError(
                f"{path}: {first_finding(error)}", rule="docs/architecture.md, In a container"
            ) from error
