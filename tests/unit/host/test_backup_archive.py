"""The archive of a backup: back and forth unchanged, and nothing leaves the folder it is unpacked into."""

import io
import os
import tarfile
from pathlib import Path
from typing import IO

import pyrage
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.errors import ApplianceError
from appliance.host.data import archive
from appliance.trust import age

UIDS = range(500_000, 565_536)
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="owners are given by root")


def packed(*members: tuple[tarfile.TarInfo, bytes], head: bytes = b"{}") -> io.BytesIO:
    """A tar stream with a head and further members."""
    result = io.BytesIO()
    with tarfile.open(fileobj=result, mode="w") as tar:
        first = tarfile.TarInfo(archive.HEAD)
        first.size = len(head)
        tar.addfile(first, io.BytesIO(head))
        for member, content in members:
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    result.seek(0)
    return result


def member(name: str, kind: bytes = tarfile.REGTYPE, uid: int = 0, link: str = "") -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.uid, made.linkname = kind, uid, link
    return made


@as_root
def test_owners_modes_and_content_come_back_under_other_uids(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    (source / "database" / "data").mkdir(parents=True)
    file = source / "database" / "data" / "base"
    file.write_bytes(b"\x00" * 100_000)
    file.chmod(0o600)
    for path in (source / "database", source / "database" / "data", file):
        os.chown(path, UIDS.start + 1110, UIDS.start + 1110)
    target.mkdir()
    stream = io.BytesIO()
    archive.pack(source, stream, b'{"a":1}', UIDS)
    stream.seek(0)
    assert archive.unpack(stream, target, 700_000) == b'{"a":1}'
    copy = target / "database" / "data" / "base"
    assert copy.read_bytes() == file.read_bytes()
    assert (copy.stat().st_uid, copy.stat().st_mode & 0o7777) == (701_110, 0o600)


@as_root
@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (member("../escaped"), "outside of the enclave"),
        (member("/etc/escaped"), "outside of the enclave"),
        (member("a/../../escaped"), "outside of the enclave"),
        (member("link", tarfile.SYMTYPE, link="/etc"), "neither file nor folder"),
        (member("hard", tarfile.LNKTYPE, link="/etc/passwd"), "neither file nor folder"),
        (member("device", tarfile.CHRTYPE), "neither file nor folder"),
        (member("fifo", tarfile.FIFOTYPE), "neither file nor folder"),
        (member("foreign", uid=65_536), "owner outside of the enclave"),
    ],
)
def test_a_crafted_archive_is_refused(tmp_path: Path, bad: tarfile.TarInfo, reason: str) -> None:
    target = tmp_path / "in" / "target"
    target.mkdir(parents=True)
    with pytest.raises(ApplianceError, match=reason):
        archive.unpack(packed((bad, b"")), target, UIDS.start)
    assert list(target.iterdir()) == []
    assert [path.name for path in tmp_path.rglob("*")] == ["in", "target"]


def test_an_archive_without_a_head_is_refused(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        tar.addfile(member("file"), io.BytesIO())
    stream.seek(0)
    with pytest.raises(ApplianceError, match="does not begin with"):
        archive.unpack(stream, tmp_path, UIDS.start)


@as_root
def test_a_link_in_a_volume_is_refused_when_it_is_backed_up(tmp_path: Path) -> None:
    volume = tmp_path / "evaluation"
    volume.mkdir()
    (volume / "link").symlink_to("/etc/shadow")
    os.chown(volume, UIDS.start, UIDS.start)
    with pytest.raises(ApplianceError, match="neither file nor folder"):
        archive.pack(tmp_path, io.BytesIO(), b"{}", UIDS)


def seal(data: bytes, *keys: str) -> bytes:
    result = io.BytesIO()
    age.encrypt(io.BytesIO(data), result, keys)
    return result.getvalue()


@settings(max_examples=30)
@given(st.binary(max_size=200_000), st.integers(min_value=0), st.integers(1, 255))
def test_a_changed_or_cut_archive_never_opens(data: bytes, place: int, change: int) -> None:
    identity = pyrage.x25519.Identity.generate()
    sealed = bytearray(seal(data, str(identity.to_public())))
    cut = bytes(sealed[: place % len(sealed)])
    sealed[place % len(sealed)] ^= change
    for wrong in (bytes(sealed), cut):
        with pytest.raises(age.AgeError):
            age.decrypt(io.BytesIO(wrong), io.BytesIO(), identity, "file")


def test_each_recipient_opens_it_and_nobody_else(tmp_path: Path) -> None:
    holders = [pyrage.x25519.Identity.generate() for _ in range(3)]
    sealed = seal(b"content", *(str(holder.to_public()) for holder in holders[:2]))
    for holder in holders[:2]:
        opened = io.BytesIO()
        age.decrypt(io.BytesIO(sealed), opened, holder, "file")
        assert opened.getvalue() == b"content"
    with pytest.raises(age.AgeError, match="does not open with this key"):
        age.decrypt(io.BytesIO(sealed), io.BytesIO(), holders[2], "file")


def test_a_key_opens_with_its_passphrase_alone_and_is_not_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "key.age"
    line = age.generate(file, b"right")
    assert str(age.load_identity(file, b"right").to_public()) == line
    assert file.stat().st_mode & 0o777 == 0o600
    with pytest.raises(age.AgeError, match="passphrase"):
        age.load_identity(file, b"wrong")
    with pytest.raises(ApplianceError, match="exists"):
        age.generate(file, b"right")


@pytest.mark.parametrize("text", ["", "# nobody\n", "age1nonsense\n", "AGE-SECRET-KEY-1\n", "\x00\xff"])
def test_a_file_without_a_usable_recipient_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "recipients"
    file.write_text(text)
    with pytest.raises(age.AgeError):
        age.read_recipients(file)


def test_the_error_of_the_side_that_failed_first_is_raised() -> None:
    def fail(stream: IO[bytes]) -> None:
        stream.write(b"x" * 1_000_000)
        raise ApplianceError("the writer stopped")

    with pytest.raises(ApplianceError, match="the writer stopped"):
        archive.through(fail, _drain)
    with pytest.raises(ApplianceError, match="the reader stopped"):
        archive.through(_fill, _stop)


def _fill(stream: IO[bytes]) -> None:
    stream.write(b"x" * 1_000_000)


def _drain(stream: IO[bytes]) -> None:
    assert stream.read()


def _stop(_: IO[bytes]) -> None:
    raise ApplianceError("the reader stopped")
