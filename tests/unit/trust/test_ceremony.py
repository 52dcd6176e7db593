"""The first keys: everything made, everything marked, nothing overwritten, and only two officers decide."""

import json
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from appliance.errors import ApplianceError
from appliance.trust.ceremony import Paper, initialise
from appliance.trust.fingerprint import fingerprint
from appliance.trust.keys import DEMO_PASSPHRASE, load_private_key
from appliance.trust.officers import check_authority, load_officers


def make(folder: Path) -> Paper:
    return initialise(
        folder, people=["a", "b", "c"], threshold=2, officers=["o", "p"], certifiers=["e"], passphrase=None
    )


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ceremony") / "keys"
    make(folder)
    return folder


def test_the_paper_names_the_files(keys: Path) -> None:
    text = (keys / "paper.txt").read_text().replace(" ", "").replace("\n", "")
    certificate = x509.load_pem_x509_certificate((keys / "ca" / "ca.pem").read_bytes())
    assert fingerprint((keys / "root" / "1.root.json").read_bytes()) in text
    assert fingerprint((keys / "officers.json").read_bytes()) in text
    assert load_officers(keys / "officers.json").authority == certificate.fingerprint(hashes.SHA256()).hex()
    assert certificate.fingerprint(hashes.SHA256()).hex() in text


def test_a_demonstration_is_marked_everywhere(keys: Path) -> None:
    private = [*keys.rglob("*.pem"), *keys.rglob("*.key")]
    private = [path for path in private if path.name != "ca.pem"]
    assert len(private) == 3 * 2 + 2 + 1 + 1 + 1
    for path in private:
        assert "DEMO: yes" in path.read_text()
        assert load_private_key(path).name.startswith("DEMO-")
        assert path.stat().st_mode & 0o777 == 0o600
    assert "DEMO" in (keys / "paper.txt").read_text()
    assert json.loads((keys / "root" / "1.root.json").read_bytes())["signed"]["x-appliance-demo"] is True
    assert json.loads((keys / "officers.json").read_bytes())["demo"] is True
    assert "OU=DEMO" in x509.load_pem_x509_certificate((keys / "ca" / "ca.pem").read_bytes()).subject.rfc4514_string()


def test_keys_are_never_overwritten(keys: Path) -> None:
    with pytest.raises(ApplianceError, match="is not empty"):
        make(keys)


def test_a_short_passphrase_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ApplianceError, match="passphrase of a has 5 characters"):
        initialise(
            tmp_path / "keys",
            people=["a", "b"],
            threshold=2,
            officers=["o", "p"],
            certifiers=[],
            passphrase=lambda _: b"short",
        )


def test_a_key_does_not_open_with_another_passphrase(keys: Path) -> None:
    with pytest.raises(ApplianceError, match="cannot be opened with this passphrase"):
        load_private_key(keys / "officers" / "DEMO-o.pem", lambda _: b"wrong")


def test_what_is_no_private_key_is_said_to_be_none(keys: Path) -> None:
    with pytest.raises(ApplianceError, match="not a private key in PEM"):
        load_private_key(keys / "officers" / "DEMO-o.pub")


def test_a_folder_that_cannot_be_made_is_a_refusal() -> None:
    with pytest.raises(ApplianceError, match="cannot be written"):
        make(Path("/proc/ceremony"))


def test_openssl_reads_the_key_files(keys: Path) -> None:
    source = f"file:{keys / DEMO_PASSPHRASE}"
    command = ["openssl", "pkey", "-in", str(keys / "officers" / "DEMO-o.pem"), "-passin", source, "-pubout"]
    assert subprocess.run(command, check=True, capture_output=True).stdout.startswith(b"-----BEGIN PUBLIC KEY")


def test_an_officers_file_other_than_on_paper_is_refused(keys: Path) -> None:
    with pytest.raises(ApplianceError, match="its fingerprint is"):
        load_officers(keys / "officers.json", "0" * 64)
    assert load_officers(keys / "officers.json", fingerprint((keys / "officers.json").read_bytes())).demo


def test_another_certificate_authority_is_refused(keys: Path, tmp_path: Path) -> None:
    officers = load_officers(keys / "officers.json")
    check_authority(officers, keys / "ca" / "ca.pem")
    make(tmp_path / "other")
    with pytest.raises(ApplianceError, match=r"not the authority that officers.json names"):
        check_authority(officers, tmp_path / "other" / "ca" / "ca.pem")
    with pytest.raises(ApplianceError, match="not a certificate"):
        check_authority(officers, keys / "officers.json")
