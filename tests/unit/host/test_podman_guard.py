"""The guarded command `podman`: whose store a command line is about, and what is refused there."""

from pathlib import Path

import pytest

from appliance.host.enforce import podman_guard

Store = dict[str, str]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    root = tmp_path / "appliance"
    (root / "etc").mkdir(parents=True)
    (root / "etc" / "containers.conf").write_text('[engine]\nruntime = "runc"\n')
    (root / "etc" / "storage.conf").write_text(f'[storage]\ngraphroot = "{root}/containers/storage"\n')
    return {"root": str(root), "run": str(tmp_path / "run")}


def own(store: Store) -> dict[str, str]:
    etc = Path(store["root"]) / "etc"
    return {
        "CONTAINERS_CONF": str(etc / "containers.conf"),
        "CONTAINERS_STORAGE_CONF": str(etc / "storage.conf"),
        "HOME": "/nonexistent",
    }


@pytest.mark.parametrize("command", ["ps -a", "run --rm x", "--log-level debug ps", "network ls", "exec x true"])
def test_what_the_hooks_see_passes(store: Store, command: str) -> None:
    assert podman_guard.refusals(command.split(), own(store), store) == []


@pytest.mark.parametrize(
    "command",
    [
        "--hooks-dir /empty run x",
        "run --hooks-dir=/empty x",
        "--runtime /tmp/runc run x",
        "--network-cmd-path /tmp/x run x",
        "run --privileged x",
        "exec --privileged x sh",
        "exec --privileged=true x sh",
        "cp x:/etc/passwd .",
        "container cp x:/etc/passwd .",
        "volume export v",
        "commit x",
        "mount x",
        "container mount x",
        "unshare",
        "save x",
        "export x",
        "container export x",
        "container checkpoint x",
        "container restore -i f",
        "--log-level debug commit x",
        "system service",
        "system reset",
        "tag a b",
        "load -i x",
        "rename a b",
        "image mount x",
        "network connect low high-labeling",
    ],
)
def test_side_doors_are_refused_and_named(store: Store, command: str) -> None:
    reasons = podman_guard.refusals(command.split(), own(store), store)
    assert reasons
    assert any(word in reasons[0] for word in command.replace("=", " ").split()), reasons


def test_another_setting_is_refused_and_named(store: Store) -> None:
    for change in ({"CONTAINERS_CONF": "/srv/other.conf"}, {"CONTAINERS_CONF_OVERRIDE": "/srv/more.conf"}):
        reasons = podman_guard.refusals(["ps"], own(store) | change, store)
        assert any(next(iter(change)) in reason for reason in reasons)


def test_the_store_is_found_behind_options_links_and_settings(store: Store, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(store["root"])
    stranger = {"HOME": "/nonexistent", "CONTAINERS_STORAGE_CONF": "/nonexistent", "CONTAINERS_CONF": "/nonexistent"}
    settings = tmp_path / "storage.conf"
    settings.write_text(f'[storage]\ngraphroot = "{link}/containers/storage"\n')
    about = [
        (["--root", f"{store['root']}/containers/storage", "ps"], stranger),
        (["ps", f"--root={link}/containers/storage"], stranger),
        (["ps"], stranger | {"CONTAINERS_STORAGE_CONF": str(settings)}),
        (["ps"], own(store)),
    ]
    for arguments, environment in about:
        assert podman_guard.store_of(arguments, environment, [store]) is store, arguments


def test_other_stores_are_left_alone(store: Store) -> None:
    stranger = {"HOME": "/nonexistent", "CONTAINERS_STORAGE_CONF": "/nonexistent", "CONTAINERS_CONF": "/nonexistent"}
    assert podman_guard.store_of(["--root", "/srv/containers", "run", "x"], stranger, [store]) is None
    assert podman_guard.store_of(["cp", "x:/y", store["root"] + "-other"], stranger, [store]) is None
    assert podman_guard.store_of(["ps"], own(store), []) is None
