"""A bundle's folder holds exactly what was built, is signed, verifies, and is not written again without need."""

import json
import os
import shutil
import subprocess
from functools import cached_property
from pathlib import Path

import pytest

from appliance.bundle.build.assemble import assemble, people_of, sign
from appliance.bundle.build.attest import attest
from appliance.bundle.build.cache import CachedLayer, key_of
from appliance.bundle.build.image import ImageInputs
from appliance.bundle.build.oci import Image, describe
from appliance.bundle.build.steps import Builder
from appliance.bundle.evidence.model_claims import files_of
from appliance.bundle.inputs.collect import Artifact, sha256_of
from appliance.bundle.inputs.lock import SourcesLock
from appliance.bundle.read.delta import Earlier, Edition, earlier_bundle, write_delta
from appliance.bundle.read.verify import Report, verify_bundle
from appliance.errors import ApplianceError
from appliance.trust.ceremony import initialise
from tests.unit.bundle.sample import CARD

EPOCH = 1_700_000_000


class SmallBuilder(Builder):
    """A checkout with one small image whose layer needs no chroot, and one package."""

    @cached_property
    def lock(self) -> SourcesLock:
        return SourcesLock(epoch=EPOCH)

    def _layer(self) -> CachedLayer:
        source = (self.source / "images/base/app/main.py").read_bytes()

        def build(tree: Path) -> None:
            (tree / "main.py").write_bytes(source)

        return self.layer_cache.get(key_of(source=source.decode()), build, EPOCH)

    def images(self) -> list[Image]:
        return [describe([self.recipes["base"]], [self._layer()], EPOCH, self.marking)]

    def lineage(self, name: str) -> list[ImageInputs]:
        return [ImageInputs(self.recipes[name], self.source / "images" / name, debs=self.debian_packages())]

    def debian_packages(self) -> list[Artifact]:
        path = next(self.store.debs.iterdir())
        return [Artifact("deb", "tool", "1", path, sha256_of(path), "amd64")]

    @cached_property
    def own_wheels(self) -> dict[str, Artifact]:
        return {}

    def wheels(self) -> list[Artifact]:
        return []

    def bootstrap_packages(self) -> list[Artifact]:
        return self.debian_packages()

    def model_files(self) -> list[Path]:
        return [self.source / name for name in files_of("model")]


class Place:
    """A checkout, keys and a bundle's folder."""

    def __init__(self, folder: Path) -> None:
        self.source, self.cache, self.out, self.keys = (folder / name for name in ("source", "cache", "out", "keys"))
        self.write("images/base/image.yml", "name: base\n")
        self.write("images/base/app/main.py", "x = 1\n")
        self.write("policies/access.yml", "one: 1\n")
        self.write("policies/__pycache__/x.pyc", "no\n")
        self.write("install.yml", "---\n")
        self.write("model.gguf", "model" * 1000)
        self.write("model.card.json", json.dumps(CARD | {"name": "model"}))
        self.write("model.licence.txt", "Do what you like.\n")
        self.write(
            "deb/DEBIAN/control", "Package: tool\nVersion: 1\nArchitecture: amd64\nMaintainer: a\nDescription: b\n"
        )
        debs = self.builder().store.debs
        subprocess.run(
            ["dpkg-deb", "-b", self.source / "deb", debs / "tool_1_amd64.deb"], check=True, capture_output=True
        )
        people = ["a", "b", "c"]
        paper = initialise(
            self.keys, people=people, threshold=2, officers=["o", "p"], certifiers=["e"], passphrase=None
        )
        self.fingerprint = paper.root

    def write(self, name: str, text: str) -> None:
        path = self.source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def builder(self) -> SmallBuilder:
        return SmallBuilder(self.source, self.cache, self.out)

    def build(self, *, after: int = 0) -> tuple[bool, int | None]:
        """Whether files were written, and the version that was signed."""
        changed = assemble(self.builder()).changed
        attest(self.builder(), self.keys)
        written = sign(self.builder(), self.keys, after=after)
        return changed, written.version if written else None

    def verify(self) -> Report:
        return verify_bundle(self.out, self.fingerprint)[1]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_an_assembled_and_signed_bundle_verifies(place: Place) -> None:
    assert place.build() == (True, 1)
    report = place.verify()
    assert report.findings == []
    assert {target.path for target in report.targets if target.kind in {"deb", "model", "policy"}} == {
        "debs/Packages",
        "debs/tool_1_amd64.deb",
        *(f"models/{name}" for name in files_of("model")),
        "policies/access.yml",
        "policies/catalogue.json",
    }
    assert list(report.images) == ["base"]


def test_nothing_is_written_or_signed_again_without_a_change(place: Place) -> None:
    place.build()
    times = {path: path.stat().st_mtime_ns for path in place.out.rglob("*") if path.is_file()}
    assert place.build() == (False, None)
    assert times == {path: path.stat().st_mtime_ns for path in place.out.rglob("*") if path.is_file()}


def test_a_changed_policy_alone_is_written_and_signed_anew(place: Place) -> None:
    place.build()
    model = place.out / "targets/models/model.gguf"
    before = model.stat().st_ino
    place.write("policies/access.yml", "two: 2\n")
    assert place.build() == (True, 2)
    assert place.verify().ok
    assert model.stat().st_ino == before


def test_a_build_since_another_carries_the_difference_in_kilobytes(place: Place, tmp_path: Path) -> None:
    place.build()
    place.build()
    first, place.out = earlier_bundle(place.out, place.fingerprint), tmp_path / "whole"
    assert place.build(after=first.version) == (True, first.version + 1)
    assert write_delta(place.out, first, tmp_path / "nothing", place.fingerprint) == []
    assert sum(path.stat().st_size for path in (tmp_path / "nothing").rglob("*") if path.is_file()) < 60_000
    place.write("policies/access.yml", "two: 2\n")
    place.build(after=first.version)
    carried = write_delta(place.out, first, tmp_path / "small", place.fingerprint)
    assert [target.path for target in carried] == ["policies/access.yml"]
    assert verify_bundle(tmp_path / "small", place.fingerprint, bases=[tmp_path / "out"])[1].ok


def test_the_next_build_leaves_a_delta_as_it_was(place: Place, tmp_path: Path) -> None:
    place.build()
    write_delta(
        place.out, Earlier([Edition(root="0" * 64, version=1)], frozenset()), tmp_path / "all", place.fingerprint
    )
    place.write("policies/access.yml", "two: 2\n")
    place.build()
    assert verify_bundle(tmp_path / "all", place.fingerprint)[1].ok


def test_a_full_disk_is_found_out_before_anything_is_written(place: Place) -> None:
    place.build()
    times = {path: path.stat().st_mtime_ns for path in place.out.rglob("*")}
    place.write("policies/access.yml", "two: 2\n")
    os.truncate(place.source / "model.gguf", 8 << 40)
    with pytest.raises(ApplianceError, match=r"2 files of the bundle need 8796093 MB, \d+ MB are free"):
        place.build()
    assert times == {path: path.stat().st_mtime_ns for path in place.out.rglob("*")}


def test_changed_code_gives_another_image_and_takes_the_old_one_away(place: Place) -> None:
    place.build()
    before = place.verify().images["base"].digest
    place.write("images/base/app/main.py", "x = 2\n")
    place.build()
    report = place.verify()
    assert report.ok
    assert report.images["base"].digest != before


def test_a_damaged_or_foreign_file_in_the_bundle_is_put_right(place: Place) -> None:
    place.build()
    (place.out / "targets/models/model.gguf").write_bytes(b"damage")
    (place.out / "targets/models/foreign.gguf").write_bytes(b"foreign")
    place.build()
    assert place.verify().ok


def test_a_bundle_signed_with_other_keys_is_signed_again(place: Place, tmp_path: Path) -> None:
    place.build()
    other = Place(tmp_path / "other")
    place.keys, place.fingerprint = other.keys, other.fingerprint
    assert place.build() == (False, 1 + 1)
    assert place.verify().ok


def test_two_builds_of_one_checkout_differ_in_signatures_alone(place: Place) -> None:
    place.build()
    first = {
        path.relative_to(place.out): path.read_bytes() for path in (place.out / "targets").rglob("*") if path.is_file()
    }
    place.out = place.out.with_name("again")
    place.build()
    for name, content in first.items():
        same = (place.out / name).read_bytes() == content
        assert same or name.name.endswith((".dsse.json", ".sigstore.json")), name


def test_a_build_host_without_the_keys_of_people_attests_and_cannot_sign(place: Place) -> None:
    shutil.rmtree(place.keys / "people")
    assemble(place.builder())
    attest(place.builder(), place.keys)
    assert people_of(place.keys) == []
    with pytest.raises(ApplianceError, match="2 must"):
        sign(place.builder(), place.keys)
    envelope = json.loads((place.out / "targets/attestations/base.sbom.dsse.json").read_bytes())
    assert len(envelope["signatures"]) == 1
