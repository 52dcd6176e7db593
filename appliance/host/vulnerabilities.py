"""What the installed bundle's own advisory feed says of what runs here."""

from datetime import UTC, datetime

from appliance.bundle.base import held_bundles
from appliance.bundle.findings import Assessment, assess
from appliance.enclave.render import HostPaths
from appliance.trust.client import read_repository
from appliance.trust.files import read_limited
from appliance.trust.fingerprint import fingerprint
from appliance.trust.metadata import LIMITS


def installed_vulnerabilities(paths: HostPaths) -> Assessment:
    """Match the bundle that was staged last, whose root is the one that this host trusts.

    Raises:
        ApplianceError: a file in it is not what was signed.
    """
    root = paths.root / "trusted" / "tuf" / "1.root.json"
    folders = held_bundles(paths.root / "bundle")
    if not folders or not root.is_file():
        return Assessment(unknown="no bundle is installed")
    trusted = fingerprint(read_limited(root, LIMITS["root"]))
    repository = read_repository(folders[0] / "metadata", trusted, now=datetime.fromtimestamp(0, UTC))
    return assess(folders[0], repository.targets)
