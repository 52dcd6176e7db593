"""Build this project's own wheel, the same bytes each time."""

import shutil
import sys
import tempfile
from pathlib import Path

from appliance import __version__
from appliance.bundle.collect import Artifact, sha256_of
from appliance.bundle.process import run


def build_appliance_wheel(source: Path, folder: Path, epoch: int) -> Artifact:
    """Build the wheel of the checkout ``source`` into ``folder``; its files carry the time ``epoch`` (seconds)."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".wheel-", dir=folder) as name:
        run(
            [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", name],
            purpose="building the appliance's wheel",
            folder=source,
            environment={"SOURCE_DATE_EPOCH": str(epoch)},
        )
        (built,) = Path(name).glob("*.whl")
        target = folder / built.name
        shutil.move(built, target)
    return Artifact("wheel", "mls-appliance", __version__, target, sha256_of(target))
