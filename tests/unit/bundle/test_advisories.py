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

from appliance.bundle.advisories.feed import ORDERS, PATH, Advisory, Feed, Range, make_feed, read_feed
from appliance.bundle.advisories.feed_import import import_feed
from appliance.bundle.advisories.findings import HOST, Assessment, assess
from appliance.bundle.advisories.osv import read_osv
from appliance.bundle.advisories.vex import read_vex
from appliance.bundle.inputs.sources import upstreams
from appliance.cli.main import app
from appliance.enclave.paths import HostPaths
from appliance.enclave.render import Images
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
        ({"products": [{"subcomponents": []}]}, "products.0: .*@id, identifiers or hashes"),
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


def osv(**affected: Any) -> Advisory:
    data = json.loads((SAMPLES / "osv/PYSEC-2023-74.json").read_bytes())
    data["affected"] = [{"package": {"ecosystem": "PyPI", "name": "Requests"}} | affected]
    return next(read_osv(json.dumps(data).encode(), "x"))


def events(*events: dict[str, str]) -> list[dict[str, Any]]:
    return [{"type": "ECOSYSTEM", "events": list(events)}]


@pytest.mark.parametrize(
    ("affected", "yes", "no"),
    [
        # OSV schema 1.x, "Evaluation": a version is affected if it is listed, or in a range.
        (
            {"ranges": events({"introduced": "2.0"}, {"fixed": "2.1"}), "versions": ["1.5", "2.0.3"]},
            ["1.5", "1.5.0", "2.0", "2.0.3"], ["1.4", "1.6", "2.1"],
        ),
        ({"ranges": events({"introduced": "2.0"}, {"fixed": "2.1"}), "versions": ["1.0.0"]}, ["1.0", "1"], ["1.0.1"]),
        ({"ranges": [{"type": "GIT", "events": [{"introduced": "0"}]}], "versions": ["1.5"]}, ["1.5"], ["1.6"]),
        ({"versions": ["1.5"]}, ["1.5"], ["1.4", "1.6"]),
        ({"ranges": events({"introduced": "0"}, {"limit": "2.0"})}, ["0.1", "1.9"], ["2.0", "3.0"]),
        ({"ranges": events({"introduced": "1.0"}, {"limit": "2.0"}, {"limit": "3.0"})}, ["1.0", "2.5"], ["0.9", "3.0"]),
        ({"ranges": events({"introduced": "1.0"}, {"fixed": "4.0"}, {"limit": "3.0"})}, ["2.9"], ["3.0", "3.5"]),
        ({"ranges": events({"introduced": "1.0"}, {"limit": "*"})}, ["1.0", "99"], ["0.9"]),
        ({"ranges": events({"limit": "2.0"}, {"introduced": "0"}, {"last_affected": "1.0"})}, ["1.0"], ["1.1"]),
        (
            {"ranges": events({"introduced": "1.0"}, {"limit": "2.0"}) + events({"introduced": "3.0"})},
            ["1.5", "3.0", "4.0"], ["2.0", "2.9"],
        ),
        ({"ranges": None, "versions": ["1.0"]}, ["1.0"], ["1.1"]),
        ({"ranges": [{"type": "ECOSYSTEM", "events": None}], "versions": ["1.0"]}, ["1.0"], ["1.1"]),
        ({"ranges": events({"introduced": "2.0"}), "versions": None}, ["2.0"], ["1.0"]),
        ({"ranges": events({"introduced": "not a version"})}, ["1.0"], []),
        ({"ranges": events({"introduced": "1.0"}), "versions": ["unknown"]}, ["1.0", "unknown"], ["0.9"]),
    ],
)  # fmt: skip
def test_what_is_affected_as_the_specification_has_it(affected: dict[str, Any], yes: list[str], no: list[str]) -> None:
    if "not a version" in str(affected):
        affected = {"ranges": events({"introduced": "not-a-version"})}
    advisory = osv(**affected)
    assert [version for version in yes if not advisory.affects(version)] == []
    assert [version for version in no if advisory.affects(version)] == []
    kept = Feed.model_validate(json.loads(make_feed("2026-11-10T00:00:00Z", [], [advisory]).encode())).advisories[0]
    assert kept == advisory
    assert "limit" not in Range(fixed="1").model_dump(), "readers of before read a feed without limits"


@pytest.mark.parametrize(
    "field", ["aliases", "affected", "severity", "database_specific", "withdrawn", "references", "details", "credits"]
)
def test_null_is_absent(field: str) -> None:
    data = json.loads((SAMPLES / "osv/GHSA-35jh-r3h4-6jhm.json").read_bytes())
    found = list(read_osv(json.dumps(data | {field: None}).encode(), "x"))
    assert len(found) == (0 if field == "affected" else 1)
    assert list(read_osv(json.dumps(data | {"affected": [None]}).encode(), "x")) == []


@pytest.mark.parametrize(
    "change", [{"id": None}, {"id": "no name\n"}, {"affected": [{"package": {"ecosystem": "npm", "name": "a b"}}]}]
)
def test_an_advisory_that_cannot_be_written_is_refused_by_its_field(change: dict[str, Any]) -> None:
    data = json.loads((SAMPLES / "osv/GHSA-35jh-r3h4-6jhm.json").read_bytes()) | {"aliases": []}
    with pytest.raises(ApplianceError, match=r"^x: "):
        list(read_osv(json.dumps(data | change).encode(), "x"))


def test_a_name_that_stands_twice_is_refused() -> None:
    data = (SAMPLES / "osv/GHSA-35jh-r3h4-6jhm.json").read_bytes()
    with pytest.raises(ApplianceError, match="'withdrawn' appears twice"):
        list(read_osv(data.rstrip()[:-1] + b', "withdrawn": null, "withdrawn": "2026-01-01T00:00:00Z"}', "x"))


ZLIB = "1:1.2.13.dfsg-1"
PRODUCTS: list[tuple[dict[str, Any], bool]] = [
    ({"@id": "pkg:deb/debian/zlib"}, True),
    ({"@id": f"pkg:deb/debian/zlib@{ZLIB}"}, True),
    ({"@id": "pkg:deb/debian/zlib@1%3A1.2.13.dfsg-1"}, True),
    ({"@id": "pkg:deb/debian/zlib@1%3a1.2.13.dfsg-1?arch=source&distro=debian-12"}, True),
    ({"@id": "pkg:deb/debian/zlib@1%3A1.2.13.dfsg-1?distro=bookworm"}, True),
    ({"@id": "pkg:deb/debian/zlib1g@1:1.2.13.dfsg-1?arch=amd64&upstream=zlib%401:1.2.13.dfsg-1"}, True),
    ({"@id": "pkg:deb/debian/zlib1g?upstream=zlib"}, True),
    ({"@id": "pkg:DEB/Debian/zlib"}, True),
    ({"@id": "https://example.org/product", "identifiers": {"purl": "pkg:deb/debian/zlib"}}, True),
    ({"identifiers": {"purl": "pkg:deb/debian/zlib@1%3A1.2.13.dfsg-1"}}, True),
    ({"@id": "pkg:oci/gateway"}, True),
    ({"@id": "pkg:oci/gateway?repository_url=localhost/appliance&tag=1"}, True),
    ({"@id": "pkg:oci/gateway?arch=amd64"}, True),
    ({"@id": "pkg:oci/gateway@sha256%3ADIGEST?repository_url=localhost"}, True),
    ({"@id": "pkg:oci/gateway@sha256:DIGEST"}, True),
    ({"identifiers": {"purl": "pkg:oci/gateway@sha256%3ADIGEST"}}, True),
    ({"@id": "https://example.org/gateway", "hashes": {"sha-256": "DIGEST"}}, True),
    ({"@id": "pkg:oci/gateway", "subcomponents": [{"@id": "pkg:deb/debian/zlib@1%3A1.2.13.dfsg-1"}]}, True),
    ({"@id": "pkg:oci/gateway", "subcomponents": [{"identifiers": {"purl": "pkg:deb/debian/zlib"}}]}, True),
    ({"@id": "pkg:oci/gateway@sha256%3A" + "0" * 64}, False),
    ({"@id": "pkg:oci/gateway?arch=arm64"}, False),
    ({"@id": "pkg:oci/gateway", "subcomponents": [{"@id": "pkg:deb/debian/openssl"}]}, False),
    ({"@id": "pkg:deb/debian/zlib@1.2.13.dfsg-1"}, False),
    ({"@id": "pkg:deb/debian/zlib?arch=arm64"}, False),
    ({"@id": "pkg:deb/debian/zlib?distro=debian-11"}, False),
    ({"@id": "pkg:deb/ubuntu/zlib"}, False),
    ({"@id": "pkg:deb/debian/zlib1g"}, False),
    ({"@id": "pkg:"}, False),
    ({"@id": "zlib"}, False),
]


@pytest.fixture(scope="module")
def vexed(keys: Keys, tmp_path_factory: pytest.TempPathFactory) -> Assessment:
    """What is said of a bundle with a statement about each product."""
    folder = tmp_path_factory.mktemp("vexed")
    plain = make(folder / "b", keys, {PATH: feed().encode()})
    index = json.loads((plain / "targets/images/index.json").read_bytes())["manifests"]
    name = "org.opencontainers.image.ref.name"
    digest = next(one["digest"] for one in index if one["annotations"][name] == "gateway").removeprefix("sha256:")
    files = {PATH: feed().encode()}
    for number, (product, _) in enumerate(PRODUCTS):
        text = json.dumps(vex(products=[product])).replace("DIGEST", digest)
        files[f"policies/vex/{number:02d}.json"] = text.encode()
    return judge(make(folder / "c", keys, files), keys)


@pytest.mark.parametrize("number", range(len(PRODUCTS)), ids=[json.dumps(product)[:80] for product, _ in PRODUCTS])
def test_a_product_is_what_it_names_however_it_is_written(vexed: Assessment, number: int) -> None:
    said = f"policies/vex/{number:02d}.json, statement 1: CVE-2023-45853 in "
    assert any(line.startswith(said) for line in vexed.unmatched) != PRODUCTS[number][1], vexed.unmatched


def test_a_statement_that_matches_nothing_is_mentioned(keys: Keys, tmp_path: Path) -> None:
    other = vex(vulnerability={"name": "CVE-1999-0001"})
    files = {PATH: feed().encode(), "policies/vex/a.json": json.dumps(other).encode()}
    bundle = make(tmp_path / "b", keys, files)
    expected = "policies/vex/a.json, statement 1: CVE-1999-0001 in pkg:deb/debian/zlib"
    assert judge(bundle, keys).unmatched == (expected,)
    shown = CliRunner().invoke(app, ["bundle", "inspect", str(bundle)]).output
    assert f"unused     {expected}: matches nothing" in shown
    listed = json.loads(CliRunner().invoke(app, ["bundle", "inspect", str(bundle), "--json"]).output)
    assert listed["vulnerabilities"]["unmatched"] == [expected]


def test_a_vulnerability_is_known_by_the_end_of_its_iri(keys: Keys, tmp_path: Path) -> None:
    named = vex(vulnerability={"@id": "https://nvd.nist.gov/vuln/detail/CVE-2023-45853", "name": "zlib overflow"})
    files = {PATH: feed().encode(), "policies/vex/a.json": json.dumps(named).encode()}
    assert judge(make(tmp_path / "b", keys, files), keys).unmatched == ()


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
    shutil.copytree(bundle, paths.root / "bundle" / "1")
    generation = paths.root / "generations" / "1"
    generation.mkdir(parents=True)
    facts = Facts("1", keys.fingerprint, Images({}, {}, {}, {}), models={}, policy="")
    (generation / "generation.json").write_bytes(facts.encode())
    (paths.root / "current").symlink_to("generations/1")
    shutil.copytree(make(tmp_path / "c", keys, {}), paths.root / "bundle" / "2")
    assert len(installed_vulnerabilities(paths).open) == 5
