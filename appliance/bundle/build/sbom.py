"""The software bill of materials of an image: CycloneDX 1.6, the same bytes for the same image."""

import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import DisjunctiveLicense, License
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from appliance import __version__
from appliance.bundle.build.licences import licences
from appliance.bundle.build.oci import CLASSIFICATION, Image
from appliance.bundle.inputs.collect import Artifact

_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:mls-appliance:sbom")


def make_sbom(
    image: Image,
    artifacts: list[Artifact],
    marking: str,
    trees: list[Path],
    epoch: int,
    *,
    upstreams: Mapping[str, str],
) -> dict[str, Any]:
    """Describe what an image holds.

    Args:
        image: the image that the document is about.
        artifacts: every package in it, its parents' included.
        marking: classification of the document.
        trees: the file systems of its layers, for the packages' licence notices.
        epoch: time of the document, in seconds.
        upstreams: name of a Debian package to ``source@version``, because advisories speak of source packages.
    """
    subject = Component(
        type=ComponentType.CONTAINER,
        name=image.name,
        version=__version__,
        bom_ref=image.name,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=image.manifest.digest)],
    )
    metadata = BomMetaData(
        component=subject,
        timestamp=datetime.fromtimestamp(epoch, UTC),
        properties=[Property(name=CLASSIFICATION, value=marking)],
    )
    components = [_component(artifact, trees, upstreams) for artifact in artifacts]
    serial = uuid.uuid5(_NAMESPACE, image.manifest.digest)
    bom = Bom(serial_number=serial, metadata=metadata, components=components)
    bom.register_dependency(subject, components)
    document: dict[str, Any] = json.loads(JsonV1Dot6(bom).output_as_string())
    return document


def _component(artifact: Artifact, trees: list[Path], upstreams: Mapping[str, str]) -> Component:
    purl = PackageURL.from_string(artifact.purl)
    if artifact.kind == "deb" and artifact.name in upstreams:
        qualifiers = {**purl.qualifiers, "upstream": upstreams[artifact.name]}
        purl = purl._replace(qualifiers=qualifiers)
    return Component(
        type=ComponentType.LIBRARY,
        name=artifact.name,
        version=artifact.version,
        bom_ref=artifact.purl,
        purl=purl,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=artifact.sha256)],
        licenses=_licences(licences(artifact, trees)),
    )


def _licences(names: list[str]) -> list[License]:
    """One SPDX expression, or a list of names: CycloneDX allows no mixture."""
    factory = LicenseFactory()
    if len(names) == 1:
        return [factory.make_from_string(names[0])]
    return [DisjunctiveLicense(name=name) for name in names]
