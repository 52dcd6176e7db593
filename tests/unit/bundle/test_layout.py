"""The documents of an OCI layout: one spelling, known keys, exact media types, one platform."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.bundle.evidence.layout import (
    CONFIG,
    DOCUMENTS,
    INDEX,
    LAYER,
    MANIFEST,
    LayoutError,
    document,
    read_layout,
)
from appliance.trust import canonical
from appliance.trust.repository.metadata import Custom, Target
from tests.unit.bundle.sample import configuration

OTHER = "sha256:" + "f" * 64


class Layout:
    """A layout of one image, whose documents a test may change before they are named by their digests.

    Args:
        folder: where it is written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.targets: dict[str, Target] = {}
        layer = self.put(b"a layer", LAYER)
        self.layers = [layer]

    def put(self, data: bytes, media_type: str) -> dict[str, Any]:
        """A blob, and its descriptor."""
        digest = hashlib.sha256(data).hexdigest()
        self.write(f"images/blobs/sha256/{digest}", data)
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data)}

    def write(self, path: str, data: bytes) -> None:
        """A target that the signed metadata lists."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        sha256, custom = hashlib.sha256(data).hexdigest(), Custom(kind="image", label="UNCLASSIFIED")
        self.targets[path] = Target(path=path, sha256=sha256, length=len(data), custom=custom)

    def read(
        self, change: dict[str, Callable[[dict[str, Any]], Any]], spell: dict[str, Callable[[bytes], bytes]]
    ) -> Any:
        """Write the documents, changed as values and then as bytes, and read the layout."""

        def spelt(what: str, data: bytes) -> bytes:
            return spell[what](data) if what in spell else data

        def bytes_of(what: str, value: dict[str, Any]) -> bytes:
            if what in change:
                change[what](value)
            return spelt(what, canonical.encode(value))

        config = self.put(bytes_of("configuration", configuration("gateway", self.layers)), CONFIG)
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": self.layers}
        entry = self.put(bytes_of("manifest", manifest | {"annotations": {"title": "gateway"}}), MANIFEST)
        entry["annotations"] = {"org.opencontainers.image.ref.name": "gateway"}
        index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]}
        self.write("images/index.json", bytes_of("index", index))
        self.write("images/oci-layout", spelt("layout", b'{"imageLayoutVersion":"1.0.0"}'))
        return read_layout(lambda path: self.folder / path, self.targets)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path)


def test_what_the_builder_writes_is_read(layout: Layout) -> None:
    assert list(layout.read({}, {})) == ["gateway"]


def _add(**more: Any) -> Callable[[dict[str, Any]], Any]:
    return lambda value: value.update(more)


CHANGES: list[tuple[str, str, Callable[[dict[str, Any]], Any]]] = [
    ("index", "other case of a key", _add(Manifests=[])),
    ("index", "unknown key", _add(subject={})),
    ("index", "another version", _add(schemaVersion=3)),
    ("index", "a version that is text", _add(schemaVersion="2")),
    ("index", "another media type", _add(mediaType=MANIFEST)),
    ("index", "an image for a platform", lambda v: v["manifests"][0].update(platform={"os": "linux"})),
    ("index", "an index in the index", lambda v: v["manifests"][0].update(mediaType=INDEX)),
    ("index", "content in the descriptor", lambda v: v["manifests"][0].update(data="AAAA")),
    ("index", "content elsewhere", lambda v: v["manifests"][0].update(urls=["https://192.0.2.1/"])),
    ("index", "a second name", lambda v: v["manifests"][0]["annotations"].update(other="x")),
    ("index", "a name with a path", lambda v: v["manifests"][0]["annotations"].update(
        {"org.opencontainers.image.ref.name": "../gateway"})),
    ("index", "the same image twice", lambda v: v["manifests"].append(v["manifests"][0])),
    ("manifest", "other case of a key", lambda v: v.update(Layers=[v["layers"][0] | {"digest": OTHER}])),
    ("manifest", "other case in a descriptor", lambda v: v["config"].update(Digest=OTHER)),
    ("manifest", "unknown key", _add(subject={})),
    ("manifest", "an artifact", _add(artifactType="application/x")),
    ("manifest", "Docker's media type", _add(mediaType="application/vnd.docker.distribution.manifest.v2+json")),
    ("manifest", "no media type", lambda v: v.pop("mediaType")),
    ("manifest", "another compression", lambda v: v["layers"][0].update(mediaType=LAYER.replace("zstd", "gzip"))),
    ("manifest", "a foreign layer", lambda v: v["layers"][0].update(urls=["https://192.0.2.1/"])),
    ("manifest", "no layer", lambda v: v.update(layers=[])),
    ("manifest", "another media type of the configuration", lambda v: v["config"].update(mediaType=LAYER)),
    ("manifest", "a size that is not whole", lambda v: v["config"].update(size=1.5)),
    ("configuration", "other case of a key", _add(Config={})),
    ("configuration", "a health command", lambda v: v["config"].update(Healthcheck={"Test": ["CMD", "id"]})),
    ("configuration", "a volume", lambda v: v["config"].update(Volumes={"/etc": {}})),
    ("configuration", "a port", lambda v: v["config"].update(ExposedPorts={"22/tcp": {}})),
    ("configuration", "a command beside the entrypoint", lambda v: v["config"].update(Cmd=["sh"])),
    ("configuration", "other case of the user", lambda v: v["config"].update(user="0:0")),
    ("configuration", "a user by name", lambda v: v["config"].update(User="root")),
    ("configuration", "another architecture", _add(architecture="arm64")),
    ("configuration", "another system", _add(os="windows")),
    ("configuration", "a variant", _add(variant="v9")),
    ("configuration", "layers that the manifest has not", lambda v: v["rootfs"]["diff_ids"].append(OTHER)),
]  # fmt: skip


@pytest.mark.parametrize(("where", "what", "change"), CHANGES, ids=[f"{one[0]}: {one[1]}" for one in CHANGES])
def test_what_podman_could_understand_otherwise_is_refused(
    layout: Layout, where: str, what: str, change: Callable[[dict[str, Any]], Any]
) -> None:
    with pytest.raises(LayoutError, match="targets/images/"):
        layout.read({where: change}, {})


@pytest.mark.parametrize("where", ["index", "manifest", "configuration", "layout"])
@pytest.mark.parametrize(
    "spell",
    [
        lambda data: data + b"\n",
        lambda data: b"\xef\xbb\xbf" + data,
        lambda data: data.replace(b":", b": ", 1),
        lambda data: b"{" + data[1:-1] + b"," + data[1:-1] + b"}",
        lambda data: json.dumps(json.loads(data), indent=1).encode(),
        lambda data: data[:-1],
        lambda data: data.decode().encode("utf-16"),
        lambda _: b"[]",
        lambda _: b"null",
    ],
    ids=["a line more", "a mark before", "a space", "each key twice", "indented", "cut", "UTF-16", "a list", "null"],
)
def test_a_second_spelling_is_refused(layout: Layout, where: str, spell: Callable[[bytes], bytes]) -> None:
    with pytest.raises(LayoutError):
        layout.read({}, {where: spell})


@given(st.sampled_from(sorted(DOCUMENTS)), st.binary(max_size=200))
def test_any_bytes_are_a_document_or_refused(kind: str, data: bytes) -> None:
    with pytest.raises(LayoutError):
        document(DOCUMENTS[kind], data, "x")
