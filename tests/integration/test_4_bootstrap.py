"""A bare Debian 12 host without a network begins with one script, two lines of paper and a read-only medium."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from appliance.bundle.media.discs import split_bundle
from demo import people
from demo.instance import Instance
from tests.bare import BareHost, bare_host


@pytest.fixture(scope="module")
def medium(site: Instance, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what the bootstrap reads, for attacks; hard links to the rest."""
    copy = tmp_path_factory.mktemp("medium") / "bundle"
    shutil.copytree(site.bundle, copy, copy_function=lambda a, b: Path(b).hardlink_to(a))
    return copy


@pytest.fixture(scope="module")
def host(site: Instance, medium: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[BareHost]:
    with bare_host(tmp_path_factory.mktemp("host") / "bare") as bare:
        bare.insert(medium, "/media/disc")
        bare.insert(site.site, "/media/site")
        bare.wire([site.address(last) for last in (10, 11, 12, 13)])
        yield bare


def listed(medium: Path, folder: str) -> list[str]:
    """The packages that the script names."""
    return re.findall(rf"^({folder}/\S+) \d+ [0-9a-f]{{64}}$", (medium / "bootstrap.sh").read_text(), re.MULTILINE)


def paper(site: Instance) -> str:
    """What the printed page tells people to type first."""
    page = site.bundle.with_name("bundle.paper.txt").read_text()
    return "; ".join(re.findall(r"^(?:BOOTSTRAP=|ROOT=|cp ).*$", page, re.MULTILINE))


def untouched(host: BareHost) -> bool:
    """Whether nothing was installed."""
    return host.type("command -v python3 || ls /usr/local/lib/appliance").returncode != 0


def test_a_changed_script_is_not_the_one_on_paper(site: Instance, host: BareHost, medium: Path) -> None:
    script = medium / "bootstrap.sh"
    original = script.read_bytes()
    script.unlink()
    script.write_bytes(original.replace(b"set -eu", b"set -e "))
    answer = host.type(paper(site))
    script.write_bytes(original)
    assert answer.returncode != 0
    assert "/root/bootstrap.sh: FAILED" in answer.stdout


def test_the_script_says_what_it_would_do(site: Instance, host: BareHost) -> None:
    answer = host.type(paper(site))
    assert answer.stdout.strip() == "/root/bootstrap.sh: OK"
    assert "Usage: sh bootstrap.sh" in host.type("sh bootstrap.sh --help").stdout
    answer = host.type("sh bootstrap.sh --dry-run /media/disc")
    assert answer.returncode == 0, answer.stderr
    assert "nothing was changed" in answer.stderr
    assert untouched(host)


@pytest.mark.parametrize("attack", ["changed", "swapped", "link", "missing", "longer", "wheel", "folder"])
def test_a_medium_that_was_tampered_with(host: BareHost, medium: Path, attack: str) -> None:
    victim, other = (medium / "targets" / path for path in listed(medium, "debs")[:2])
    if attack == "wheel":
        victim = medium / "targets" / listed(medium, "wheels")[-1]
    saved = victim.with_name("saved")
    victim.rename(saved)
    folder = victim.parent
    if attack in {"changed", "wheel"}:
        data = bytearray(saved.read_bytes())
        data[len(data) // 2] ^= 1
        victim.write_bytes(data)
    elif attack == "swapped":
        shutil.copyfile(other, victim)
    elif attack == "link":
        victim.symlink_to("saved")
    elif attack == "longer":
        victim.write_bytes(saved.read_bytes() + b"x")
    elif attack == "folder":
        saved.rename(victim)
        folder.rename(folder.with_name("elsewhere"))
        folder.symlink_to("elsewhere")
    answer = host.type("sh bootstrap.sh /media/disc")
    if attack == "folder":
        folder.unlink()
        folder.with_name("elsewhere").rename(folder)
    else:
        victim.unlink(missing_ok=True)
        saved.rename(victim)
    assert answer.returncode == 1
    assert answer.stderr.count("refused: ") == 1
    named = folder if attack == "folder" else victim
    assert f"refused: /media/disc/{named.relative_to(medium)}" in answer.stderr
    assert untouched(host)


def test_no_disc_and_the_wrong_disc(site: Instance, host: BareHost, medium: Path, tmp_path: Path) -> None:
    answer = host.type("sh bootstrap.sh /media/nothing")
    assert "holds no bundle" in answer.stderr
    split_bundle(site.bundle, tmp_path / "discs", 400_000_000, people.fingerprint(site))
    host.insert(tmp_path / "discs" / "disc-02", "/media/disc")
    answer = host.type("sh bootstrap.sh /media/disc")
    assert "missing" in answer.stderr
    assert "insert the disc that holds it (the first)" in answer.stderr
    assert untouched(host)
    host.insert(tmp_path / "discs" / "disc-01", "/media/disc")
    answer = host.type("sh bootstrap.sh --dry-run /media/disc")
    assert answer.returncode == 0, answer.stderr
    host.insert(medium, "/media/disc")


def test_the_bare_host_ends_with_the_appliance_proving_the_bundle(site: Instance, host: BareHost) -> None:
    """A package that is here in a newer version stays, the rest comes from the medium, the appliance takes over."""
    newer = "mkdir -p p/DEBIAN; printf 'Package: media-types\\nVersion: 99\\nArchitecture: all\\nMaintainer: a\\n"
    newer += "Description: b\\n' >p/DEBIAN/control; dpkg-deb -b p newer.deb; dpkg -i newer.deb"
    assert host.type(newer).returncode == 0
    prints = f"--root-fingerprint {people.fingerprint(site)} --officers-fingerprint "
    answer = host.type(
        f"sh bootstrap.sh /media/disc --site /media/site {prints}{people.officers_fingerprint(site)} --dry-run"
    )
    assert "verify the bundle" in answer.stderr, answer.stderr
    assert "check this host" in answer.stderr
    assert host.type("dpkg-query -Wf '${Version}' media-types").stdout == "99"
    proof = host.type(f"appliance bundle verify /media/disc --quiet --root-fingerprint {people.fingerprint(site)}")
    assert proof.returncode == 0, proof.stderr
    assert "PASSED" in proof.stdout


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_the_bare_host_becomes_a_working_site(site: Instance, host: BareHost) -> None:
    """From nothing but Debian's minimum to enclaves that answer, with one command from the paper."""
    prints = f"--root-fingerprint {people.fingerprint(site)} --officers-fingerprint {people.officers_fingerprint(site)}"
    assert host.type(paper(site)).stdout.strip() == "/root/bootstrap.sh: OK"
    answer = host.type(f"sh bootstrap.sh /media/disc --site /media/site {prints}")
    assert answer.returncode == 0, answer.stdout[-3000:] + answer.stderr[-3000:]
    assert "installed: generation 1" in answer.stdout
    status = json.loads(host.type("appliance host status --json").stdout)
    assert status["healthy"], status
    states = {container["name"]: container["state"] for container in status["containers"]}
    described = yaml.safe_load((site.build / "site.yml").read_text())["enclaves"]
    assert {f"{one['name']}-{service}" for one in described for service in one["services"]} <= set(states)
    assert {state for name, state in states.items() if not name.endswith("-migrate")} == {"running"}, states
    verified = json.loads(host.type("appliance host verify --json").stdout)
    assert verified["findings"] == []
    log = host.type("appliance audit verify --key /var/lib/appliance/log/log.vkey")
    assert log.returncode == 0, log.stderr


def test_again_changes_nothing(host: BareHost) -> None:
    changed = "find /usr /var/lib/dpkg -newer /root/before -type f | grep -v __pycache__"
    host.type("touch before; sleep 1.1")
    answer = host.type("sh bootstrap.sh /media/disc")
    assert answer.returncode == 0
    assert host.type(changed).stdout == ""
