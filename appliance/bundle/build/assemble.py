"""Bring everything that was built and collected into a bundle's folder, then sign it."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from appliance.bundle.advisories import feed as advisories
from appliance.bundle.advisories import vex
from appliance.bundle.build.cache import key_of
from appliance.bundle.build.oci import Image, layout_files
from appliance.bundle.build.provenance import make_provenance
from appliance.bundle.build.steps import Builder, StepResult
from appliance.bundle.evidence.attestations import expected_paths, path_of
from appliance.bundle.evidence.model_claims import models_of
from appliance.bundle.inputs.collect import sha256_of
from appliance.bundle.inputs.debian import index_of
from appliance.bundle.inputs.lock import lock_text
from appliance.bundle.inputs.sources import upstreams
from appliance.bundle.media.bootstrap import BOOTSTRAP_FILE, bootstrap_script, place_copy
from appliance.bundle.repository.hashing import HashCache
from appliance.bundle.repository.metadata import Written, list_files, previous_version, write_repository
from appliance.bundle.repository.space import require_space
from appliance.bundle.repository.transfer import bring_all
from appliance.contract.catalogue import TARGET, compile_catalogue
from appliance.errors import ApplianceError
from appliance.trust import dsse
from appliance.trust.files import read_limited, replace_file
from appliance.trust.keys import Passphrase
from appliance.trust.people import load_people
from appliance.trust.repository.chain import RootChain
from appliance.trust.repository.publish import Edition
from appliance.trust.repository.root import BUILDER_ID
from appliance.trust.repository.schema import Custom
from appliance.trust.statements import CYCLONEDX, PAYLOAD_TYPE, SLSA_PROVENANCE, STATEMENT_TYPE, Statement, Subject

KINDS = {
    "advisories": "advisories",
    "attestations": "attestation",
    BOOTSTRAP_FILE: "bootstrap",
    "debs": "deb",
    "images": "image",
    "models": "model",
    "npm": "npm",
    "playbooks": "playbook",
    "policies": "policy",
    "wheels": "wheel",
}
_CODE_OF_ATTESTATIONS = ("build/licences.py", "build/provenance.py", "build/sbom.py", "inputs/sources.py")
_PLAYBOOKS = (
    "build.yml",
    "install.yml",
    "site.example.yml",
    "pyproject.toml",
    "requirements-host.lock",
    "roles",
    "images",
)
"""Playbooks, and what a site needs to build the images again from the packages in the bundle."""

Content = Path | bytes


def assemble(builder: Builder, on_bytes: Callable[[int], None] = lambda _: None) -> StepResult:
    """Make ``out/targets`` hold exactly what the build made; what is there already, unchanged, is not written again.

    Args:
        builder: the build, whose steps have run.
        on_bytes: called with the length of each file as it is written.
    """
    targets = builder.out / "targets"
    targets.mkdir(parents=True, exist_ok=True)
    record = digest_record(builder)
    files, digests = _contents(builder)
    present = set(list_files(targets))
    stale = present - set(files) - expected_paths((image.name for image in builder.images()), models_of(files))
    new = {
        name: content
        for name, content in files.items()
        if name not in present or not _is_unchanged(targets / name, content, digests.get(name), record)
    }
    require_space(targets, sum(map(_length, new.values())), f"{len(new)} files of the bundle")
    for name in stale:
        (targets / name).unlink()
    written = bring_all(new, targets, on_bytes)
    for name, result in written.items():
        if digests.get(name, result.sha256) != result.sha256:
            raise ApplianceError(f"{name}: changed while it was copied", remedy="build again")
        record.put(targets / name, result.sha256, result.chunks)
    record.save()
    place_copy(builder.out)
    _remove_empty_folders(targets)
    builder.layer_cache.prune()
    size = sum(result.length for result in written.values())
    message = f"{len(files)} files; {len(written)} written, {size / 1e6:.0f} MB; {len(stale)} removed"
    return StepResult(changed=bool(written or stale), message=message)


def people_of(keys: Path) -> list[str]:
    """Names of the people whose keys are in ``keys``; none when they sign elsewhere (`appliance bundle request`)."""
    return sorted(path.name.removesuffix(".ml-dsa.pem") for path in (keys / "people").glob("*.ml-dsa.pem"))


def sign(builder: Builder, keys: Path, passphrase: Passphrase | None = None, *, after: int = 0) -> Written | None:
    """Sign an assembled and attested bundle with the keys of the people in ``keys``.

    Args:
        builder: the build.
        keys: folder of `appliance keys init`.
        passphrase: opens the keys; by default the holders are asked.
        after: the version that its receiver has; a host refuses a lower one.

    Returns:
        What was signed, or None when everything is signed already.

    Raises:
        ApplianceError: keys are missing or too few.
    """
    targets, metadata = builder.out / "targets", builder.out / "metadata"
    chain = RootChain.load(keys / "root")
    listed = {name: custom_of(name, builder.marking) for name in list_files(targets)}
    record = digest_record(builder)
    state = {name: (record.get(targets / name), custom.model_dump()) for name, custom in listed.items()}
    version = previous_version(metadata)
    unchanged = state == _signed_state(metadata) and (metadata / "root.json").read_bytes() == chain.roots[-1]
    if unchanged and version >= after:
        return None
    people = load_people(keys / "people", people_of(keys), passphrase)
    edition = replace(Edition.today(), version=max(version, after) + 1)
    written = write_repository(builder.out, listed, chain=chain, people=people, edition=edition, cache=record)
    record.save()
    return written


def custom_of(path: str, marking: str) -> Custom:
    """Kind and label of a target, from the folder it lies in."""
    return Custom(kind=KINDS[path.split("/", maxsplit=1)[0]], label=marking)


def digest_record(builder: Builder) -> HashCache:
    """The builder's record of what it wrote into this bundle, so that nothing is read twice."""
    name = hashlib.sha256(str(builder.out).encode()).hexdigest()
    return HashCache(builder.cache / "digests" / f"{name[:16]}.json")


def _contents(builder: Builder) -> tuple[dict[str, Content], dict[str, str]]:
    """Every target's content, and the digests of those that are known without reading."""
    images = builder.images()
    packages = {
        "debs": builder.debian_packages(),
        "npm": builder.npm_packages(),
        "wheels": builder.wheels(),
    }
    files: dict[str, Content] = {f"images/{name}": content for name, content in layout_files(images).items()}
    digests = {name: name.rpartition("/")[2] for name in files if "/blobs/" in name}
    for folder, artifacts in packages.items():
        files |= {f"{folder}/{artifact.path.name}": artifact.path for artifact in artifacts}
        digests |= {f"{folder}/{artifact.path.name}": artifact.sha256 for artifact in artifacts}
    files[BOOTSTRAP_FILE] = bootstrap_script(builder.bootstrap_packages())
    index = index_of(packages["debs"], builder.store.folder / "control")
    files["debs/Packages"] = index
    files |= {f"models/{path.name}": path for path in builder.model_files()}
    files |= _tree(builder.source / "policies", "policies")
    files[TARGET] = compile_catalogue(builder.source / "images").encode()
    for name in _PLAYBOOKS:
        files |= _tree(builder.source / name, f"playbooks/{name}")
    files["playbooks/images/sources.lock"] = lock_text(builder.lock).encode()
    sources = upstreams(index)
    for image in images:
        attestations = _attestations(builder, image, sources)
        files |= {path_of(image.name, kind): content for kind, content in attestations.items()}
    if builder.advisories:
        feed = read_limited(builder.advisories, advisories.LIMIT)
        advisories.read_feed(feed, str(builder.advisories))
        files[advisories.PATH] = feed
    for name, content in files.items():
        if name.startswith(vex.FOLDER) and isinstance(content, Path):
            vex.read_vex(read_limited(content, vex.LIMIT), str(content))
    return files, digests


def _tree(path: Path, name: str) -> dict[str, Content]:
    """A file, or all files of a folder but hidden ones and bytecode, by the path they get."""
    if path.is_file():
        return {name: path}
    found: dict[str, Content] = {}
    for file in sorted(path.rglob("*")):
        parts = file.relative_to(path).parts
        if file.is_file() and not any(part.startswith((".", "__pycache__")) for part in parts):
            found["/".join((name, *parts))] = file
    return found


def _attestations(builder: Builder, image: Image, sources: dict[str, str]) -> dict[str, bytes]:
    """Provenance and SBOM of an image as envelopes without signatures; remembered for an unchanged image."""
    here = Path(__file__).parents[1]
    code = {name: sha256_of(here / name) for name in _CODE_OF_ATTESTATIONS}
    own = {name: wheel.sha256 for name, wheel in builder.own_wheels.items()}
    layers = [layer.key for layer in image.layers]
    key = key_of(manifest=image.manifest.digest, marking=builder.marking, code=code, layers=layers, own=own)
    memory = builder.cache / "attestations" / f"{key}.json"
    if not memory.exists():
        from appliance.bundle.build.sbom import make_sbom  # noqa: PLC0415  # its library takes long to load

        lineage = builder.lineage(image.name)
        artifacts = [artifact for inputs in lineage for artifact in inputs.artifacts()]
        trees = [layer.tree for layer in image.layers]
        epoch = builder.lock.epoch
        bill = make_sbom(image, artifacts, builder.marking, trees, epoch, upstreams=sources)
        statements = {
            "provenance": _statement(image, SLSA_PROVENANCE, make_provenance(image, lineage, epoch, BUILDER_ID)),
            "sbom": _statement(image, CYCLONEDX, bill),
        }
        memory.parent.mkdir(parents=True, exist_ok=True)
        replace_file(memory, json.dumps(statements).encode())
    stored = json.loads(memory.read_bytes())
    return {kind: dsse.sign(value, PAYLOAD_TYPE, []) for kind, value in stored.items()}


def _statement(image: Image, predicate_type: str, predicate: dict[str, Any]) -> dict[str, Any]:
    subject = Subject(name=image.name, digest={"sha256": image.manifest.digest})
    statement = Statement(_type=STATEMENT_TYPE, subject=[subject], predicateType=predicate_type, predicate=predicate)
    return statement.model_dump(by_alias=True)


def _length(content: Content) -> int:
    return len(content) if isinstance(content, bytes) else content.stat().st_size


def _is_unchanged(target: Path, content: Content, digest: str | None, record: HashCache) -> bool:
    if target.parent.name == "attestations" and isinstance(content, bytes):
        return dsse.payload_of(target.read_bytes(), target.name) == dsse.payload_of(content, target.name)
    known = record.get(target)
    if known is None or target.stat().st_size != _length(content):
        return False
    if digest is None:
        digest = hashlib.sha256(content).hexdigest() if isinstance(content, bytes) else sha256_of(content)
    return known == digest


def _signed_state(metadata: Path) -> dict[str, tuple[str, dict[str, str]]]:
    """Digest, kind and label of each target as the bundle's metadata lists them."""
    path = metadata / "targets.json"
    if not path.exists() or not (metadata / "timestamp.json").exists():
        return {}
    listed = json.loads(path.read_bytes())["signed"]["targets"]
    return {name: (entry["hashes"]["sha256"], entry["custom"]) for name, entry in listed.items()}


def _remove_empty_folders(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()
