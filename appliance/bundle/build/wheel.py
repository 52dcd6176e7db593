"""Build this project's own wheels, the same bytes each time."""

import sys
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from appliance import __version__
from appliance.bundle.build.cache import key_of
from appliance.bundle.build.image import tree_digest
from appliance.bundle.inputs.collect import Artifact, sha256_of
from appliance.bundle.inputs.process import run


@dataclass(frozen=True)
class Project:
    """A wheel of this project.

    Attributes:
        name: of the package.
        folder: where its `pyproject.toml` is, below the checkout.
        parts: files and folders below the checkout that it is made of.
    """

    name: str
    folder: str
    parts: tuple[str, ...]

    @property
    def pattern(self) -> str:
        """Names of its wheel's file."""
        return f"{self.name.replace('-', '_')}-*.whl"


APPLIANCE = Project(
    "mls-appliance",
    ".",
    (
        "LICENSE",
        "appliance",
        "policies/certification.yml",
        "policies/containers",
        "policies/markings",
        "pyproject.toml",
    ),
)
WORKBENCH = Project("mls-workbench", "workbench", ("LICENSE", "policies/suites", "workbench"))
PROJECTS = (APPLIANCE, WORKBENCH)


def build_wheel(project: Project, source: Path, folder: Path, epoch: int) -> Artifact:
    """Build a wheel of the checkout ``source``, or find it in ``folder`` when the checkout did not change.

    Args:
        project: which wheel.
        source: the checkout.
        folder: where wheels are kept by the digest of what they are made of.
        epoch: time that every file in the wheel carries, in seconds.
    """
    parts = {part: tree_digest(source / part) for part in project.parts}
    home = folder / key_of(project=project.name, parts=parts, epoch=epoch, hatchling=version("hatchling"))
    if not home.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".wheel-", dir=folder) as name:
            arriving = Path(name, "wheel")
            run(
                [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", arriving],
                purpose=f"building the wheel {project.name}",
                folder=source / project.folder,
                environment={"SOURCE_DATE_EPOCH": str(epoch)},
            )
            arriving.rename(home)
    (target,) = home.glob(project.pattern)
    return Artifact("wheel", project.name, __version__, target, sha256_of(target))
