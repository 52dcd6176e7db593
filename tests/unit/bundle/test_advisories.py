"""Known vulnerabilities: feeds are reduced, matched with what a bundle carries, and dismissed only with a reason."""

import json
import shutil
import subprocess
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from appliance.bundle.advisories.feed import ORDERS, PATH, Advisory, Feed, Range, read_feed
from appliance.bundle.advisories.feed_import import import_feed
from appliance.bundle.advisories.findings import HOST, Assessment, assess
from appliance.bundle.advisories.osv import read_osv
from appliance.bundle.advisories.vex import read_vex
from appliance.bundle.inputs.sources import upstreams
from appliance.bundle.read.verify import stage_bundle
from appliance.cli.main import app
from appliance.enclave.render import HostPaths, Images
from appliance.errors import ApplianceError
from appliance.host.report.vulnerabilities import installed_vulnerabilities
from appliance.host.state.generation import Facts
from appliance.trust.repository.client import read_repository
from appliance.trust.repository.schema import Custom
from tests.unit.bundle.sample import NOW, Keys, fill, sign

SAMPLES = Path(__file__).parent / "advisories"
DAY = date(2026, 11, 10)
COMPONENTS = [
    {
        "name": "libssl3",
        "purl": "pkg:deb/debian/libssl3@3.0.11-1~deb12u2?arch=amd64&upstream=openssl%403.0.11-1~deb12u2",
    },
    {"name": "zlib1g", "purl": "pkg:deb/debian/zlib1g@1:1.2.13.dfsg-1?arch=amd64&upstream=zlib%401:1.2.13.dfsg-1"},
    {"name": "libc6", "purl": "pkg:deb/debian/libc6@2.36-9?arch=amd64&upstream=glibc%402.36-9"},
    {"name": "liblzma5", "purl": "pkg:deb/debian/liblzma5@5.4.1-1?arch=amd64&upstream=xz-utils%405.4.1-1"},
    {"name": "Requests", "purl": "pkg:pypi/requests@2.30.0"},
    {"name": "lodash", "purl": "pkg:npm/lodash@4.17.20"},
]
INDEX = b"""\
Package: libssl3
Source: openssl
Version: 3.0.17-1~deb12u2

Package: zlib1g
Source: zlib (1:1.3-1)
Version: 1:1.3-1+b1
"""


def feed() -> Feed:
    return import_feed(DAY, tracker=SAMPLES / "tracker.json", osv=SAMPLES / "osv")


def vex(**statement: Any) -> dict[str, Any]:
    return {
        "@context": "https://openvex.dev/ns/v0.2.0",
        "@id": "urn:mls-appliance:vex:1",
        "author": "olga",
        "timestamp": "2026-11-01T00:00:00Z",
        "version": 1,
        "statements": [
            {
                "vulnerability": {"name": "CVE-2023-45853"},
                "products": [{"@id": "pkg:deb/debian/zlib"}],
                "status": "not_affected",
                "justification": "vulnerable_code_not_present",
            }
            | statement
        ],
    }


def make(folder: Path, keys: Keys, files: dict[str, bytes]) -> Path:
    targets = fill(folder, keys.builder, components=COMPONENTS)
    for path, data in files.items():
        (folder / "targets" / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / "targets" / path).write_bytes(data)
        targets[path] = Custom(
            kind={"advisories": "advisories"}.get(path.split("/")[0], "policy"), label="UNCLASSIFIED"
        )
    sign(folder, targets, keys)
    return folder


def judge(bundle: Path, keys: Keys) -> Assessment:
    return assess(bundle, read_repository(bundle / "metadata", keys.fingerprint, now=NOW).targets)


def test_a_feed_has_what_the_samples_say() -> None:
    assert [(a.id, a.package, a.severity, a.ranges) for a in feed().advisories] == [
        ("CVE-2010-4756", "pkg:deb/debian/glibc", "negligible", [Range()]),
        ("CVE-2023-5678", "pkg:deb/debian/openssl", "unknown", [Range(fixed="3.0.13-1~deb12u1")]),
        ("CVE-2023-45853", "pkg:deb/debian/zlib", "unknown", [Range()]),
        ("CVE-2021-23337", "pkg:npm/lodash", "high", [Range(fixed="4.17.21")]),
        ("CVE-2023-32681", "pkg:pypi/requests", "medium", [Range(introduced="2.3.0", fixed="2.31.0")]),
        ("CVE-2023-32681", "pkg:pypi/requests", "unknown", [Range(introduced="2.3.0", fixed="2.31.0")]),
    ]
    assert feed().encode() == feed().encode()
    assert read_feed(feed().encode(), "feed") == feed()


def test_a_feed_is_reduced_to_the_packages_that_matter() -> None:
    packages = {"pkg:npm/lodash", "pkg:deb/debian/zlib"}
    reduced = import_feed(DAY, tracker=SAMPLES / "tracker.json", osv=SAMPLES / "osv", packages=packages)
    assert {advisory.package for advisory in reduced.advisories} == packages


def test_open_findings_by_severity_with_the_images_that_have_them(keys: Keys, tmp_path: Path) -> None:
    found = judge(make(tmp_path / "b", keys, {PATH: feed().encode(), "debs/Packages": INDEX}), keys)
    assert [(f.id, f.severity, f.version, f.where) for f in found.open] == [
        ("CVE-2021-23337", "high", "4.17.20", ("gateway", "labeling")),
        ("CVE-2023-32681", "medium", "2.30.0", ("gateway", "labeling")),
        ("CVE-2010-4756", "negligible", "2.36-9", ("gateway", "labeling")),
        ("CVE-2023-5678", "unknown", "3.0.11-1~deb12u2", ("gateway", "labeling")),
        ("CVE-2023-45853", "unknown", "1:1.2.13.dfsg-1", ("gateway", "labeling")),
        ("CVE-2023-45853", "unknown", "1:1.3-1", (HOST,)),
    ]
    assert found.counts() == {"high": 1, "medium": 1, "negligible": 1, "unknown": 3}
    assert "feed of 2026-11-10, 11 days old" in found.summary(datetime(2026, 11, 21, tzinfo=UTC))


def test_without_a_feed_nothing_is_claimed(keys: Keys, tmp_path: Path) -> None:
    found = judge(make(tmp_path / "b", keys, {}), keys)
    assert (found.feed, found.open) == (None, ())
    assert "UNKNOWN: the bundle carries no advisory feed" in found.summary()


def test_a_statement_dismisses_with_its_reason(keys: Keys, tmp_path: Path) -> None:
    files = {PATH: feed().encode(), "policies/vex/zlib.json": json.dumps(vex()).encode()}
    found = judge(make(tmp_path / "b", keys, files), keys)
    assert "CVE-2023-45853" not in {finding.id for finding in found.open}
    assert [(f.id, f.reason) for f in found.dismissed] == [("CVE-2023-45853", "vulnerable_code_not_present")]


def test_a_statement_about_one_image_leaves_the_other_open(keys: Keys, tmp_path: Path) -> None:
    product = {"@id": "pkg:oci/gateway", "subcomponents": [{"@id": "pkg:deb/debian/zlib@1:1.2.13.dfsg-1"}]}
    files = {PATH: feed().encode(), "policies/vex/zlib.json": json.dumps(vex(products=[product])).encode()}
    found = judge(make(tmp_path / "b", keys, files), keys)
    assert [f.where for f in found.open if f.id == "CVE-2023-45853"] == [("labeling",)]
    assert [f.where for f in found.dismissed] == [("gateway",)]


def test_a_later_statement_supersedes(keys: Keys, tmp_path: Path) -> None:
    later = vex(status="under_investigation", justification=None) | {"timestamp": "2026-11-05T00:00:00+02:00"}
    files = {PATH: feed().encode(), "policies/vex/a.json": json.dumps(later).encode()}
    files["policies/vex/b.json"] = json.dumps(vex()).encode()
    found = judge(make(tmp_path / "b", keys, files), keys)
    assert [f.status for f in found.open if f.id == "CVE-2023-45853"] == ["under_investigation"]
    assert found.dismissed == ()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"justification": None}, "not_affected needs a justification"),
        ({"justification": "trust me"}, "justification"),
        ({"status": "affected"}, "affected needs an action_statement"),
        ({"status": "fine"}, "status"),
        ({"products": []}, "products"),
        ({"extra": 1}, "extra"),
    ],
)
def test_a_wrong_statement_is_refused(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(ApplianceError, match=reason):
        read_vex(json.dumps(vex(**change)).encode(), "zlib.json")


def test_a_changed_feed_is_not_believed(keys: Keys, tmp_path: Path) -> None:
    bundle = make(tmp_path / "b", keys, {PATH: feed().encode()})
    empty = Feed(created="2026-11-10T00:00:00Z", sources=[], advisories=[])
    (bundle / "targets" / PATH).write_bytes(empty.encode())
    with pytest.raises(ApplianceError, match="not the one that was signed"):
        judge(bundle, keys)


def test_a_delta_says_that_it_cannot_tell(keys: Keys, tmp_path: Path) -> None:
    bundle = make(tmp_path / "b", keys, {PATH: feed().encode()})
    shutil.rmtree(bundle / "targets/attestations")
    assert "delta" in judge(bundle, keys).summary()


def test_bad_downloads_are_refused_by_name(tmp_path: Path) -> None:
    bad = tmp_path / "bad.json"
    bad.write_text('{"openssl": {"CVE-1": {"releases": {"bookworm": {"status": "perhaps"}}}}}')
    with pytest.raises(ApplianceError, match=r"bad.json: openssl.CVE-1.releases.bookworm.status"):
        import_feed(DAY, tracker=bad)
    with pytest.raises(ApplianceError, match=r"bad.json: id"):
        import_feed(DAY, osv=tmp_path)
    with pytest.raises(ApplianceError, match="future"):
        import_feed(date(2999, 1, 1), tracker=SAMPLES / "tracker.json")
    with pytest.raises(ApplianceError, match="nothing to import"):
        import_feed(DAY)


def test_a_withdrawn_advisory_does_not_count() -> None:
    data = json.loads((SAMPLES / "osv/GHSA-35jh-r3h4-6jhm.json").read_bytes())
    assert list(read_osv(json.dumps(data | {"withdrawn": "2026-01-01T00:00:00Z"}).encode(), "x")) == []


def test_events_out_of_order_and_several_ranges() -> None:
    data = json.loads((SAMPLES / "osv/GHSA-35jh-r3h4-6jhm.json").read_bytes())
    events = [{"fixed": "1.10.0"}, {"introduced": "1.9.0"}, {"introduced": "2.0.0"}, {"last_affected": "2.5.0"}]
    data["affected"][0]["ranges"][0]["events"] = events
    advisory = next(read_osv(json.dumps(data).encode(), "x"))
    affected = {v for v in ("1.8.0", "1.9.5", "1.10.0", "2.0.0", "2.5.0", "2.5.1") if advisory.affects(v)}
    assert affected == {"1.9.5", "2.0.0", "2.5.0"}


def test_a_version_that_cannot_be_compared_counts_as_affected() -> None:
    advisory = Advisory(id="A", package="pkg:pypi/x", severity="low", ranges=[Range(fixed="1.0")])
    assert advisory.affects("not a version")


def test_severity_from_a_score_when_the_database_says_no_word() -> None:
    data = json.loads((SAMPLES / "osv/GHSA-35jh-r3h4-6jhm.json").read_bytes())
    del data["database_specific"]
    assert next(read_osv(json.dumps(data).encode(), "x")).severity == "high"


def test_source_packages() -> None:
    assert upstreams(INDEX) == {"libssl3": "openssl@3.0.17-1~deb12u2", "zlib1g": "zlib@1:1.3-1"}


_PARTS = st.text(alphabet="019az.+~", min_size=1, max_size=6)


@given(st.builds("{}:1{}-{}".format, st.integers(0, 2), _PARTS, _PARTS), st.builds("1{}-{}".format, _PARTS, _PARTS))
def test_debian_versions_order_as_dpkg_orders_them(one: str, other: str) -> None:
    known = subprocess.run(["dpkg", "--compare-versions", one, "lt", other], check=False).returncode == 0
    assert (ORDERS["deb"](one) < ORDERS["deb"](other)) == known


def test_the_commands(keys: Keys, tmp_path: Path) -> None:
    out = tmp_path / "feed.json"
    source = ["--debian", str(SAMPLES / "tracker.json"), "--osv", str(SAMPLES / "osv"), "--as-of", "2026-11-10"]
    bundle = make(tmp_path / "b", keys, {"debs/Packages": INDEX})
    result = CliRunner().invoke(app, ["bundle", "advisories", str(out), *source, "--bundle", str(bundle)])
    assert "6 advisories as of 2026-11-10" in result.output
    bundle = make(tmp_path / "c", keys, {PATH: out.read_bytes()})
    shown = CliRunner().invoke(app, ["bundle", "inspect", str(bundle), "--findings"]).output
    assert "vulnerabilities open: 1 high, 1 medium, 1 negligible, 2 unknown; 0 dismissed" in shown
    assert "CVE-2021-23337   pkg:npm/lodash 4.17.20 (gateway, labeling); fixed in 4.17.21" in shown
    listed = json.loads(CliRunner().invoke(app, ["bundle", "inspect", str(bundle), "--json"]).output)
    assert len(listed["vulnerabilities"]["open"]) == 5


def test_a_host_knows_what_it_installed(keys: Keys, tmp_path: Path) -> None:
    paths = HostPaths(tmp_path / "host", tmp_path / "run")
    assert "no bundle is installed" in installed_vulnerabilities(paths).summary()
    bundle = make(tmp_path / "b", keys, {PATH: feed().encode()})
    stage_bundle(bundle, paths.root / "bundle" / "1", keys.fingerprint, now=NOW)
    generation = paths.root / "generations" / "1"
    generation.mkdir(parents=True)
    facts = Facts("1", keys.fingerprint, Images({}, {}, {}, {}), models={}, policy="")
    (generation / "generation.json").write_bytes(facts.encode())
    (paths.root / "current").symlink_to("generations/1")
    stage_bundle(make(tmp_path / "c", keys, {}), paths.root / "bundle" / "2", keys.fingerprint, now=NOW)
    assert len(installed_vulnerabilities(paths).open) == 5
