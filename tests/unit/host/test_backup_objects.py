"""Objects in backups: each part once, copied while its service writes, read back, and put back where it was."""

import copy
import hashlib
import json
import os
import random
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from appliance.enclave.paths import HostPaths
from appliance.enclave.site import ENCLAVE_UIDS, Enclave
from appliance.errors import ApplianceError
from appliance.host.change import clusters, converge, stack
from appliance.host.data import backup, backup_media, objects
from appliance.host.data.backup import Backup, Source
from appliance.host.data.objects import Parts, Store
from appliance.service.objects.volume import PART, Volume, part_size, parts_of
from appliance.trust import age
from tests.unit.host.installed import Host

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="owners are given by root")
PASSPHRASE = b"several random words"
KEY = b"k" * 32
NAME = "secret"
SERVICE_UID = 1101


def nothing(*_: object) -> None:
    return None


@dataclass
class Site:
    """A host with one enclave that has objects, and a medium; its containers are played by ``while_running``."""

    host: Host
    medium: Path
    enclave: Enclave
    objects: dict[UUID, bytes] = field(default_factory=dict)

    @property
    def volume(self) -> Path:
        return self.host.paths.volume(NAME, "labeling")

    def upload(self, content: bytes) -> UUID:
        """What the service does when somebody uploads a file."""
        identifier = uuid4()
        volume = Volume(self.volume / "objects")
        for number in range(parts_of(len(content))):
            volume.write(identifier, KEY, number, content[number * PART :][: part_size(len(content), number)])
        self.own()
        self.objects[identifier] = content
        return identifier

    def own(self) -> None:
        owner = self.enclave.uids + SERVICE_UID
        for path in (self.volume, *self.volume.rglob("*")):
            os.chown(path, owner, owner, follow_symlinks=False)

    def back_up(self) -> tuple[Path, Backup]:
        return backup.back_up(self.host.paths, NAME, self.medium, self.medium / "to.txt", nothing)

    def unpacked(self, statement: Path, folder: Path, stores: list[Path] | None = None) -> Path:
        """What a restoration would put in the enclave's place, unpacked as it does it."""
        found = backup.read(self.host.paths, statement, None)
        identity = age.load_identity(self.medium / "holder.age", PASSPHRASE)
        target = folder / "staging" / NAME
        backup._decrypt(statement.with_name(found.archive), target, self.enclave, found.head, identity)
        media = [Store(one / "objects") for one in (statement.parent, *(stores or []))]
        assert objects.put_back(target, media, self.enclave.uids) == found.parts
        return target

    def content(self, enclave: Path) -> dict[UUID, bytes]:
        """All objects below an enclave's folder, decrypted as the service does it."""
        volume = Volume(enclave / "labeling" / "objects")
        found = {}
        for identifier in volume.folders():
            size = len(self.objects[identifier])
            found[identifier] = b"".join(volume.content(identifier, KEY, size).parts())
        return found


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Host:
    return Host(tmp_path_factory.mktemp("original"))


@pytest.fixture
def site(original: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    host = copy.copy(original)
    host.paths = HostPaths(tmp_path / "root", tmp_path / "run")
    shutil.copytree(original.paths.root, host.paths.root, symlinks=True)
    made = Site(host, tmp_path / "medium", host.site.enclave(NAME))
    made.medium.mkdir()
    (made.medium / "to.txt").write_text(age.generate(made.medium / "holder.age", PASSPHRASE))
    database = host.paths.volume(NAME, "database") / "data" / "15"
    database.mkdir(parents=True)
    (database / "PG_VERSION").write_text("15\n")
    made.volume.mkdir(parents=True, exist_ok=True)
    (made.volume / "settings").write_text("beside the objects")
    made.own()
    owner = made.enclave.uids + 1110
    for path in (database.parent.parent, database.parent, database, database / "PG_VERSION"):
        os.chown(path, owner, owner)
    shutil.rmtree(host.paths.volume(NAME, "models"), ignore_errors=True)
    monkeypatch.setattr(stack, "hold_enclave", nothing)  # containers are the integration tests'
    monkeypatch.setattr(converge, "converge", nothing)
    return made


def random_bytes(size: int, seed: int) -> bytes:
    return random.Random(seed).randbytes(size)  # noqa: S311  # content, not secrets


def blobs(site: Site) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in Store(site.medium / "objects").digests()}


def test_each_part_is_copied_once_and_comes_back_with_its_owner(site: Site, tmp_path: Path) -> None:
    first = site.upload(random_bytes(2 * PART + 17, 1))
    statement, made = site.back_up()
    assert (made.parts, len(blobs(site))) == (3, 3)
    assert all(hashlib.sha256(data).hexdigest() == name for name, data in blobs(site).items())
    assert made.size < PART, "no part is in the archive"
    site.upload(random_bytes(100, 2))
    before = {file: file.stat().st_mtime_ns for file in Store(site.medium / "objects").digests()}
    _next_second()
    later, second = site.back_up()
    assert (second.parts, len(blobs(site))) == (4, 4)
    assert {file: file.stat().st_mtime_ns for file in before} == before, "what is there is not written again"
    old, new = site.unpacked(statement, tmp_path / "old"), site.unpacked(later, tmp_path / "new")
    assert site.content(old) == {first: site.objects[first]}
    assert site.content(new) == site.objects
    assert not (new / objects.LIST).exists()
    assert (new / "labeling" / "settings").read_text() == "beside the objects"
    part = next((new / "labeling" / "objects").glob("*/0"))
    assert {one.stat().st_uid for one in (part, part.parent, part.parent.parent)} == {site.enclave.uids + SERVICE_UID}


def _next_second() -> None:
    """A backup is named by its second."""
    time.sleep(1.1)


def test_what_is_uploaded_or_erased_while_it_copies_is_as_it_was_when_the_enclave_stood_still(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, erased = site.upload(random_bytes(PART + 1, 1)), site.upload(random_bytes(50, 2))
    replaced = site.upload(b"before")

    def stop(*_: object) -> None:
        """The last things that the service did before it stopped."""
        Volume(site.volume / "objects").remove(erased)
        del site.objects[erased]
        Volume(site.volume / "objects").write(replaced, KEY, 0, b"after!")
        site.objects[replaced] = b"after!"
        site.upload(random_bytes(99, 3))

    monkeypatch.setattr(stack, "hold_enclave", stop)
    statement, made = site.back_up()
    assert kept in site.objects
    assert site.content(site.unpacked(statement, tmp_path)) == site.objects
    assert made.parts == 4


def test_the_second_backup_reads_only_what_changed(site: Site) -> None:
    site.upload(random_bytes(3 * PART, 1))
    site.back_up()
    parts = Parts(
        site.host.paths.root / "enclaves" / NAME,
        range(site.enclave.uids, site.enclave.uids + ENCLAVE_UIDS),
        site.host.paths.root / "copies" / "parts" / NAME / "seen.jsonl",
    )
    for file in (site.volume / "objects").glob("*/*"):
        site_stat = file.stat()
        file.write_bytes(b"x" * site_stat.st_size)  # the times of a change say so, whatever else is the same
        os.utime(file, ns=(site_stat.st_atime_ns, site_stat.st_mtime_ns))
    assert parts.copy(Store(site.medium / "objects")).parts == 1, "three parts of the same bytes are one"
    assert parts.copy(Store(site.medium / "objects")).parts == 0


def test_a_medium_that_does_not_hold_what_was_written_is_told(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.upload(random_bytes(PART, 1))
    sync = objects._sync

    def failing(folder: Path) -> None:
        sync(folder)
        for file in folder.rglob("*.part"):
            file.write_bytes(file.read_bytes()[:-1] + b"\0\1")

    monkeypatch.setattr(objects, "_sync", failing)
    with pytest.raises(ApplianceError, match="does not hold what was written"):
        site.back_up()
    assert not list(site.medium.glob("*.dsse.json"))


def test_a_damaged_or_missing_part_is_named_and_nothing_is_restored(site: Site, tmp_path: Path) -> None:
    site.upload(random_bytes(2 * PART, 1))
    statement, _ = site.back_up()
    assert backup_media.verify(site.host.paths, Source(statement)).damaged == ()
    first, second = sorted(Store(site.medium / "objects").digests())
    data = bytearray(first.read_bytes())
    data[1000] ^= 1
    first.write_bytes(data)
    assert backup_media.verify(site.host.paths, Source(statement)).damaged == (first.name,)
    with pytest.raises(ApplianceError, match="does not hold what was written"):
        site.unpacked(statement, tmp_path / "a")
    second.unlink()
    assert backup_media.verify(site.host.paths, Source(statement)).damaged == (first.name, second.name)
    identity = age.load_identity(site.medium / "holder.age", PASSPHRASE)
    with pytest.raises(ApplianceError, match="1 parts of objects are on none of the media"):
        backup.restore(site.host.paths, NAME, Source(statement), identity, nothing)


def test_the_list_of_parts_is_signed(site: Site) -> None:
    site.upload(random_bytes(10, 1))
    statement, _ = site.back_up()
    file = backup.blobs_of(statement)
    file.write_text("")
    with pytest.raises(ApplianceError, match="not the list that the host signed"):
        backup_media.verify(site.host.paths, Source(statement))


def test_increments_on_other_media_are_listed_without_what_is_elsewhere_and_restored_together(
    site: Site, tmp_path: Path
) -> None:
    site.upload(random_bytes(PART + 5, 1))
    first, _ = site.back_up()
    site.upload(random_bytes(7, 2))
    _next_second()
    second, _ = site.back_up()
    names = backup_media.files(site.host.paths, Source(second), [first])
    disc, base = tmp_path / "disc", tmp_path / "base"
    for medium, wanted in ((disc, names), (base, backup_media.files(site.host.paths, Source(first)))):
        for name in wanted:
            (medium / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(site.medium / name, medium / name)
    assert len([name for name in names if name.startswith("objects/")]) == 1
    whole = site.unpacked(disc / second.name, tmp_path / "whole", [base])
    assert site.content(whole) == site.objects
    assert len(backup_media.verify(site.host.paths, Source(disc / second.name)).damaged) == 2
    assert backup_media.verify(site.host.paths, Source(disc / second.name, None, (base,))).damaged == ()


def test_older_backups_go_with_what_only_they_need(site: Site, tmp_path: Path) -> None:
    gone, stays = site.upload(random_bytes(PART, 1)), site.upload(random_bytes(9, 2))
    site.back_up()
    Volume(site.volume / "objects").remove(gone)
    _next_second()
    statement, _ = site.back_up()
    (site.medium / "objects" / "aa").mkdir(exist_ok=True)
    (site.medium / "objects" / "aa" / f"{'a' * 64}.part").write_bytes(b"what an interruption left")
    planned = backup_media.prune(site.host.paths, NAME, site.medium, 1, dry_run=True)
    assert (len(planned.statements), planned.parts) == (1, 2)
    assert len(list(site.medium.glob("*.dsse.json"))) == 2
    assert backup_media.prune(site.host.paths, NAME, site.medium, 1) == planned
    assert list(site.medium.glob("*.dsse.json")) == [statement]
    assert site.content(site.unpacked(statement, tmp_path)) == {stays: site.objects[stays]}
    assert backup_media.prune(site.host.paths, NAME, site.medium, 1).parts == 0
    assert '"backup.delete"' in (site.host.paths.root / "spool" / "spool.jsonl").read_text()


def test_nothing_is_deleted_where_a_list_is_damaged(site: Site) -> None:
    site.upload(random_bytes(PART, 1))
    statement, _ = site.back_up()
    backup.blobs_of(statement).write_text("")
    site.upload(random_bytes(PART, 2))
    _next_second()
    site.back_up()
    before = blobs(site)
    with pytest.raises(ApplianceError, match="not the list that the host signed"):
        backup_media.prune(site.host.paths, NAME, site.medium, 2)
    assert blobs(site) == before


def test_nobody_deletes_while_somebody_writes(site: Site) -> None:
    site.upload(b"x")
    with Store(site.medium / "objects").locked():
        for attempt in (site.back_up, lambda: backup_media.prune(site.host.paths, NAME, site.medium, 1)):
            with pytest.raises(ApplianceError, match="another command writes or deletes there"):
                attempt()


def _link(site: Site, part: Path, outside: Path) -> None:
    part.unlink()
    part.symlink_to(outside)


def _folder(site: Site, part: Path, outside: Path) -> None:
    shutil.rmtree(part.parent)
    part.parent.symlink_to(outside.parent)
    shutil.copy(outside, outside.with_name("0"))


def _top(site: Site, part: Path, outside: Path) -> None:
    shutil.rmtree(part.parent.parent)
    below = outside.parent / part.parent.name
    below.mkdir()
    shutil.copy(outside, below / "0")
    part.parent.parent.symlink_to(outside.parent)


def _device(site: Site, part: Path, outside: Path) -> None:
    part.unlink()
    os.mkfifo(part)


def _long(site: Site, part: Path, outside: Path) -> None:
    part.write_bytes(bytes(objects.LARGEST + 1))


@pytest.mark.parametrize("trick", [_link, _folder, _top, _device, _long])
def test_a_service_that_was_taken_over_has_nothing_of_the_host_copied(
    site: Site, tmp_path: Path, trick: Callable[[Site, Path, Path], None]
) -> None:
    outside = tmp_path / "outside" / "log.key"
    outside.parent.mkdir()
    outside.write_bytes(b"the key of the log")
    identifier = site.upload(b"mine")
    trick(site, site.volume / "objects" / identifier.hex / "0", outside)
    site.own()
    with suppress(ApplianceError):  # a link among folders is left out, and what lies in its place is refused
        site.back_up()
    for data in blobs(site).values():
        assert b"the key of the log" not in data
    assert not [file for file in site.medium.rglob("*.tar.age") if file.stat().st_size > 1 << 20]


@pytest.mark.parametrize(
    "path", ["../x/objects/" + "a" * 32 + "/0", "labeling/objects/../0", "/etc/passwd", "labeling/x"]
)
def test_a_list_that_leads_elsewhere_is_refused(path: str) -> None:
    line = {"path": path, "sha256": "0" * 64, "size": 1, "owner": 1101, "mode": 420, "seen": [1, 2, 3]}
    with pytest.raises(ApplianceError, match="no part of an object"):
        objects.read_list(json.dumps(line).encode(), "list")


def test_an_enclave_without_objects_is_backed_up_as_before(site: Site, tmp_path: Path) -> None:
    statement, made = site.back_up()
    assert (made.parts, made.blobs) == (0, "")
    assert not (site.medium / "objects").exists()
    assert (site.unpacked(statement, tmp_path) / "labeling" / "settings").exists()


def test_a_database_of_another_major_is_refused_before_anything_stops(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    statement, _ = site.back_up()
    identity = age.load_identity(site.medium / "holder.age", PASSPHRASE)
    monkeypatch.setattr(clusters, "running_major", lambda _: 16)
    stopped: list[Any] = []
    monkeypatch.setattr(stack, "hold_enclave", lambda *given: stopped.append(given))
    with pytest.raises(ApplianceError, match="its database is of PostgreSQL 15, and 16 runs here"):
        backup.restore(site.host.paths, NAME, Source(statement), identity, nothing)
    assert not stopped
