"""An officer sees what a new bundle changes before it is installed."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from appliance.bundle.read.diff import Change, Difference, compare, to_html
from appliance.cli.main import app
from appliance.errors import ApplianceError
from appliance.trust.repository.schema import Custom
from tests.unit.bundle.sample import Keys, fill, sign


def component(name: str, version: str, licence: str) -> dict[str, Any]:
    purl = f"pkg:deb/debian/{name}@{version}?arch=amd64"
    return {"name": name, "version": version, "purl": purl, "licenses": [{"expression": licence}]}


@pytest.fixture
def old(tmp_path: Path, keys: Keys) -> Path:
    components = [component("openssl", "3.0.18", "Apache-2.0"), component("gone", "1", "GPL-2.0-only")]
    sign(tmp_path / "old", fill(tmp_path / "old", keys.builder, components=components), keys)
    return tmp_path / "old"


@pytest.fixture
def new(tmp_path: Path, keys: Keys) -> Path:
    folder = tmp_path / "new"
    components = [component("openssl", "3.0.19", "Apache-2.0"), component("<b>fresh", "2", "MIT")]
    targets = fill(folder, keys.builder, model_size=2_000_000, components=components)
    (folder / "targets/policies/access.yml").write_text("roles: {analyst: {}}\n")
    targets["policies/access.yml"] = Custom(kind="policy", label="UNCLASSIFIED")
    sign(folder, targets, keys, version=2)
    return folder


def named(changes: list[Change]) -> dict[str, tuple[str | None, str | None]]:
    return {change.name: (change.old, change.new) for change in changes}


def test_every_kind_of_change_is_shown(old: Path, new: Path, keys: Keys) -> None:
    difference = compare(old, new, keys.fingerprint)
    assert named(difference.packages) == {
        "deb/debian/openssl": ("3.0.18", "3.0.19"),
        "deb/debian/gone": ("1", None),
        "deb/debian/<b>fresh": (None, "2"),
    }
    assert difference.packages[0].where == ("gateway", "labeling")
    assert named(difference.licences) == {"GPL-2.0-only": ("used", None), "MIT": (None, "used")}
    assert list(named(difference.models)) == ["models/small.gguf"]
    assert named(difference.labels) == {"policies/access.yml": ("SECRET//REL TO USA, GBR", "UNCLASSIFIED")}
    assert difference.policies[0].lines[-2:] == ("-roles: {}", "+roles: {analyst: {}}")
    assert difference.images == []
    assert difference.to_carry > 2_000_000


def test_a_bundle_does_not_differ_from_itself(old: Path) -> None:
    difference = compare(old, old)
    assert difference.to_carry == 0
    changes = Difference.model_fields.keys() - {"old", "new", "to_carry"}
    assert all(getattr(difference, name) == [] for name in changes)


def test_a_changed_sbom_is_not_believed(old: Path, new: Path) -> None:
    file = new / "targets/attestations/gateway.sbom.dsse.json"
    file.write_bytes(file.read_bytes().replace(b"a", b"b", 1))
    with pytest.raises(ApplianceError, match=r"gateway.sbom.dsse.json: its SHA-256"):
        compare(old, new)


def test_the_page_escapes_what_the_bundle_says(old: Path, new: Path) -> None:
    page = to_html(compare(old, new))
    assert "&lt;b&gt;fresh" in page
    assert "<b>fresh" not in page
    assert "DEMO" in page
    assert "http" not in page


def test_the_command(old: Path, new: Path, tmp_path: Path) -> None:
    arguments = ["bundle", "diff", str(old), str(new), "--html", str(tmp_path / "diff.html")]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert "~ deb/debian/openssl  3.0.18 -> 3.0.19  (gateway, labeling)" in result.output
    assert (tmp_path / "diff.html").read_text().startswith("<!doctype html>")
    assert json.loads(CliRunner().invoke(app, [*arguments, "--json"]).output)["new"]["version"] == 2
