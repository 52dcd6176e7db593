"""A restoration that goes wrong: killed at any point, or of data on which nothing starts, or made by another host."""

import hashlib
import io
import secrets
import shutil
import tarfile
from pathlib import Path

import pytest

from appliance.enclave.paths import HostPaths
from appliance.host.data.backup import KIND, SUFFIX, Backup, blobs_of, statement_of
from appliance.host.state import copies, generation
from appliance.trust import age, dsse, keys
from appliance.trust.keys import SigningKey, host_key
from appliance.trust.officers import payload_type
from demo.instance import Instance, appliance
from tests.integration import host
from tests.integration.data import enclave, make_task, recorded, status_of, words
from tests.integration.killing import begun, kill_all


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("backup")


@pytest.fixture(scope="module")
def key(site: Instance, folder: Path) -> Path:
    """The private half of the one recipient."""
    line = appliance(site, "enclave", "backup-key", folder / "holder.age", "--passphrase-file", site.passphrase)
    (folder / "recipients.txt").write_text(line)
    return folder / "holder.age"


@pytest.fixture(scope="module")
def kept(site: Instance) -> tuple[str, str]:
    """A task that is in the backup."""
    return make_task(site, "annotator", "unclassified", f"kept {secrets.token_hex(4)}")


@pytest.fixture(scope="module")
def statement(site: Instance, folder: Path, key: Path, kept: tuple[str, str]) -> Path:
    """A backup of enclave unclassified."""
    arguments = ("--out", folder, "--to", folder / "recipients.txt", "--json")
    return Path(enclave(site, "backup", "unclassified", *arguments)["statement"])


def of(site: Instance, statement: Path, key: Path, *more: str | Path) -> list[str | Path]:
    """The arguments of ``appliance enclave restore``."""
    return ["unclassified", statement, "--key", key, "--passphrase-file", site.passphrase, *more]


def content(site: Instance, statement: Path, key: Path) -> bytes:
    """The tar archive in a backup."""
    data, archive = io.BytesIO(), statement.with_name(statement.name.replace(".dsse.json", SUFFIX))
    with archive.open("rb") as file:
        age.decrypt(file, data, age.load_identity(key, site.passphrase.read_bytes().strip()), archive.name)
    return data.getvalue()


def signed(statement: Path, data: bytes, signer: SigningKey) -> Path:
    """A backup like that of ``statement`` with the tar archive ``data``, signed by ``signer``; its statement."""
    archive = statement.with_name(f"{secrets.token_hex(4)}{SUFFIX}")
    with archive.open("wb") as file:
        age.encrypt(io.BytesIO(data), file, age.read_recipients(statement.with_name("recipients.txt")))
    value = dsse.payload_of(statement.read_bytes(), statement.name)[1]
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    made = Backup.model_validate(value | {"archive": archive.name, "size": archive.stat().st_size, "sha256": digest})
    if made.blobs:
        shutil.copyfile(blobs_of(statement), blobs_of(statement_of(archive)))
    statement_of(archive).write_bytes(dsse.sign(made.model_dump(mode="json"), payload_type(KIND), [signer]))
    return statement_of(archive)


def of_another_postgresql(data: bytes) -> bytes:
    """The same archive, its database of a version that the image cannot start."""
    target = io.BytesIO()
    with (
        tarfile.open(fileobj=io.BytesIO(data)) as old,
        tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT) as new,
    ):
        for member in old:
            file = old.extractfile(member)
            if file and member.name.endswith("/PG_VERSION"):
                assert file.read() == b"15\n"
                file = io.BytesIO(b"99\n")
            new.addfile(member, file)
    return target.getvalue()


def test_data_on_which_nothing_starts_go_away_again(
    site: Instance, statement: Path, key: Path, kept: tuple[str, str]
) -> None:
    later = make_task(site, "annotator", "unclassified", "made after the backup")
    broken = of_another_postgresql(content(site, statement, key))
    paper = signed(statement, broken, host_key(site.root / "secrets" / "host.pem"))
    refused = enclave(site, "restore", *of(site, paper, key), check=False)
    assert refused.returncode == 1
    assert "runs on the data it had" in refused.stderr, refused.stderr
    assert (status_of(site, kept), status_of(site, later)) == (200, 200)
    undo = enclave(site, "undo-restore", "unclassified", check=False)
    assert "set data aside" in undo.stderr, undo.stderr
    assert list((site.root / "copies" / "restored").glob("unclassified/database/data/15/PG_VERSION"))
    host.whole(site)


def test_restoration_is_undone_by_hand(site: Instance, statement: Path, key: Path, kept: tuple[str, str]) -> None:
    later = make_task(site, "annotator", "unclassified", "made after the backup")
    enclave(site, "restore", *of(site, statement, key))
    assert (status_of(site, kept), status_of(site, later)) == (200, 404)
    other = enclave(site, "undo-restore", "secret", check=False)
    assert "no restoration of enclave secret" in other.stderr, other.stderr
    tried = enclave(site, "undo-restore", "unclassified", "--dry-run", "--json")
    assert tried == {"enclave": "unclassified", "undone": False}
    assert status_of(site, later) == 404
    enclave(site, "undo-restore", "unclassified")
    assert (status_of(site, kept), status_of(site, later)) == (200, 200)
    recorded(site, "enclave.restore", lambda detail: detail.get("undone") is True)
    again = enclave(site, "undo-restore", "unclassified", check=False)
    assert "no restoration" in again.stderr, again.stderr


def test_nothing_begins_while_a_restoration_is_unfinished(site: Instance, statement: Path, key: Path) -> None:
    paths, recipients = HostPaths(site.root, site.run), statement.with_name("recipients.txt")
    copies.begin_exchange(paths, generation.required(paths), "nowhere", "aside")
    for refused in (
        enclave(site, "restore", *of(site, statement, key), check=False),
        enclave(site, "backup", "unclassified", "--out", statement.parent, "--to", recipients, check=False),
        enclave(site, "undo-restore", "unclassified", check=False),
        host.attempt(site, "install", site.bundle, *host.prints(site)),
        host.attempt(site, "rollback"),
    ):
        assert refused.returncode == 1
        assert "appliance host recover" in refused.stderr, refused.stderr
    host.run(site, "recover")
    host.whole(site)


def test_backup_of_another_host_needs_its_key(site: Instance, statement: Path, key: Path, folder: Path) -> None:
    other = keys.generate("other")
    paper = signed(statement, content(site, statement, key), other)
    public = folder / "other.pub"
    public.write_text(other.public.keyval["public"])
    refused = enclave(site, "restore", *of(site, paper, key, "--dry-run"), check=False)
    assert "of no known person" in refused.stderr, refused.stderr
    enclave(site, "restore", *of(site, paper, key, "--dry-run", "--signer", public))
    refused = enclave(site, "restore", *of(site, statement, key, "--dry-run", "--signer", public), check=False)
    assert "of no known person" in refused.stderr, refused.stderr


@pytest.mark.parametrize(("stage", "restored"), [("decrypting", False), ("  prepare", True)])
def test_killed_at_any_stage_recover_finishes_or_never_began(
    site: Instance, statement: Path, key: Path, kept: tuple[str, str], stage: str, restored: bool
) -> None:
    later = make_task(site, "annotator", "unclassified", f"made before a kill at {stage}")
    kill_all(begun(site, stage, *words(site, "restore", *of(site, statement, key))))
    host.run(site, "recover")
    assert not copies.is_restoring(HostPaths(site.root, site.run))
    assert (status_of(site, kept), status_of(site, later)) == (200, 404 if restored else 200)
    assert not (site.root / "copies" / ".staging").exists()
    host.whole(site)
