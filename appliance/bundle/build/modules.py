"""What one image gets of this project's own wheels: the modules that its code imports, their data, and the notices.

A service runs none of the host's commands. What is not in its image, nobody who breaks into it can use, and a change of
the host's code does not change the image.
"""

import ast
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.util import resolve_name
from pathlib import Path, PurePosixPath

from appliance.bundle.inputs.collect import Artifact
from appliance.errors import ApplianceError

HOST_ONLY = ("bundle", "cli", "enclave", "host", "monitor", "playbook")
"""Packages of `appliance` that no image holds."""

_NOT_IN_AN_IMAGE = "entry_points.txt"  # programs are left out, as of every other wheel


@dataclass(frozen=True)
class OwnCode:
    """The part of this project that one image holds.

    Attributes:
        wheels: those of which something is in ``files``.
        files: path below `site-packages` -> content.
    """

    wheels: list[Artifact] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)


def imported_code(app: Path, wheels: list[Artifact]) -> OwnCode:
    """What the modules of ``app`` import from ``wheels``, and what these import in turn.

    Every `import` statement counts, also one inside a function. Files that are not modules belong to the package in
    whose folder they are. Of each wheel in use, its metadata and notices come along.

    Args:
        app: code of an image; it need not exist.
        wheels: wheels of this project; they must not hold each other's modules.

    Raises:
        ApplianceError: the code needs a package that no image holds.
    """
    contents = [_members(wheel) for wheel in wheels]
    files = {name: data for members in contents for name, data in members.items()}
    modules = {_module_of(name): name for name in files if name.endswith(".py")}
    waiting = [(found, str(file)) for file in sorted(app.rglob("*.py")) for found in _imports(file.read_bytes(), "")]
    chosen: set[str] = set()
    while waiting:
        imported, importer = waiting.pop()
        for name in _with_packages(imported):
            if name not in modules or name in chosen:
                continue
            _require_allowed(name, importer)
            chosen.add(name)
            path = modules[name]
            package = name if path.endswith("__init__.py") else name.rpartition(".")[0]
            waiting += [(found, path) for found in _imports(files[path], package)]
    kept = {modules[name] for name in chosen}
    kept |= {name for name in files if not name.endswith(".py") and _package_of(name, files) in kept}
    used = [index for index, members in enumerate(contents) if kept & members.keys()]
    slices = [_with_notices(contents[index], kept) for index in used]
    return OwnCode([wheels[index] for index in used], {name: data for part in slices for name, data in part.items()})


def _members(wheel: Artifact) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel.path) as archive:
        return {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}


def _module_of(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _imports(source: bytes, package: str) -> Iterator[str]:
    """Names that a module imports; what is relative counts where ``package`` says to what."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and (package or not node.level):
            origin = resolve_name("." * node.level + (node.module or ""), package)
            yield from (f"{origin}.{alias.name}" for alias in node.names)


def _with_packages(name: str) -> Iterator[str]:
    parts = name.split(".")
    yield from (".".join(parts[:count]) for count in range(1, len(parts) + 1))


def _require_allowed(name: str, importer: str) -> None:
    if name in {f"appliance.{package}" for package in HOST_ONLY}:
        raise ApplianceError(
            f"{importer}: imports {name}, which no image holds",
            rule="an image gets no code of the host or of the build (docs/architecture.md, Images)",
            remedy="move what both need to appliance/contract, or what services share to workbench/",
        )


def _package_of(name: str, files: dict[str, bytes]) -> str | None:
    """The `__init__.py` of the nearest package whose folder holds the file, perhaps in folders of its own."""
    return next((found for folder in PurePosixPath(name).parents if (found := f"{folder}/__init__.py") in files), None)


def _with_notices(members: dict[str, bytes], kept: set[str]) -> dict[str, bytes]:
    """The kept members of a wheel, and its metadata, whose list of files says no more than that."""
    notices = {name for name in members if ".dist-info/" in name and not name.endswith(_NOT_IN_AN_IMAGE)}
    chosen = {name: members[name] for name in sorted(members.keys() & (kept | notices))}
    (record,) = (name for name in chosen if name.endswith(".dist-info/RECORD"))
    lines = [line for line in members[record].decode().splitlines() if line.partition(",")[0] in chosen]
    return chosen | {record: "".join(f"{line}\n" for line in lines).encode()}
