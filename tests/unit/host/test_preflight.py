"""What a host lacks is found before anything changes, all of it, each with its rule and remedy."""

import re
import socket
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from appliance.contract.catalogue import Catalogue
from appliance.enclave.paths import HostPaths
from appliance.enclave.site import Enclave, Site, load_site
from appliance.errors import ApplianceError
from appliance.host.change import preflight
from appliance.host.change.preflight import Host
from appliance.host.enforce import kernel
from appliance.host.enforce.platform import detect, is_root
from appliance.host.state import space
from appliance.host.state.clock import last_entry, latest
from appliance.monitor.decide.policy import parse_policy
from tests.catalogue import CATALOGUE

NOW = datetime(2026, 6, 1, tzinfo=UTC)
SITE = load_site(Path("site.example.yml"))
POLICY = parse_policy(yaml.safe_load(Path("policies/access.yml").read_text()))
SIZES = {
    "images/blobs/sha256/aa": 1000 << 20,
    "wheels/a.whl": 100 << 20,
    "models/smollm2-135m-instruct.q4_1.gguf": 90 << 20,
    "debs/a.deb": 10 << 20,
}


@pytest.fixture
def host(tmp_path: Path) -> Host:
    paths = HostPaths(tmp_path / "root", tmp_path / "run")
    rooms = space.rooms(space.needs(paths, SITE, "1-a", SIZES))
    return Host(paths, SITE, POLICY, CATALOGUE, detect(), rooms, reference_time=NOW, now=NOW)


def refusals(host: Host) -> list[ApplianceError]:
    return [finding for finding in preflight.examine(host) if isinstance(finding, ApplianceError)]


def test_a_service_that_the_bundle_does_not_offer_is_refused(host: Host) -> None:
    lacking = Catalogue(services=CATALOGUE.services[1:])
    (found,) = [error for error in refusals(replace(host, offered=lacking)) if "services" in error.message]
    assert "enclaves.0.services: 'unclassified' runs 'labeling'" in found.message


MODEL = "models/smollm2-135m-instruct.q4_1.gguf"


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        ({"debs/a.deb": "UNCLASSIFIED", MODEL: "UNCLASSIFIED"}, None),
        ({"policies/x.yml": "SECRET//NOFORN"}, None),
        ({"policies/x.yml": "TOP SECRET//NOFORN"}, "no enclave of this site dominates"),
        ({"policies/x.yml": "SECRET//TK//NOFORN"}, "no enclave of this site dominates|no marking"),
        ({MODEL: "SECRET//REL TO USA, GBR"}, "enclave 'unclassified' .* serves 'smollm2-135m-instruct.q4_1'"),
        ({MODEL: "SECRET//NOFORN"}, "enclave 'secret' .* serves"),
        ({MODEL.replace(".gguf", ".card.json"): "CUI"}, "enclave 'unclassified' .* serves"),
    ],
)
def test_nothing_is_installed_above_the_enclave_that_holds_it(
    host: Host, labels: dict[str, str], reason: str | None
) -> None:
    said = "\n".join(error.message for error in refusals(replace(host, labels=labels)) if "marked" in error.message)
    assert said == "" if reason is None else re.search(reason, said), said


def test_what_the_bundle_offers_beyond_the_signed_rules_is_told(host: Host) -> None:
    assert not [finding for finding in preflight.examine(host) if "offered" in str(finding)]
    narrower = POLICY.model_copy(update={"routes": POLICY.routes | {"inference": POLICY.routes["inference"][2:]}})
    told = [str(finding) for finding in preflight.examine(replace(host, policy=narrower))]
    assert "offered and not open: inference: GET /inference/** (read)" in told
    assert any("draft-access" in line for line in told)


def test_room_is_asked_for_by_purpose_and_gathered_by_file_system(host: Host) -> None:
    needs = {need.what: need.length >> 20 for room in host.rooms for need in room.needs}
    assert needs["the bundle"] == 1200
    assert needs["its images, unpacked"] == 3500
    assert needs["its Python environment"] == 350
    assert needs["a file system for each enclave"] == 3 * 2048
    assert needs["a cold copy of the data"] == 0
    assert len({room.path.stat().st_dev for room in host.rooms}) == len(host.rooms)


def test_what_is_there_already_needs_no_room(host: Host) -> None:
    staged = host.paths.root / "bundle/1-a/targets/wheels/a.whl"
    staged.parent.mkdir(parents=True)
    with staged.open("wb") as file:
        file.truncate(100 << 20)
    needs = {need.what: need.length >> 20 for need in space.needs(host.paths, SITE, "1-a", SIZES)}
    assert needs["the bundle"] == 1100


def test_a_full_file_system_is_named_with_what_it_lacks(host: Host) -> None:
    room = replace(host.rooms[0], free=100 << 20)
    found = [error for error in refusals(replace(host, rooms=[room])) if "MiB free" in error.message]
    assert len(found) == 1
    assert "100 MiB free" in found[0].message
    assert f"free {((room.needed - room.free) >> 20) + 1} MiB" in found[0].remedy


def test_a_folder_whose_sockets_would_have_too_long_names_is_named(host: Host) -> None:
    longest = len("/unclassified/record/evaluation/record.sock")
    for length, refused in ((107 - longest, False), (108 - longest, True)):
        paths = replace(host.paths, run=Path("/" + "r" * (length - 1)))
        found = [error.message for error in refusals(replace(host, paths=paths)) if "sockets" in error.message]
        assert bool(found) == refused, (length, found)


def test_a_clock_that_is_behind_is_refused_and_one_a_little_behind_is_not(host: Host) -> None:
    behind = replace(host, now=NOW - timedelta(hours=1))
    assert any("the clock says" in error.message for error in refusals(behind))
    close = replace(host, now=NOW - timedelta(minutes=5))
    assert not any("the clock says" in error.message for error in refusals(close))


def test_the_last_record_of_the_log_counts_as_time(tmp_path: Path) -> None:
    assert last_entry(tmp_path) is None
    (tmp_path / "bodies").mkdir()
    line = '{"index":%d,"salt":"00","label":"U;;*","body":{"label":"U;;*","time":%d}}\n'
    future = datetime.now(UTC) + timedelta(days=3)
    text = line % (0, 1000) + line % (1, int(future.timestamp() * 1000)) + '{"index":2,"sa'
    (tmp_path / "bodies" / "000000000000.jsonl").write_text(text)
    assert abs(latest(tmp_path) - future) < timedelta(seconds=1)


def test_an_address_of_another_host_is_named(host: Host) -> None:
    found = [error.message for error in refusals(host) if "is not this host's" in error.message]
    assert [enclave.name in text for enclave, text in zip(SITE.enclaves, found, strict=True)] == [True] * 3


@pytest.mark.skipif(not is_root(), reason="port 443 is root's")
def test_a_port_that_somebody_else_holds_is_named_with_the_process(host: Host) -> None:
    enclave = SITE.enclaves[0].model_copy(update={"address": "127.9.9.9"})
    here: Site = SITE.model_copy(update={"enclaves": (Enclave.model_validate(enclave.model_dump()),)})
    with socket.socket() as other:
        other.bind(("127.9.9.9", 443))
        other.listen()
        found = refusals(replace(host, site=here))
        assert any("port 443 is taken by" in error.message and "process" in error.message for error in found)
    assert not any("443" in error.message for error in refusals(replace(host, site=here)))


@pytest.mark.skipif(not is_root(), reason="mounting needs root")
def test_a_kernel_feature_that_does_not_work_is_named_with_what_was_said(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert list(kernel.missing(host.platform, tmp_path)) == []
    monkeypatch.setattr(kernel, "RULES", "table inet x { chain y { no such statement } }")
    assert [name for name, said in kernel.missing(host.platform, tmp_path) if said] == [
        "nftables with connection tracking"
    ]
    assert list(tmp_path.iterdir()) == []


def test_the_first_refusal_is_raised_and_the_others_counted() -> None:
    with pytest.raises(ApplianceError, match=r"no room \(and 1 more") as error:
        preflight.require(["fine", ApplianceError("no room", rule="r", remedy="m"), ApplianceError("no port")])
    assert (error.value.rule, error.value.remedy) == ("r", "m")
    preflight.require(["fine"])


def test_a_program_that_the_bundle_will_bring_is_not_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("sh", "unshare", "mount"):  # what every Debian has
        (programs / name).symlink_to(next(p for p in ("/bin/" + name, "/usr/bin/" + name) if Path(p).exists()))
    monkeypatch.setenv("PATH", str(programs))
    found = dict(kernel.missing(detect(), tmp_path))
    assert not [said for said in found.values() if "not found" in said], found
