"""The real bundle, twice: another time, another folder and nothing remembered give the same bytes; so does a site."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.bundle.build.assemble import assemble, sign
from appliance.bundle.build.attest import attest
from appliance.bundle.build.make import checkout, default_cache
from appliance.bundle.build.steps import Builder
from demo.editions import copy_checkout
from tests.unit.bundle.sample import make_keys

pytestmark = [pytest.mark.long, pytest.mark.skipif(os.geteuid() != 0, reason="images are built by root")]


def build(source: Path, cache: Path, out: Path) -> None:
    builder = Builder(source, cache, out)
    builder.collect_debian()
    builder.collect_python()
    builder.collect_javascript()
    builder.unpack_model()
    assemble(builder)


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("first") / "bundle"
    build(checkout(), default_cache(), out)
    return out


def digests(bundle: Path) -> dict[str, str]:
    files = [path for path in (bundle / "targets").rglob("*") if path.is_file()]
    return {str(path.relative_to(bundle)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_images_statements_and_targets_are_the_same_bytes(first: Path, tmp_path: Path) -> None:
    source = copy_checkout(checkout(), tmp_path / "elsewhere", modes=False)
    for name in ("store", "locks"):
        if (default_cache() / name).is_dir():
            shutil.copytree(default_cache() / name, tmp_path / "cache" / name, copy_function=os.link)
    build(source, tmp_path / "cache", tmp_path / "second")
    one, other = digests(first), digests(tmp_path / "second")
    assert {name for name in one | other if one.get(name) != other.get(name)} == set()
    assert sum(name.endswith(".sbom.dsse.json") for name in one) == 8


def test_a_site_without_a_network_builds_all_eight_images_again(first: Path, tmp_path: Path) -> None:
    keys = make_keys(tmp_path / "keys")
    builder = Builder(checkout(), default_cache(), first)
    attest(builder, tmp_path / "keys")
    sign(builder, tmp_path / "keys")
    command = ["unshare", "-n", sys.executable, "-m", "appliance.cli.main", "bundle", "rebuild", str(first), "--json"]
    command += ["--root-fingerprint", keys.fingerprint, "--work", str(tmp_path)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    images = json.loads(done.stdout)
    assert len(images) == 8
    assert [image["name"] for image in images if image["signed"] != image["rebuilt"]] == []
