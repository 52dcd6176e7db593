"""Build this project's own wheel, the same bytes each time."""

import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from appliance import __version__
from appliance.bundle.build.cache import key_of
from appliance.bundle.build.image import tree_digest
from appliance.bundle.inputs.collect import Artifact, sha256_of
from appliance.bundle.inputs.process import run

_PARTS = (
    "LICENSE",
    "appliance",
    "policies/certification.yml",
    "policies/containers",
    "policies/markings",
    "policies/suites",
    "pyproject.toml",
    "workbench",
)


def build_appliance_wheel(source: Path, folder: Path, epoch: int) -> Artifact:
    """Build the wheel of the checkout ``source``, or find it in ``folder`` when the checkout did not change.

    Args:
        source: the checkout.
        folder: where wheels are kept by the digest of what they are made of.
        epoch: time that every file in the wheel carries, in seconds.
    """
    parts = {part: tree_digest(source / part) for part in _PARTS}
    home = folder / key_of(parts=parts, epoch=epoch, hatchling=version("hatchling"))
    if not home.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".wheel-", dir=folder) as name:
            arriving = Path(name, "wheel")
            run(
                [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", arriving],
                purpose="building the appliance's wheel",
                folder=source,
                environment={"SOURCE_DATE_EPOCH": str(epoch)},
            )
            arriving.rename(home)
    (target,) = home.glob("*.whl")
    return Artifact("wheel", "mls-appliance", __version__, target, sha256_of(target))
