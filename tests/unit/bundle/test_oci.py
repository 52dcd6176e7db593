"""Images are laid out so that other tools read them, and layers are built once."""

import json
import os
import subprocess
import time
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from appliance.bundle.build.cache import CachedLayer, LayerCache, key_of
from appliance.bundle.build.image import ImageInputs
from appliance.bundle.build.oci import Image, describe, layout_files
from appliance.bundle.build.provenance import make_provenance
from appliance.bundle.build.sbom import make_sbom
from appliance.bundle.inputs.collect import Artifact
from appliance.bundle.inputs.recipe import Recipe, User
from appliance.bundle.repository.transfer import bring_all

EPOCH = 1_700_000_000
BASE = Recipe(name="base", environment={"A": "1", "B": "1"})
CHILD = Recipe(
    name="child", parent="base", user=User(name="x", uid=1101), entrypoint=["/bin/x"], environment={"B": "2"}
)
COPYRIGHT = """Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/

License: GPL-2+
License: MIT
"""


def layer(cache: LayerCache, name: str) -> CachedLayer:
    def build(tree: Path) -> None:
        (tree / name).write_text(name)
        notice = tree / "usr/share/doc/libc6/copyright"
        notice.parent.mkdir(parents=True)
        notice.write_text(COPYRIGHT)

    return cache.get(key_of(name=name), build, EPOCH)


@pytest.fixture
def images(tmp_path: Path) -> list[Image]:
    cache = LayerCache(tmp_path / "layers")
    base, child = layer(cache, "base"), layer(cache, "child")
    return [
        describe([BASE], [base], EPOCH, "UNCLASSIFIED"),
        describe([BASE, CHILD], [base, child], EPOCH, "UNCLASSIFIED"),
    ]


def test_skopeo_reads_the_layout_and_its_label(images: list[Image], tmp_path: Path) -> None:
    bring_all(layout_files(images), tmp_path / "layout")
    command = ["skopeo", "inspect", f"oci:{tmp_path / 'layout'}:child"]
    seen = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    assert seen["Digest"] == f"sha256:{images[1].manifest.digest}"
    assert seen["Labels"]["appliance.classification"] == "UNCLASSIFIED"
    assert {"A=1", "B=2"} < set(seen["Env"])
    command = ["skopeo", "inspect", "--config", f"oci:{tmp_path / 'layout'}:child"]
    config = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)["config"]
    assert (config["User"], config["Entrypoint"]) == ("1101:1101", ["/bin/x"])


def test_images_share_the_blobs_of_their_parent(images: list[Image]) -> None:
    files = layout_files(images)
    assert len([name for name in files if name.startswith("blobs/")]) == 2 * 2 + 2


def test_a_layer_is_built_once_and_not_at_all_when_it_fails(tmp_path: Path) -> None:
    cache = LayerCache(tmp_path)
    assert layer(cache, "a").built
    assert not layer(cache, "a").built

    def fail(tree: Path) -> None:
        (tree / "half").touch()
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        cache.get(key_of(name="b"), fail, EPOCH)
    assert [path.name for path in tmp_path.iterdir()] == [key_of(name="a")]


def test_pruning_keeps_what_was_used_lately(tmp_path: Path) -> None:
    cache = LayerCache(tmp_path)
    kept, dropped = layer(cache, "kept"), layer(cache, "dropped")
    old = time.time() - 30 * 86400
    os.utime(dropped.tree.parent / "layer.json", (old, old))
    (tmp_path / ".new-killed").mkdir()
    cache.prune()
    assert [path.name for path in tmp_path.iterdir()] == [kept.key]


def inputs(tmp_path: Path) -> ImageInputs:
    folder = tmp_path / "images" / "child"
    (folder / "app").mkdir(parents=True)
    (folder / "image.yml").write_text("name: child\n")
    (folder / "app" / "main.py").write_text("x = 1\n")
    deb = Artifact("deb", "libc6", "2.36-9", Path("libc6_2.36-9_amd64.deb"), "a" * 64, "amd64")
    wheel = Artifact("wheel", "small", "1.0", Path("small-1.0-py3-none-any.whl"), "b" * 64)
    return ImageInputs(recipe=CHILD, folder=folder, debs=[deb], wheels=[wheel])


def test_an_sbom_holds_every_package_and_follows_the_schema(images: list[Image], tmp_path: Path) -> None:
    artifacts = inputs(tmp_path).artifacts()
    trees = [item.tree for item in images[1].layers]
    upstreams = {"libc6": "glibc@2.36-9"}
    document = make_sbom(images[1], artifacts, "UNCLASSIFIED", trees, EPOCH, upstreams=upstreams)
    backwards = list(reversed(artifacts))
    assert document == make_sbom(images[1], backwards, "UNCLASSIFIED", trees, EPOCH, upstreams=upstreams)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(document)) is None
    found = {part["purl"]: part for part in document["components"]}
    deb, wheel = artifacts
    assert set(found) == {f"{deb.purl}&upstream=glibc%402.36-9", wheel.purl}
    libc = found[f"{deb.purl}&upstream=glibc%402.36-9"]
    assert libc["hashes"] == [{"alg": "SHA-256", "content": "a" * 64}]
    assert {entry["license"]["name"] for entry in libc["licenses"]} == {"GPL-2+", "MIT"}


def test_provenance_names_every_input_and_changes_with_the_code(images: list[Image], tmp_path: Path) -> None:
    given = inputs(tmp_path)
    before = make_provenance(images[1], [given], EPOCH, "urn:builder")
    names = [entry["name"] for entry in before["buildDefinition"]["resolvedDependencies"]]
    assert names == ["libc6_2.36-9_amd64.deb", "small-1.0-py3-none-any.whl", "images/child"]
    assert make_provenance(images[1], [given], EPOCH, "urn:builder") == before
    (given.folder / "app" / "main.py").write_text("x = 2\n")
    after = make_provenance(images[1], [given], EPOCH, "urn:builder")
    assert before["buildDefinition"]["resolvedDependencies"][:2] == after["buildDefinition"]["resolvedDependencies"][:2]
    assert before != after
