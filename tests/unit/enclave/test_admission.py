"""The admission hook on configurations that podman 4.3.1 wrote: whatever is changed is refused, or is on the list.

``containers.json`` has what podman made of the appliance's compose files, and the images it was given; the filter is
put in as the runtime gets it.
"""

import copy
import json
from collections.abc import Callable, Container, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from appliance.enclave import admission, admission_hook
from appliance.enclave.paths import HostPaths
from appliance.enclave.render import Images
from appliance.enclave.site import Site, parse_site
from appliance.host.enforce import configuration
from appliance.host.enforce.platform import Platform
from tests.catalogue import CATALOGUE

SAMPLES = json.loads((Path(__file__).parent / "containers.json").read_text())
NAMES = sorted(SAMPLES["containers"])
PLATFORM = Platform(
    cgroups="v1", runtime="runc", cgroup_manager="cgroupfs", apparmor=False, selinux=False, systemd=False,
    nofile=16384, nproc=16384, netavark=Path("/usr/lib/podman/netavark"),
)  # fmt: skip


class Host:
    """A host's files as the hook finds them when podman starts a container.

    Args:
        folder: where they are.
    """

    def __init__(self, folder: Path) -> None:
        self.paths = HostPaths(folder / "root", folder / "run")
        images = SAMPLES["images"]
        named = {name: f"localhost/appliance/{name}:1" for name in images["configs"]}
        loaded = Images(named, dict.fromkeys(named, "sha256:0"), images["identifiers"], images["configs"])
        expected = admission.expected(_site(named), CATALOGUE, loaded, self.paths)
        files = configuration.files(self.paths, PLATFORM)
        files[self.paths.root / "current" / "admission.json"] = json.dumps(expected)
        stored = [
            {"id": one["id"], "names": [name], "image": expected[name]["image"], "layer": one["layer"]}
            for name, one in SAMPLES["containers"].items()
        ]
        self.storage = self.paths.root / "containers" / "storage"
        files[self.storage / "overlay-containers" / "containers.json"] = json.dumps(stored)
        for name in NAMES:
            config = self.config(name)
            sources = {mount["destination"]: Path(mount["source"]) for mount in config["mounts"]}
            files |= {sources[place]: text for place, text in SAMPLES["containers"][name]["files"].items()}
            self.layer(name).mkdir(parents=True)
        for file, text in files.items():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)

    def layer(self, name: str) -> Path:
        """The container's writable layer."""
        return self.storage / "overlay" / str(SAMPLES["containers"][name]["layer"]) / "diff"

    def config(self, name: str) -> dict[str, Any]:
        """What podman wrote."""
        text = json.dumps(SAMPLES["containers"][name]["config"])
        text = text.replace("@root@", str(self.paths.root)).replace("@run@", str(self.paths.run))
        config: dict[str, Any] = json.loads(text)
        profile = json.loads(configuration.confinement("seccomp.json"))
        profile["architectures"] = [entry["architecture"] for entry in profile.pop("archMap")]
        config["linux"]["seccomp"] = profile
        return config

    def reasons(self, name: str, config: dict[str, Any]) -> list[str]:
        """Why the hook refuses a container with that configuration."""
        identifier = SAMPLES["containers"][name]["id"]
        bundle = self.storage / "overlay-containers" / identifier / "userdata"
        bundle.mkdir(parents=True, exist_ok=True)
        (bundle / "config.json").write_text(json.dumps(config))
        state = {"id": identifier, "bundle": str(bundle), "pid": 1}
        where = (str(self.paths.root), str(self.paths.run), "")
        _, reasons, _ = admission_hook.judge(*where, state)  # type: ignore[no-untyped-call]
        return list(reasons)


def _site(images: Container[str]) -> Site:
    """The example's site with the services whose containers are in the samples."""
    site = yaml.safe_load(Path("site.example.yml").read_text())
    for enclave in site["enclaves"]:
        enclave["services"] = [name for name in enclave["services"] if name in images]
    return parse_site(site)


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Host:
    return Host(tmp_path_factory.mktemp("host"))


def leaves(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Paths of everything in a document that holds nothing further; of empty lists and objects too."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    if not inner:
        yield path
    for key, one in inner:
        yield from leaves(one, (*path, key))


def changed(config: dict[str, Any], path: tuple[str | int, ...], new: Any) -> dict[str, Any]:
    """A copy with another value at ``path``; without it where ``new`` is ``...``."""
    result = copy.deepcopy(config)
    at: Any = result
    for key in path[:-1]:
        at = at[key]
    if new is ...:
        del at[path[-1]]
    else:
        at[path[-1]] = new
    return result


def another(value: Any) -> Any:
    """Another value of the same type."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    return f"{value}x" if isinstance(value, str) else ["x"] if isinstance(value, list) else {"x": "y"}


def is_listed(path: tuple[str | int, ...], new: Any) -> bool:
    """Whether the hook says that it does not compare this."""
    name = "/".join(map(str, path))
    if new is ... and f"{name}, absent" in admission_hook.NOT_COMPARED:
        return True
    return any(
        name.startswith(entry[:-1]) if entry.endswith("*") else name == entry for entry in admission_hook.NOT_COMPARED
    )


@pytest.mark.parametrize("name", NAMES)
def test_what_podman_makes_of_the_generation_is_admitted(host: Host, name: str) -> None:
    assert host.reasons(name, host.config(name)) == []


@pytest.mark.parametrize("name", NAMES)
def test_the_order_of_mounts_and_of_the_environment_varies(host: Host, name: str) -> None:
    config = host.config(name)
    config["mounts"].reverse()
    config["process"]["env"].reverse()
    assert host.reasons(name, config) == []


def test_every_leaf_that_is_changed_or_taken_away_is_refused_or_on_the_list(host: Host) -> None:
    name = "secret-labeling"
    config = host.config(name)
    paths = list(leaves(config))
    assert len(paths) > 400
    passed = []
    for path in paths:
        old: Any = config
        for key in path:
            old = old[key]
        tries = [new for new in (another(old), ...) if not is_listed(path, new)]
        passed += [(path, new) for new in tries if not host.reasons(name, changed(config, path, new))]
    assert passed == []


VALUES = st.one_of(st.just(...), st.just("x"), st.just(7), st.just(True), st.just(["x"]), st.just({"x": 1}))


@given(st.sampled_from(NAMES), st.data())
def test_whatever_is_put_in_the_place_of_anything_is_refused_or_on_the_list(
    host: Host, name: str, data: st.DataObject
) -> None:
    config = host.config(name)
    path: tuple[str | int, ...] = ()
    at: Any = config
    while isinstance(at, dict | list) and at and (not path or data.draw(st.booleans())):
        key = data.draw(st.sampled_from(sorted(at) if isinstance(at, dict) else range(len(at))))
        path, at = (*path, key), at[key]
    new = data.draw(VALUES)
    if new != at or type(new) is not type(at):
        refused = host.reasons(name, changed(config, path, new))
        assert refused or is_listed(path, new), (path, new)


@given(st.sampled_from(NAMES), st.data())
def test_whatever_is_added_anywhere_is_refused_or_on_the_list(host: Host, name: str, data: st.DataObject) -> None:
    config = host.config(name)
    at: Any = config
    path: tuple[str | int, ...] = ()
    while data.draw(st.booleans()):
        inner = sorted(at) if isinstance(at, dict) else range(len(at))
        deeper = [key for key in inner if isinstance(at[key], dict | list)]
        if not deeper:
            break
        key = data.draw(st.sampled_from(deeper))
        path, at = (*path, key), at[key]
    new = data.draw(VALUES.filter(lambda value: value is not ...))
    if isinstance(at, dict):
        at["added"] = new
    else:
        at.append(new)
    assert host.reasons(name, config) or is_listed((*path, "added"), new), path


ATTACKS: dict[str, tuple[str, str, str]] = {
    # Destination, type and source of a mount that podman adds.
    "podman's own secret on a module": ("/opt/appliance/app/main.pyc", "bind", "{own}/secrets/x"),
    "a file of userdata elsewhere": ("/etc/ld.so.preload", "bind", "{own}/hosts"),
    "another file of userdata": ("/etc/passwd", "bind", "{own}/passwd"),
    "a tmpfs over the code": ("/opt", "tmpfs", "tmpfs"),
    "a second mount of one place": ("/run/secrets", "tmpfs", "tmpfs"),
    "an overlay": ("/opt", "overlay", "overlay"),
    "the host's devices": ("/dev", "bind", "/dev"),
    "a place that begins at no root": ("x", "tmpfs", "tmpfs"),
    "a place of two roots": ("//x", "tmpfs", "tmpfs"),
}


@pytest.mark.parametrize("what", ATTACKS)
def test_a_mount_that_no_generation_has_is_refused(host: Host, what: str) -> None:
    name = "secret-labeling-migrate"
    config = host.config(name)
    own = host.storage / "overlay-containers" / SAMPLES["containers"][name]["id"] / "userdata"
    destination, kind, source = ATTACKS[what]
    config["mounts"].append({"destination": destination, "type": kind, "source": source.format(own=own), "options": []})
    (reason,) = host.reasons(name, config)
    assert reason.startswith("mounts: ")
    assert destination in reason


@pytest.mark.parametrize(
    ("line", "refused"),
    [
        ("192.0.2.1 gateway.internal", True), ("10.78.2.2 gateway.internal other.internal", True), ("::1 x", True),
        ("127.0.0.1 localhost", False), ("# a comment", False), ("", False),
        ("10.78.2.10 labeling secret-labeling", False),
        ("192.0.2.1 secret-labeling", True), ("192.0.2.1 labeling gateway.internal", True),
    ],
)  # fmt: skip
def test_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, line: str, refused: bool) -> None:
    host = Host(tmp_path)
    config = host.config("secret-labeling")
    hosts = Path(next(m["source"] for m in config["mounts"] if m["destination"] == "/etc/hosts"))
    hosts.write_text(f"{line}\n{hosts.read_text()}")
    assert [reason.partition(":")[0] for reason in host.reasons("secret-labeling", config)] == ["files"] * refused
    hosts.write_text("127.0.0.1 localhost\n")
    assert "files" in host.reasons("secret-labeling", config)[0], "the gateway's name is missing"


def _become_a_link(folder: Path) -> None:
    folder.rmdir()
    folder.symlink_to("/etc")


def test_what_was_put_into_a_container_before_it_starts_is_refused(tmp_path: Path) -> None:
    host, name = Host(tmp_path), "secret-labeling"
    layer = host.layer(name)
    (layer / "etc").mkdir()
    (layer / "var" / "lib" / "appliance").mkdir(parents=True)
    (layer / "etc" / "hosts").touch()
    (layer / "etc" / "mtab").symlink_to("/proc/mounts")
    assert host.reasons(name, host.config(name)) == [], "the places of mounts, as the runtime makes them"
    (layer / "etc" / "mtab").unlink()
    tries: dict[str, Callable[[Path], object]] = {
        "etc/ld.so.preload": lambda file: file.write_text("/tmp/x.so"),  # noqa: S108
        "etc/hosts": lambda file: file.write_text("192.0.2.1 gateway.internal"),
        "etc/empty.conf": lambda file: file.touch(),
        "opt": lambda file: file.mkdir(),
        "etc/mtab": lambda file: file.symlink_to("/srv/other"),
        "var/lib/appliance": _become_a_link,
    }
    for path, make in tries.items():
        make(layer / path)
        (reason,) = host.reasons(name, host.config(name))
        assert reason.startswith("written")
        assert path in reason
        if path == "etc/hosts":
            (layer / path).write_text("")
        elif path == "opt":
            (layer / path).rmdir()
        else:
            (layer / path).unlink()


def test_each_entry_of_the_lists_has_its_reason() -> None:
    for entries in (admission_hook.NOT_COMPARED, admission_hook.NOT_IN_CONFIGURATION):
        assert all(len(reason) > 20 for reason in entries.values())
