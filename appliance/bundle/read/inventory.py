"""The inventory of a host: SHA-256 of the files of earlier bundles that it holds, for a builder without a record.

It tells nothing else of the host. Officers approve it with their signatures before it leaves, as they sign the site's
statements.
"""

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from appliance.bundle.read.delta import Earlier, Edition, earlier_bundle
from appliance.errors import ApplianceError, first_finding
from appliance.trust import dsse
from appliance.trust.files import read_limited
from appliance.trust.officers import MAXIMUM_SIZE, payload_type
from appliance.trust.repository.schema import Digest

KIND = "inventory"


class Inventory(BaseModel):
    """What a host holds.

    Attributes:
        type: always ``inventory``.
        bundles: the bundles that were installed, by root and version.
        sha256: digests of their files, sorted.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    type: Literal["inventory"] = Field(default="inventory", alias="_type")
    bundles: list[Edition] = Field(min_length=1, max_length=100)
    sha256: list[Digest]


def parse_inventory(value: Any, name: str) -> Inventory:
    """Read an inventory.

    Raises:
        ApplianceError: not in its form; names the field.
    """
    try:
        return Inventory.model_validate(value)
    except ValidationError as error:
        raise ApplianceError(
            f"{name}: {first_finding(error)}", remedy="have the host write it again: appliance host inventory"
        ) from error


def earlier_of(path: Path, root_fingerprint: str) -> Earlier:
    """What a receiver has, by the earlier bundle in the folder ``path`` or by the inventory in the file ``path``.

    Raises:
        ApplianceError: neither one nor the other, or the bundle's metadata does not prove itself.
    """
    return earlier_inventory(path) if path.is_file() else earlier_bundle(path, root_fingerprint)


def earlier_inventory(path: Path) -> Earlier:
    """What the host has that released the inventory ``path``.

    Its officers' signatures were verified by the host. The builder needs none: a delta made for a wrong inventory is
    refused by the host that it does not fit.

    Raises:
        ApplianceError: unreadable, or not an inventory.
    """
    kind, value = dsse.payload_of(read_limited(path, MAXIMUM_SIZE), str(path))
    if kind != payload_type(KIND):
        raise ApplianceError(
            f"{path}: a statement of type {kind!r}, not an inventory", remedy="see appliance host inventory"
        )
    inventory = parse_inventory(value, str(path))
    return Earlier(inventory.bundles, frozenset(inventory.sha256))
