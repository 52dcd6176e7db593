"""What the installed bundle's own advisory feed says of what runs here."""

from datetime import UTC, datetime

from appliance.bundle.advisories.findings import Assessment, assess
from appliance.enclave.paths import HostPaths
from appliance.host.state import generation
from appliance.host.state.generation import Facts
from appliance.trust.repository.client import read_repository


def installed_vulnerabilities(paths: HostPaths) -> Assessment:
    """Match the bundle of the current generation with the feed that it carries.

    Raises:
        ApplianceError: a file in it is not what was signed.
    """
    now = generation.current(paths)
    if now is None:
        return Assessment(unknown="no bundle is installed")
    facts = Facts.of(now)
    bundle = paths.root / "bundle" / facts.bundle
    repository = read_repository(bundle / "metadata", facts.root_fingerprint, now=datetime.fromtimestamp(0, UTC))
    return assess(bundle, repository.targets)
