"""Keys are replaced on the running site; then its disk dies, and it comes back from media and paper.

Run by `make slow`: the log ends twice, and the pages that are typed after it need the log of the evaluation.
"""

import secrets
import shutil
import subprocess
import threading
from pathlib import Path

import pytest

from appliance.audit.log.verify import verify
from appliance.enclave.paths import HostPaths
from appliance.host.state import ended_logs
from demo import people
from demo.instance import Instance, appliance
from demo.users import user
from tests.integration import host
from tests.integration.data import enclave, make_task, status_of

pytestmark = [pytest.mark.long, pytest.mark.timeout(3600)]
REQUESTS, THREADS = 4_000, 8


def test_a_rotation_under_load_refuses_no_request_of_four_thousand(site: Instance) -> None:
    found: list[int] = []
    with user(site, "analyst", "secret", session=True) as client:

        def ask() -> None:
            found.extend(client.get("/labeling/").status_code for _ in range(REQUESTS // THREADS))

        threads = [threading.Thread(target=ask) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        host.run(site, "rotate", "contexts")
        for thread in threads:
            thread.join()
        assert found == [200] * REQUESTS
        assert client.get("/labeling/").status_code == 200
    host.whole(site)


@pytest.mark.parametrize("key", ["contexts", "grants", "host", "log"])
def test_a_compromised_key_is_replaced_and_the_site_is_whole(site: Instance, key: str) -> None:
    host.run(site, "rotate", key, "--compromised")
    host.whole(site)
    with user(site, "analyst", "secret", session=True) as client:
        assert client.get("/labeling/").status_code == 200


def paper_of(site: Instance, folder: Path) -> list[str | Path]:
    """What is kept apart from the host, as ``host restore`` wants it."""
    public = subprocess.run(
        ["openssl", "pkey", "-in", str(site.root / "secrets" / "host.pem"), "-pubout"], capture_output=True, check=True
    )
    (folder / "host.pub").write_bytes(public.stdout)
    shutil.copy(site.root / "log" / "log.vkey", folder / "log.vkey")
    log = ("--log", site.root / "log", "--spool", site.root / "spool")
    appliance(site, "audit", "anchor", "--key", folder / "log.vkey", "--out", folder / "anchor", *log)
    return [
        *("--signer", folder / "host.pub", "--log-key", folder / "log.vkey", "--anchor", folder / "anchor"),
        *("--officers-fingerprint", people.officers_fingerprint(site), "--accept-loss"),
    ]


def test_a_site_comes_back_from_media_and_paper(site: Instance, tmp_path: Path) -> None:
    made = make_task(site, "annotator", "unclassified", f"kept {secrets.token_hex(4)}")
    passphrase = ("--passphrase-file", site.passphrase)
    lines = [appliance(site, "enclave", "backup-key", tmp_path / f"{name}.age", *passphrase) for name in ("a", "b")]
    (tmp_path / "officers.txt").write_text("\n".join(lines))
    to = ("--out", tmp_path, "--to", tmp_path / "officers.txt")
    of_enclave = enclave(site, "backup", "unclassified", *to, "--json")["statement"]
    of_host = host.run(site, "backup", *to)["statement"]
    paper = paper_of(site, tmp_path)
    vkey = (tmp_path / "log.vkey").read_text()

    host.run(site, "remove")
    assert not site.root.exists()
    keys = ("--key", tmp_path / "a.age", "--key", tmp_path / "b.age", *passphrase)
    report = host.run(site, "restore", of_host, *keys, *paper)
    assert Path(of_enclave).name.removesuffix(".dsse.json") + ".tar.age" in report["enclaves"]
    ended = ended_logs.ended(HostPaths(site.root, site.run))
    assert verify(ended[-1], vkey).whole

    host.run(site, "install", site.bundle, *host.prints(site))
    host.whole(site)
    key = ("--key", tmp_path / "a.age", *passphrase)
    enclave(site, "restore", "unclassified", of_enclave, *key, "--json")
    host.whole(site)
    assert status_of(site, made) == 200
    assert (site.root / "log" / "log.vkey").read_text().partition("+")[0].endswith(f"/audit/{len(ended) + 1}")
