"""Read which licences a package names, from the files that Debian, Python and npm packages carry."""

import json
import re
import tarfile
from email.parser import HeaderParser
from pathlib import Path

from appliance.bundle.build.image import SITE_PACKAGES
from appliance.bundle.inputs.collect import Artifact

_DEP5 = re.compile(r"^License:[ \t]*(\S[^\n]*)", re.MULTILINE)
_LONGEST = 100


def licences(artifact: Artifact, trees: list[Path]) -> list[str]:
    """Licence names of a package, sorted; empty when it names none in a form that programs read.

    Args:
        artifact: the package file.
        trees: the file systems of the image's layers, where installed packages have left their notices.
    """
    if artifact.kind == "deb":
        return _of_debian_package(artifact.name, trees)
    if artifact.kind == "wheel":
        return _of_wheel(artifact, trees)
    return _of_npm_package(artifact.path)


def _of_debian_package(name: str, trees: list[Path]) -> list[str]:
    """From the machine-readable copyright file (DEP-5)."""
    for tree in trees:
        path = tree / "usr/share/doc" / name / "copyright"
        inside = path.resolve()
        if inside.is_file() and inside.is_relative_to(tree.resolve()):
            text = inside.read_text(errors="replace")
            found = {match.strip() for match in _DEP5.findall(text)} if "copyright-format/1.0" in text[:400] else set()
            return sorted(licence for licence in found if len(licence) <= _LONGEST)
    return []


def _of_wheel(artifact: Artifact, trees: list[Path]) -> list[str]:
    distribution = "-".join(artifact.path.name.split("-")[:2])
    for tree in trees:
        path = tree / SITE_PACKAGES / f"{distribution}.dist-info" / "METADATA"
        if path.is_file():
            headers = HeaderParser().parsestr(path.read_text(errors="replace"))
            if expression := headers.get("License-Expression"):
                return [expression]
            named = [str(line) for line in headers.get_all("Classifier", []) if str(line).startswith("License ::")]
            if named:
                return sorted({line.rpartition(":: ")[2] for line in named})
            licence = str(headers.get("License") or "").strip()
            return [licence] if licence and "\n" not in licence and len(licence) <= _LONGEST else []
    return []


def _of_npm_package(tarball: Path) -> list[str]:
    with tarfile.open(tarball) as archive:
        description = archive.extractfile("package/package.json")
        licence = json.load(description).get("license") if description else None
    return [licence] if isinstance(licence, str) else []
