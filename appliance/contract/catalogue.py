"""The catalogue: the manifests of all services of a bundle, in one signed file."""

import hashlib
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from appliance.contract.manifest import CONNECTIONS, Manifest
from appliance.errors import ApplianceError, first_finding
from appliance.trust import canonical

MANIFEST = "service.yml"
TARGET = "policies/catalogue.json"
"""Path of the compiled catalogue among a bundle's targets."""

RULE = "a service is described by one manifest, images/<name>/service.yml (docs/services.md)"


class Catalogue(BaseModel):
    """All services, in the order of their slots.

    Attributes:
        services: their manifests.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    services: tuple[Manifest, ...] = ()

    @model_validator(mode="after")
    def _share_nothing(self) -> "Catalogue":
        for field in ("name", "uid", "slot"):
            seen: dict[Any, str] = {}
            for manifest in self.services:
                value = getattr(manifest, field)
                if value in seen:
                    raise ValueError(f"{seen[value]} and {manifest.name} have the same {field}, {value}")
                seen[value] = manifest.name
        if len([manifest for manifest in self.services if manifest.engine]) > 1:
            raise ValueError("two services are engines: certificates name the image of one")
        wanted = {manifest.name: manifest.database.connections for manifest in self.services if manifest.database}
        if sum(wanted.values()) > CONNECTIONS:
            each = ", ".join(f"{name} {connections}" for name, connections in wanted.items())
            raise ValueError(f"database.connections: {each}: together more than {CONNECTIONS}")
        return self

    @cached_property
    def _by_name(self) -> dict[str, Manifest]:
        return {manifest.name: manifest for manifest in self.services}

    def __iter__(self) -> Iterator[Manifest]:  # type: ignore[override]  # pydantic iterates over fields
        """The manifests, in the order of their slots."""
        return iter(self.services)

    def __contains__(self, name: str) -> bool:
        """Whether there is a service ``name``."""
        return name in self._by_name

    def __getitem__(self, name: str) -> Manifest:
        """The manifest of the service ``name``.

        Raises:
            ApplianceError: there is none.
        """
        if name not in self._by_name:
            raise ApplianceError(
                f"no service is called {name!r}",
                rule="the bundle's catalogue lists the services that there are",
                remedy=f"one of {', '.join(self._by_name) or 'none: this bundle has no service'}",
            )
        return self._by_name[name]

    @property
    def engine(self) -> Manifest | None:
        """The service that serves models, if there is one."""
        return next((manifest for manifest in self.services if manifest.engine), None)

    def recorders(self, activity: str) -> list[str]:
        """The services that may record ``activity``."""
        return [manifest.name for manifest in self.services if activity in manifest.activities]

    def encode(self) -> bytes:
        """The catalogue as it is signed: canonical JSON (RFC 8785)."""
        return canonical.encode(self.model_dump(mode="json"))

    @property
    def digest(self) -> str:
        """SHA-256 of the signed bytes, hexadecimal."""
        return hashlib.sha256(self.encode()).hexdigest()


def compile_catalogue(images: Path) -> Catalogue:
    """The catalogue of all manifests below ``images``.

    Raises:
        ApplianceError: a manifest is wrong, or two of them claim the same; names the file and the field.
    """
    manifests = []
    for file in sorted(images.glob(f"*/{MANIFEST}")):
        data = canonical.decode_yaml(file.read_text(), str(file))
        try:
            manifest = Manifest.model_validate(data)
        except ValidationError as error:
            raise ApplianceError(f"{file}: {first_finding(error)}", rule=RULE) from error
        if manifest.name != file.parent.name:
            raise ApplianceError(f"{file}: names the service {manifest.name!r}, its folder another", rule=RULE)
        manifests.append(manifest)
    ordered = sorted(manifests, key=lambda manifest: manifest.slot)
    try:
        return Catalogue(services=tuple(ordered))
    except ValidationError as error:
        raise ApplianceError(f"{images}: {first_finding(error)}", rule=RULE) from error


def read_catalogue(data: bytes, where: str) -> Catalogue:
    """A catalogue whose bytes were proven before.

    Raises:
        ApplianceError: it is none.
    """
    try:
        return Catalogue.model_validate(canonical.decode(data, where))
    except ValidationError as error:
        raise ApplianceError(f"{where}: {first_finding(error)}", rule=RULE) from error


def no_catalogue(bundle: Path) -> ApplianceError:
    """The refusal of a bundle that does not say which services it offers."""
    return ApplianceError(
        f"{bundle}: carries no {TARGET}",
        rule="a bundle says which services it offers",
        remedy="build it again with `appliance bundle build`",
    )
