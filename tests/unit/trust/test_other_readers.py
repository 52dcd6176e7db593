"""Readers that we did not write come to the same judgement: python-tuf's client, tuf-js, securesystemslib, OpenSSL."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import SSlibKey
from tuf.api.exceptions import DownloadHTTPError, RepositoryError
from tuf.ngclient.fetcher import FetcherInterface
from tuf.ngclient.updater import Updater

from appliance.trust.fingerprint import fingerprint
from appliance.trust.repository import hybrid
from appliance.trust.repository.metadata import Target
from appliance.trust.repository.publish import Edition, make_metadata
from tests.unit.trust.node import needs_node, run, script
from tests.unit.trust.simulator import ANNA, BERT, CARL, CUSTOM, DORA, Simulator, enrol


class FolderFetcher(FetcherInterface):
    """Gives python-tuf's client the files of a folder instead of the network."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def _fetch(self, url: str) -> Any:
        file = self.folder / url.removeprefix("file://bundle/")
        if not file.is_file():
            raise DownloadHTTPError(str(file), 404)
        return iter([file.read_bytes()])


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A repository whose root was changed once, with one target."""
    medium = Simulator()
    medium.rotate(enrol(BERT, CARL, DORA), BERT, CARL)
    content = b"a policy"
    target = Target("policies/a.yml", len(content), fingerprint(content), CUSTOM)
    files = make_metadata([target], chain=medium.chain, people=[CARL, DORA], edition=Edition.today())
    for name, data in files.items():
        (tmp_path / "bundle" / "metadata").mkdir(parents=True, exist_ok=True)
        (tmp_path / "bundle" / "metadata" / name).write_bytes(data)
    (tmp_path / "bundle" / "targets" / "policies").mkdir(parents=True)
    (tmp_path / "bundle" / "targets" / "policies" / "a.yml").write_bytes(content)
    return tmp_path / "bundle"


def updater(bundle: Path, home: Path) -> Updater:
    home.mkdir(exist_ok=True)
    return Updater(
        str(home),
        "file://bundle/metadata/",
        target_dir=str(home),
        target_base_url="file://bundle/targets/",
        fetcher=FolderFetcher(bundle),
        bootstrap=(bundle / "metadata" / "1.root.json").read_bytes(),
    )


def tamper(bundle: Path, name: str) -> None:
    file = bundle / "metadata" / name
    file.write_bytes(file.read_bytes().replace(b'"model"', b'"motel"'))


def test_python_tufs_own_client_reads_it(bundle: Path, tmp_path: Path) -> None:
    client = updater(bundle, tmp_path / "client")
    info = client.get_targetinfo("policies/a.yml")
    assert info is not None
    assert Path(client.download_target(info)).read_bytes() == b"a policy"


def test_python_tufs_own_client_refuses_what_we_refuse(bundle: Path, tmp_path: Path) -> None:
    tamper(bundle, "targets.json")
    with pytest.raises(RepositoryError):
        updater(bundle, tmp_path / "client").get_targetinfo("policies/a.yml")


@pytest.fixture(scope="module")
def tufjs() -> Path:
    return script(Path(__file__).parent / "tufjs")


@needs_node
def test_tuf_js_reads_it(bundle: Path, tufjs: Path) -> None:
    done = run(tufjs, bundle / "metadata")
    assert json.loads(done.stdout)["policies/a.yml"]["hashes"]["sha256"] == fingerprint(b"a policy")


@needs_node
def test_tuf_js_refuses_what_we_refuse(bundle: Path, tufjs: Path) -> None:
    tamper(bundle, "targets.json")
    done = run(tufjs, bundle / "metadata")
    assert done.returncode != 0
    assert "UnsignedMetadataError" in done.stderr or "threshold" in done.stderr


def test_securesystemslib_verifies_both_algorithms(bundle: Path) -> None:
    envelope = Envelope.from_dict(json.loads((bundle / "metadata" / hybrid.FILE).read_bytes()))
    public = [key for who in (CARL, DORA) for key in who.public]
    keys = [SSlibKey(key.keyid, key.keytype, key.scheme, dict(key.keyval.items())) for key in public]
    assert len(envelope.verify(keys, 4)) == 4
    envelope.payload += b" "
    with pytest.raises(VerificationError):
        envelope.verify(keys, 4)


def test_openssl_computes_the_same_key_id(tmp_path: Path) -> None:
    public = ANNA.classical.public
    (tmp_path / "key.pub").write_text(public.keyval["public"])
    command = ["openssl", "pkey", "-pubin", "-in", str(tmp_path / "key.pub"), "-outform", "DER"]
    assert fingerprint(subprocess.run(command, check=True, capture_output=True).stdout) == public.keyid
