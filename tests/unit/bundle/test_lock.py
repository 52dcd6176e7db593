"""Debian packages are locked and fetched with the real apt, from an archive made here."""

import shutil
import subprocess
from pathlib import Path

import pytest

from appliance.bundle.build.steps import Builder
from appliance.bundle.inputs.apt import Apt
from appliance.bundle.inputs.collect import Artifact, Store, collect_debs, sha256_of, stage
from appliance.bundle.inputs.debian import index_of
from appliance.bundle.inputs.lock import SourcesLock, differences, locked_as, read_lock, requests, resolve, write_lock
from appliance.bundle.inputs.recipe import Recipe
from appliance.errors import ApplianceError

BASE = Recipe(name="base", packages=["tool"])
CHILD = Recipe(name="child", parent="base", packages=["extra"])
RECIPES = {"base": BASE, "child": CHILD}


class Archive:
    """A Debian archive in a folder, and an apt that knows nothing else."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pool = folder / "pool"
        self.pool.mkdir(parents=True)
        self.apt = Apt(folder / "apt", [f"deb [trusted=yes] copy:{self.pool} ./"])

    def publish(self, name: str, version: str, fields: str = "") -> None:
        for old in self.pool.glob(f"{name}_*.deb"):
            old.unlink()
        tree = self.folder / "tree"
        shutil.rmtree(tree, ignore_errors=True)
        (tree / "DEBIAN").mkdir(parents=True)
        (tree / "usr").mkdir()
        control = f"Package: {name}\nVersion: {version}\nArchitecture: amd64\nMaintainer: a\nDescription: b\n{fields}"
        (tree / "DEBIAN/control").write_text(control)
        target = self.pool / f"{name}_{version.replace(':', '%3a')}_amd64.deb"
        subprocess.run(["dpkg-deb", "-b", "--root-owner-group", tree, target], check=True, capture_output=True)
        packages = [Artifact("deb", "x", "1", path, sha256_of(path)) for path in self.pool.glob("*.deb")]
        (self.pool / "Packages").write_bytes(index_of(packages, self.folder / "control"))


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    archive = Archive(tmp_path / "archive")
    archive.publish("essence", "1", "Essential: yes\n")
    archive.publish("required", "1", "Priority: required\n")
    archive.publish("library", "2:1.0~rc+1")
    archive.publish("tool", "1", "Depends: library\nRecommends: unwanted\n")
    archive.publish("unwanted", "1")
    archive.publish("extra", "1", "Depends: tool\n")
    archive.publish("carried", "1")
    for name in ("apt", "mmdebstrap", "python3"):
        archive.publish(name, "1")
    return archive


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def locked(archive: Archive) -> SourcesLock:
    archive.apt.update()
    return resolve(RECIPES, ["carried"], archive.apt, epoch=86400)


def test_a_closure_holds_what_is_needed_and_nothing_recommended(archive: Archive) -> None:
    lock = locked(archive)
    assert lock.closures == {
        "base": ["essence", "library", "tool"],
        "bootstrap": ["apt", "essence", "python3", "required"],
        "child": ["essence", "extra", "library", "tool"],
        "host": ["apt", "carried", "essence", "mmdebstrap", "required"],
        "minimal": ["apt", "essence", "required"],
    }
    assert lock.debian["library"].version == "2:1.0~rc+1"


def test_a_lock_is_read_as_it_was_written(archive: Archive, tmp_path: Path) -> None:
    lock = locked(archive)
    write_lock(lock, tmp_path / "sources.lock")
    assert read_lock(tmp_path / "sources.lock") == lock


def test_locked_packages_are_fetched_once(archive: Archive, store: Store) -> None:
    lock = locked(archive)
    assert collect_debs(store, lock, archive.apt, relock=pytest.fail) == lock
    shutil.rmtree(archive.pool)
    assert collect_debs(store, lock, archive.apt, relock=pytest.fail) == lock
    assert [deb.name for deb in store.deb_artifacts(lock.closures["base"], lock)] == ["essence", "library", "tool"]


def test_a_version_that_left_the_archive_is_locked_again_and_named(archive: Archive, store: Store) -> None:
    old = locked(archive)
    archive.publish("library", "2:1.1")
    new = collect_debs(store, old, archive.apt, relock=lambda: resolve(RECIPES, ["carried"], archive.apt, epoch=86400))
    assert differences(old, new) == ["library: 2:1.0~rc+1 -> 2:1.1"]
    assert store.missing_debs(new) == []


@pytest.fixture
def builder(archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Builder:
    """A build of a small checkout whose committed lock is of the archive as it is now."""
    monkeypatch.setattr("appliance.bundle.build.steps.Apt", lambda _: archive.apt)
    source = tmp_path / "checkout"
    for recipe in RECIPES.values():
        (source / "images" / recipe.name).mkdir(parents=True)
        text = recipe.model_dump_json(exclude_defaults=True)
        (source / "images" / recipe.name / "image.yml").write_text(text)
    (source / "roles/packages/defaults").mkdir(parents=True)
    (source / "roles/packages/defaults/main.yml").write_text("packages_required: [carried]\n")
    write_lock(locked(archive), source / "images/sources.lock")
    return Builder(source, tmp_path / "cache", tmp_path / "bundle")


def test_a_build_whose_lock_still_resolves_says_nothing_of_it(builder: Builder) -> None:
    assert "WARNING" not in builder.collect_debian().message


def test_a_build_goes_on_with_a_new_lock_and_one_line_that_says_what_changed(
    builder: Builder, archive: Archive
) -> None:
    archive.publish("library", "2:1.1")
    archive.publish("tool", "2", "Depends: library\n")
    _, *said = builder.collect_debian().message.splitlines()
    assert len(said) == 1
    assert "library: 2:1.0~rc+1 -> 2:1.1, tool: 1 -> 2." in said[0]
    visible = builder.out.with_name("bundle.sources.lock")
    assert str(visible) in said[0]
    assert read_lock(visible).debian["tool"].version == "2"
    assert builder.lock == read_lock(visible)


def test_a_new_lock_names_a_few_changes_and_counts_the_rest(builder: Builder, archive: Archive) -> None:
    for name in ("essence", "required", "library", "tool", "extra", "carried"):
        archive.publish(name, "9", {"essence": "Essential: yes\n", "required": "Priority: required\n"}.get(name, ""))
    _, said = builder.collect_debian().message.splitlines()
    assert "carried: 1 -> 9" in said
    assert " and 2 more. " in said


def test_other_bytes_under_a_locked_version_are_refused(archive: Archive, store: Store) -> None:
    lock = locked(archive)
    archive.publish("library", "2:1.0~rc+1", "Section: changed\n")
    with pytest.raises(ApplianceError, match=r"library_.* the lock says"):
        collect_debs(store, lock, archive.apt, relock=pytest.fail)
    assert "library" in store.missing_debs(lock)


def test_a_flipped_byte_in_the_store_is_refused(archive: Archive, store: Store) -> None:
    lock = locked(archive)
    collect_debs(store, lock, archive.apt, relock=pytest.fail)
    path = store.deb_path("tool", lock)
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    with pytest.raises(ApplianceError, match=r"tool_1_amd64\.deb has SHA-256"):
        stage(store.deb_artifacts(["tool"], lock), store.folder)


def test_a_lock_older_than_a_recipe_is_refused_by_name(archive: Archive) -> None:
    lock = locked(archive)
    requested = lock.requested | {"child": [*lock.requested["child"], "more"]}
    with pytest.raises(ApplianceError, match="older than child, htmx"):
        lock.require(requested, {"htmx": "2"})
    lock.require(lock.requested, {})


def test_an_image_that_adds_no_packages_needs_no_new_lock(archive: Archive) -> None:
    lock = locked(archive)
    more = RECIPES | {"service": Recipe(name="service", parent="child")}
    lock.require(requests(more, ["carried"]), {})
    assert locked_as("service", more) == "child"
    assert resolve(more, ["carried"], archive.apt, epoch=86400) == lock


def test_a_package_that_does_not_exist_is_named(archive: Archive) -> None:
    archive.apt.update()
    with pytest.raises(ApplianceError, match="absent"):
        archive.apt.closure(["absent"])
