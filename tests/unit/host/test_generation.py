"""Generations: staged beside what runs, switched to in one step, and complete whatever was killed when."""

import shutil
from pathlib import Path

import pytest

from appliance.enclave.paths import HostPaths
from appliance.enclave.render import Images
from appliance.errors import ApplianceError
from appliance.host.state import generation
from appliance.host.state.generation import Facts
from appliance.monitor.in_force import registries
from tests.unit.host.killed import at_each_step

IMAGES = Images({}, {}, {"labeling": "a" * 64}, {})


def files(bundle: str) -> dict[str, bytes]:
    facts = Facts(bundle=bundle, root_fingerprint="0" * 64, images=IMAGES, models={}, policy="1" * 64)
    return {
        "generation.json": facts.encode(),
        "admission.json": b"{}",
        "enclaves/secret/nginx.conf": bundle.encode(),
        "site/certificates/ca.pem": b"ca",
    }


@pytest.fixture
def paths(tmp_path: Path) -> HostPaths:
    """A host that runs generation 1."""
    paths = HostPaths(tmp_path / "root", tmp_path / "run")
    run(paths, "1-a")
    return paths


def stage(paths: HostPaths, bundle: str) -> Path:
    return generation.stage(paths, files(bundle), back=generation.last_healthy(paths))


def run(paths: HostPaths, bundle: str) -> Path:
    folder = stage(paths, bundle)
    generation.switch(paths, folder)
    generation.mark_healthy(folder)
    return folder


def test_staging_touches_nothing_that_runs_and_the_same_again_is_the_same(paths: HostPaths) -> None:
    second = stage(paths, "2-a")
    assert generation.current(paths) == second.with_name("1")
    assert stage(paths, "2-a") == second
    assert stage(paths, "1-a") == second.with_name("1")
    assert generation.content(second) == files("2-a")


def test_keys_are_for_root_and_settings_for_the_containers(paths: HostPaths) -> None:
    now = generation.required(paths)
    assert (now / "site/certificates/ca.pem").stat().st_mode & 0o777 == 0o600
    assert (now / "enclaves/secret/nginx.conf").stat().st_mode & 0o777 == 0o644


def test_a_return_leads_to_the_last_that_was_healthy(paths: HostPaths) -> None:
    second = stage(paths, "2-a")
    generation.switch(paths, second)
    third = stage(paths, "3-a")
    assert generation.previous(second) == generation.previous(third) == second.with_name("1")


def test_the_first_generation_has_none_to_return_to(paths: HostPaths) -> None:
    assert generation.previous(generation.required(paths)) is None


def test_a_failed_generation_is_not_taken_again(paths: HostPaths) -> None:
    second = stage(paths, "2-a")
    generation.mark_failed(second, "no")
    assert generation.failure(second) == "no"
    assert stage(paths, "2-a").name == "3"


def test_switching_again_asks_for_proof_again_and_a_return_does_not(paths: HostPaths) -> None:
    first = generation.required(paths)
    run(paths, "2-a")
    generation.switch(paths, first, proven=True)
    assert generation.is_healthy(first)
    generation.switch(paths, first.with_name("2"))
    assert not generation.is_healthy(first.with_name("2"))


def test_nothing_installed_is_said(tmp_path: Path) -> None:
    with pytest.raises(ApplianceError, match="nothing is installed"):
        generation.required(HostPaths(tmp_path, tmp_path))


def test_killed_at_any_step_the_old_or_the_new_one_is_whole(paths: HostPaths) -> None:
    def update() -> None:
        generation.switch(paths, stage(paths, "2-a"))

    killed = 0
    for _ in at_each_step(paths.root, update):
        killed += 1
        now = generation.required(paths)
        assert generation.content(now) in (files("1-a"), files("2-a"))
        assert all(generation.content(g) in (files("1-a"), files("2-a")) for g in generation.generations(paths))
        assert (now / "software").is_symlink()
        shutil.rmtree(paths.root)
        run(paths, "1-a")
    assert killed > 15
    assert generation.content(generation.required(paths)) == files("2-a")


def test_killed_at_any_step_the_update_can_go_on(paths: HostPaths) -> None:
    def update() -> None:
        generation.switch(paths, stage(paths, "2-a"))

    for _ in at_each_step(paths.root, update):
        pass  # nothing is cleared away: each attempt finds what the one before left
    assert generation.content(generation.required(paths)) == files("2-a")
    assert [g.name for g in generation.generations(paths)] == ["1", "2"]


def test_killed_at_any_step_the_registries_are_the_old_or_the_new_ones(tmp_path: Path) -> None:
    paths = HostPaths(tmp_path / "root", tmp_path / "run")
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
        for file in registries.FILES:
            (tmp_path / name / file).write_text(f"{name} {file}")

    def content() -> set[str]:
        now = registries.in_force(paths)
        assert now
        return {(now / file).read_text().split()[0] for file in registries.FILES}

    registries.accept(paths, tmp_path / "old", "0" * 64)
    seen = set()
    for _ in at_each_step(paths.root, lambda: registries.accept(paths, tmp_path / "new", "1" * 64)):
        assert len(content()) == 1
        seen |= content()
    assert "old" in seen
    assert content() == {"new"}
    registries.prune(paths)
    assert len([entry for entry in paths.registries.iterdir() if not entry.is_symlink()]) == 1
