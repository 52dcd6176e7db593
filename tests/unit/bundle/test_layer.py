"""A layer's bytes depend on its content alone, and hold what an overlay's upper folder means."""

import io
import os
import shutil
import socket
import subprocess
import tarfile
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from appliance.bundle.build.layer import Layer, clean, leave_out, pack
from appliance.errors import ApplianceError

EPOCH = 1_700_000_000
NAMES = st.text(alphabet="abcä.-_ ", min_size=1, max_size=8).filter(lambda name: name not in {".", ".."})


def members(blob: Path) -> dict[str, tarfile.TarInfo]:
    content = zstandard.ZstdDecompressor().decompressobj().decompress(blob.read_bytes())
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        return {member.name: member for member in archive}


def packed(root: Path, blob: Path) -> tuple[Layer, dict[str, tarfile.TarInfo]]:
    layer = pack(root, blob, EPOCH)
    return layer, members(blob)


@given(files=st.dictionaries(NAMES, st.binary(max_size=64), max_size=6))
def test_order_and_time_of_writing_do_not_count(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes]
) -> None:
    digests = set()
    for order in (sorted(files), sorted(files, reverse=True)):
        root = tmp_path_factory.mktemp("root")
        for name in order:
            (root / name).write_bytes(files[name])
        digests.add(pack(root, root.parent / f"{root.name}.blob", EPOCH))
    assert len(digests) == 1


def test_an_old_time_is_kept_and_a_later_one_is_clamped(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    for name, time in (("old", EPOCH - 5), ("new", EPOCH + 5)):
        (root / name).touch()
        os.utime(root / name, (time, time))
    _, found = packed(root, tmp_path / "blob")
    assert (found["old"].mtime, found["new"].mtime) == (EPOCH - 5, EPOCH)


def test_links_stay_links_and_no_program_is_setuid(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "su").write_bytes(b"x")
    (root / "su").chmod(0o4755)
    (root / "twin").hardlink_to(root / "su")
    (root / "soft").symlink_to("/etc/su")
    _, found = packed(root, tmp_path / "blob")
    assert found["su"].mode == 0o755
    assert (found["twin"].type, found["twin"].linkname) == (tarfile.LNKTYPE, "su")
    assert (found["soft"].type, found["soft"].linkname) == (tarfile.SYMTYPE, "/etc/su")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes device nodes")
def test_deletions_of_an_overlay_become_whiteouts(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "etc").mkdir(parents=True)
    os.mknod(root / "etc" / "gone", 0o020000, os.makedev(0, 0))
    os.setxattr(root / "etc", "trusted.overlay.opaque", b"y")
    _, found = packed(root, tmp_path / "blob")
    assert set(found) == {"etc", "etc/.wh.gone", "etc/.wh..wh..opq"}
    assert all(found[name].isreg() and found[name].size == 0 for name in found if name != "etc")


def test_what_no_layer_can_hold_is_refused(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(root / "socket"))
        with pytest.raises(ApplianceError, match="/socket is neither"):
            pack(root, tmp_path / "blob", EPOCH)


def test_digest_and_diff_id_are_of_the_bytes_at_rest(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "file").write_bytes(b"content" * 1000)
    layer, _ = packed(root, tmp_path / "blob")
    assert shutil.which("zstd"), "zstd is installed by `make setup`"
    plain = subprocess.run(["zstd", "-dc", tmp_path / "blob"], capture_output=True, check=True).stdout
    sums = [
        subprocess.run(["sha256sum"], input=data, capture_output=True, check=True).stdout.decode().split()[0]
        for data in ((tmp_path / "blob").read_bytes(), plain)
    ]
    assert [layer.digest, layer.diff_id] == sums
    assert layer.size == (tmp_path / "blob").stat().st_size


def test_cleaning_removes_what_names_the_build_host_and_keys_made_while_building(tmp_path: Path) -> None:
    unwanted = [
        "etc/hostname",
        "etc/machine-id",
        "etc/resolv.conf",
        "etc/ssl/private/ssl-cert-snakeoil.key",
        "etc/ssl/certs/ssl-cert-snakeoil.pem",
        "var/log/dpkg.log",
        "var/cache/ldconfig/aux-cache",
        "var/lib/dpkg/status-old",
        "usr/share/doc/x/changelog.gz",
        "usr/share/man/man1/x.1",
        "usr/share/locale/de/x.mo",
    ]
    wanted = ["etc/passwd", "usr/share/doc/x/copyright", "var/lib/dpkg/status", "usr/lib/x.so"]
    for name in [*unwanted, *wanted]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    (tmp_path / "etc/ssl/certs/0a1b2c3d.0").symlink_to("ssl-cert-snakeoil.pem")
    clean(tmp_path)
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if not path.is_dir() or path.is_symlink()}
    assert left == set(wanted)


def test_what_a_recipe_leaves_out_is_gone_and_nothing_else(tmp_path: Path) -> None:
    kept = ("lib/libLLVM", "lib/libicu.so", "a/b/test/keep")
    for name in (*kept, "lib/libLLVM-14.so", "a/tests/x", "a/b/tests/tests/y", "man/one"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    leave_out(tmp_path, ["/lib/libLLVM-*", "/a/**/tests", "/man"])
    assert {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()} == set(kept)


def test_a_line_that_fits_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ApplianceError, match=r"nothing in this image fits /usr/share/moved"):
        leave_out(tmp_path, ["/usr/share/moved"])


def test_a_link_in_a_package_does_not_lead_the_removal_to_the_build_host(tmp_path: Path) -> None:
    root, host = tmp_path / "root", tmp_path / "host"
    root.mkdir()
    host.mkdir()
    (host / "file").touch()
    (root / "share").symlink_to(host)
    with pytest.raises(ApplianceError, match="leads out of the image"):
        leave_out(root, ["/share/*"])
    assert (host / "file").exists()
    leave_out(root, ["/share"])
    assert not (root / "share").is_symlink()
    assert (host / "file").exists()
