"""Bad input: one clear error that names the file or field and the rule, and nothing on the host changed."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from demo import people
from demo.instance import Instance, appliance


@pytest.fixture
def elsewhere(site: Instance) -> Iterator[Path]:
    """A root where nothing is installed, and nothing must be after a refusal."""
    root = Path("/var/lib/appliance-refused")
    shutil.rmtree(root, ignore_errors=True)
    yield root
    left = [path for path in root.rglob("*") if path.is_file()] if root.exists() else []
    shutil.rmtree(root, ignore_errors=True)
    assert left == [], "a refusal left files behind"


def install(site: Instance, root: Path, **changes: str | Path) -> subprocess.CompletedProcess[str]:
    given: dict[str, str | Path] = {
        "bundle": site.bundle,
        "folder": site.site,
        "root_fingerprint": people.fingerprint(site),
        "officers_fingerprint": people.officers_fingerprint(site),
    }
    given |= changes
    result: subprocess.CompletedProcess[str] = appliance(
        site,
        "host",
        "install",
        given["bundle"],
        "--site",
        given["folder"],
        "--root-fingerprint",
        given["root_fingerprint"],
        "--officers-fingerprint",
        given["officers_fingerprint"],
        "--root",
        root,
        "--run",
        "/run/appliance-refused",
        inside=True,
        check=False,
    )
    return result


def refused(result: subprocess.CompletedProcess[str], *named: str) -> None:
    assert result.returncode == 1, result.stderr
    assert "refused:" in result.stderr
    assert "Traceback" not in result.stderr
    for text in named:
        assert text in result.stderr, result.stderr


def test_a_wrong_fingerprint(site: Instance, elsewhere: Path) -> None:
    refused(install(site, elsewhere, root_fingerprint="0" * 64), "1.root.json")
    refused(install(site, elsewhere, officers_fingerprint="0" * 64), "officers.json")


def linked_copy(site: Instance, folder: Path) -> Path:
    copy = folder / "bundle"
    subprocess.run(["cp", "-al", str(site.bundle), str(copy)], check=True)
    return copy


def kinds(bundle: Path) -> dict[str, str]:
    """One target of each kind."""
    signed = json.loads((bundle / "metadata" / "targets.json").read_bytes())["signed"]["targets"]
    return {str(value["custom"]["kind"]): path for path, value in sorted(signed.items())}


def test_a_flipped_byte_in_any_kind_of_target(site: Instance, elsewhere: Path, tmp_path: Path) -> None:
    scratch = site.build / "scratch"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    copy = linked_copy(site, scratch)
    found = kinds(copy)
    assert len(found) >= 6, found
    for path in found.values():
        target = copy / "targets" / path
        good = target.read_bytes()
        bad = bytearray(good)
        bad[len(bad) // 2] ^= 0x10
        target.unlink()
        target.write_bytes(bytes(bad))
        fingerprint = ("--root-fingerprint", people.fingerprint(site))
        result = appliance(site, "bundle", "verify", copy, *fingerprint, check=False)
        assert result.returncode == 1, path
        assert path in result.stdout + result.stderr
        target.write_bytes(good)
    (copy / "targets" / found[sorted(found)[0]]).unlink()
    refused(install(site, elsewhere, bundle=copy), found[sorted(found)[0]])
    shutil.rmtree(scratch)


@pytest.fixture
def signed_site(site: Instance, tmp_path: Path) -> Any:
    """Sign changed statements with some of the officers."""

    def sign(change: dict[str, Any], officers: int = 2) -> Path:
        folder = tmp_path / "site"
        shutil.copytree(site.site, folder, dirs_exist_ok=True)
        data = yaml.safe_load((site.build / "site.yml").read_text())
        for key, value in change.items():
            data["enclaves"][1][key] = value
        source = tmp_path / "site.yml"
        source.write_text(yaml.safe_dump(data))
        (folder / "site.dsse.json").unlink()
        for officer in sorted((site.keys / "officers").glob("*.pem"))[:officers]:
            passphrase = ("--passphrase-file", site.passphrase)
            where = ("--kind", "site", "--key", officer, "--out", folder)
            result = appliance(site, "site", "sign", source, *where, *passphrase, check=False)
            if result.returncode:
                raise AssertionError(result.stderr)
        return folder

    return sign


def test_an_unsigned_or_once_signed_site(site: Instance, elsewhere: Path, signed_site: Any, tmp_path: Path) -> None:
    refused(install(site, elsewhere, folder=signed_site({}, officers=1)), "site.dsse.json")
    folder = tmp_path / "site"
    data = json.loads((folder / "site.dsse.json").read_text())
    data["signatures"] = []
    (folder / "site.dsse.json").write_text(json.dumps(data, separators=(",", ":"), sort_keys=True))
    refused(install(site, elsewhere, folder=folder), "site.dsse.json")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"label": "SEKRET"}, "enclaves.1.label"),
        ({"name": "unclassified"}, "duplicate enclave"),
        ({"services": ["labeling", "mail"]}, "enclaves.1.services"),
    ],
)
def test_a_site_that_breaks_a_rule_is_refused_before_anybody_signs(
    site: Instance, signed_site: Any, change: dict[str, Any], named: str
) -> None:
    with pytest.raises(AssertionError, match=named.replace(".", r"\.")):
        signed_site(change)


def test_a_disk_too_small(site: Instance, tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(small)], check=True)
    try:
        refused(install(site, small / "appliance"), "MiB free", "MiB needed")
        assert not (small / "appliance").exists() or not list((small / "appliance").rglob("*.json"))
    finally:
        subprocess.run(["umount", str(small)], check=True)
