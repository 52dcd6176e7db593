"""What changes from one bundle to the next: images, packages, licences, models, policies, labels."""

import difflib
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from appliance.bundle.evidence.attestations import path_of
from appliance.bundle.evidence.layout import FOLDER as IMAGES
from appliance.bundle.evidence.layout import NAME_ANNOTATION
from appliance.bundle.repository.proven import read_target
from appliance.trust import canonical, dsse
from appliance.trust.files import read_limited
from appliance.trust.fingerprint import fingerprint
from appliance.trust.repository.client import Repository, read_repository
from appliance.trust.repository.metadata import LIMITS, Target
from appliance.trust.statements import MAXIMUM_SIZE

_TEXT_LIMIT = 1 << 20


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True)


class Side(_Record):
    """One of the two bundles."""

    version: int
    created: datetime
    root: str
    demo: bool
    files: int
    size: int


class Change(_Record):
    """A thing that differs; None where it is absent.

    Attributes:
        name: of the image, package, licence or file.
        old: what it was: a digest, versions, or a label.
        new: what it is.
        where: the images or packages that it concerns.
        lines: for policies, the changed lines as a unified diff.
    """

    name: str
    old: str | None
    new: str | None
    where: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()


class Difference(_Record):
    """Everything that changes between two bundles.

    Attributes:
        old: the earlier bundle.
        new: the later one.
        images: changed images, by manifest digest.
        packages: changed packages, by version, with the images that hold them.
        licences: licences that appear or disappear, with their packages.
        models: changed models, by digest.
        policies: changed policies, with their lines.
        files: other changed files, by digest.
        labels: files whose marking changes.
        to_carry: bytes in the new bundle that the old one does not have.
    """

    old: Side
    new: Side
    images: list[Change]
    packages: list[Change]
    licences: list[Change]
    models: list[Change]
    policies: list[Change]
    files: list[Change]
    labels: list[Change]
    to_carry: int


class _Bundle:
    """One bundle, whose files are read only when they are what was signed."""

    def __init__(self, folder: Path, root_fingerprint: str | None) -> None:
        metadata = folder / "metadata"
        own = fingerprint(read_limited(metadata / "1.root.json", LIMITS["root"]))
        self._folder = folder
        self.repository: Repository = read_repository(
            metadata, root_fingerprint or own, now=datetime.fromtimestamp(0, UTC)
        )
        self.targets: dict[str, Target] = self.repository.targets
        self.side = Side(
            version=self.repository.version,
            created=self.repository.created,
            root=own,
            demo=self.repository.registered.demo,
            files=len(self.targets),
            size=sum(target.length for target in self.targets.values()),
        )

    def read(self, path: str, limit: int) -> bytes:
        return read_target(self._folder, self.targets[path], limit)

    def images(self) -> dict[str, str]:
        path = f"{IMAGES}/index.json"
        if path not in self.targets:
            return {}
        index = canonical.decode(self.read(path, _TEXT_LIMIT), path)
        return {entry["annotations"][NAME_ANNOTATION]: entry["digest"] for entry in index["manifests"]}

    def components(self) -> list[tuple[str, dict[str, Any]]]:
        """(image, component) of every SBOM."""
        found = []
        for image in self.images():
            path = path_of(image, "sbom")
            if path in self.targets:
                _, statement = dsse.payload_of(self.read(path, MAXIMUM_SIZE), path)
                found += [(image, component) for component in statement["predicate"].get("components", [])]
        return found


def compare(old: Path, new: Path, root_fingerprint: str | None = None) -> Difference:
    """Compare two bundles by their signed metadata, SBOMs and policies.

    Args:
        old: folder of the earlier bundle.
        new: folder of the later one.
        root_fingerprint: from paper; without it each bundle only vouches for itself.

    Raises:
        ApplianceError: metadata does not hold together, or a file that must be read is not what was signed.
    """
    before, after = _Bundle(old, root_fingerprint), _Bundle(new, root_fingerprint)
    carried = {target.sha256 for target in before.targets.values()}
    missing = {t.sha256: t.length for t in after.targets.values() if t.sha256 not in carried}
    changed = _changes(_digests(before), _digests(after))
    return Difference(
        old=before.side,
        new=after.side,
        images=_changes(before.images(), after.images()),
        packages=_package_changes(before, after),
        licences=_licence_changes(before, after),
        models=[change for change in changed if _kind(change.name, before, after) == "model"],
        policies=[
            change.model_copy(update={"lines": _lines(change.name, before, after)})
            for change in changed
            if _kind(change.name, before, after) == "policy"
        ],
        files=[
            change
            for change in changed
            if _kind(change.name, before, after) not in {"model", "policy", "image", "attestation"}
        ],
        labels=[
            Change(name=path, old=before.targets[path].custom.label, new=target.custom.label)
            for path, target in sorted(after.targets.items())
            if path in before.targets and before.targets[path].custom.label != target.custom.label
        ],
        to_carry=sum(missing.values()),
    )


def to_html(difference: Difference) -> str:
    """A page of its own, without scripts or outside references, to print or to attach to an approval."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415  # only this form needs it

    loader = FileSystemLoader(Path(__file__).parent / "templates")
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    return environment.get_template("diff.html.j2").render(difference=difference, sections=sections(difference))


def sections(difference: Difference) -> list[tuple[str, list[Change]]]:
    """The parts of a difference with their titles, in the order that people read them."""
    return [
        ("Labels", difference.labels),
        ("Models", difference.models),
        ("Policies", difference.policies),
        ("Licences", difference.licences),
        ("Images", difference.images),
        ("Packages", difference.packages),
        ("Other files", difference.files),
    ]


def _changes(before: dict[str, str], after: dict[str, str]) -> list[Change]:
    names = sorted(before.keys() | after.keys())
    return [
        Change(name=name, old=before.get(name), new=after.get(name))
        for name in names
        if before.get(name) != after.get(name)
    ]


def _digests(bundle: _Bundle) -> dict[str, str]:
    return {path: f"sha256:{target.sha256}" for path, target in bundle.targets.items()}


def _kind(path: str, before: _Bundle, after: _Bundle) -> str:
    return (after.targets.get(path) or before.targets[path]).custom.kind


def _package(component: dict[str, Any]) -> tuple[str, str]:
    """(name, version) of a component; the name is its package URL without version, so that debs and wheels differ."""
    name = str(component.get("purl") or component["name"]).split("?")[0].removeprefix("pkg:")
    return name.rpartition("@")[0] or name, str(component.get("version", ""))


def _package_changes(before: _Bundle, after: _Bundle) -> list[Change]:
    def versions(bundle: _Bundle) -> tuple[dict[str, str], dict[str, set[str]]]:
        found, images = defaultdict(set), defaultdict(set)
        for image, component in bundle.components():
            name, version = _package(component)
            found[name].add(version)
            images[name].add(image)
        return {name: ", ".join(sorted(values)) for name, values in found.items()}, images

    (old, old_images), (new, new_images) = versions(before), versions(after)
    return [
        change.model_copy(
            update={"where": tuple(sorted(old_images.get(change.name, set()) | new_images.get(change.name, set())))}
        )
        for change in _changes(old, new)
    ]


def _licence_changes(before: _Bundle, after: _Bundle) -> list[Change]:
    def holders(bundle: _Bundle) -> dict[str, set[str]]:
        found: dict[str, set[str]] = defaultdict(set)
        for _, component in bundle.components():
            for licence in _licences(component.get("licenses", [])):
                found[licence].add(_package(component)[0])
        return found

    old, new = holders(before), holders(after)
    return [
        Change(
            name=licence,
            old="used" if licence in old else None,
            new="used" if licence in new else None,
            where=tuple(sorted(old.get(licence, set()) | new.get(licence, set()))),
        )
        for licence in sorted(old.keys() ^ new.keys())
    ]


def _licences(choices: Iterable[dict[str, Any]]) -> list[str]:
    found = []
    for choice in choices:
        licence = choice.get("license", {})
        found.append(str(choice.get("expression") or licence.get("id") or licence.get("name") or "unnamed"))
    return found


def _lines(path: str, before: _Bundle, after: _Bundle) -> tuple[str, ...]:
    def text(bundle: _Bundle) -> list[str]:
        if path not in bundle.targets:
            return []
        return bundle.read(path, _TEXT_LIMIT).decode(errors="replace").splitlines()

    return tuple(difflib.unified_diff(text(before), text(after), "old", "new", n=1, lineterm=""))
