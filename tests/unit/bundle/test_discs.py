"""A bundle travels on discs: any order, each read once, a bad one named and burnt again alone."""

import json
import os
import random
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from appliance.bundle.media.discs import RESERVE, Piece, split_bundle
from appliance.bundle.media.gather import Gathered, MissingDiscsError, gather_bundle, gather_disc, gather_discs
from appliance.bundle.read.verify import verify_bundle
from appliance.cli.bundle.media import parse_size
from appliance.cli.main import app
from appliance.errors import ApplianceError
from tests.unit.bundle.sample import NOW, Keys, attest_model, fill, make_bundle, sign

CHUNK = 1 << 20
SIZE = RESERVE + 2_200_000


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory, keys: Keys) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("appliance.bundle.repository.hashing.CHUNK", CHUNK)
        patch.setattr("appliance.bundle.repository.metadata.CHUNK", CHUNK)
        folder = tmp_path_factory.mktemp("bundle")
        make_bundle(folder, keys, model_size=5_000_000)
    return folder


@pytest.fixture
def discs(bundle: Path, keys: Keys, tmp_path: Path) -> list[Path]:
    split_bundle(bundle, tmp_path / "discs", SIZE, keys.fingerprint)
    for disc in (tmp_path / "discs").glob("disc-*"):  # hard links: keep the original out of reach of the attacks
        shutil.move(shutil.copytree(disc, tmp_path / "copy"), tmp_path / f"real-{disc.name}")
    return sorted(tmp_path.glob("real-disc-*"))


def read(disc: Path, keys: Keys, into: Path) -> Gathered:
    return gather_disc(disc, into, keys.fingerprint, now=NOW)


def test_no_disc_is_larger_than_its_size(discs: list[Path]) -> None:
    assert len(discs) >= 3
    for disc in discs:
        assert sum(file.stat().st_size for file in disc.rglob("*") if file.is_file()) < SIZE
        assert (disc / "metadata" / "targets.json").is_file()


@pytest.mark.parametrize("order", ["forward", "backward"])
def test_discs_are_read_in_any_order(discs: list[Path], keys: Keys, tmp_path: Path, order: str) -> None:
    into = tmp_path / "into"
    queue = discs if order == "forward" else discs[::-1]
    for disc in queue[:-1]:
        state = read(disc, keys, into)
        assert state.remaining
        assert state.findings == []
    assert read(queue[-1], keys, into).remaining == []
    assert verify_bundle(into, keys.fingerprint, now=NOW)[1].findings == []


def test_an_unfinished_folder_is_no_bundle(discs: list[Path], keys: Keys, tmp_path: Path) -> None:
    read(discs[0], keys, tmp_path / "into")
    assert not verify_bundle(tmp_path / "into", keys.fingerprint, now=NOW)[1].ok


def test_a_bad_disc_is_named_and_needed_again_alone(discs: list[Path], keys: Keys, tmp_path: Path) -> None:
    good = tmp_path / "good"
    shutil.copytree(discs[1], good)
    victim = sorted(file for file in (discs[1] / "pieces").rglob("*") if file.is_file())[0]
    data = bytearray(victim.read_bytes())
    data[-1] ^= 1
    victim.write_bytes(data)
    states = [read(disc, keys, tmp_path / "into") for disc in discs]
    path = victim.relative_to(discs[1])
    assert states[1].findings == [
        f"disc 2 of {len(discs)}: {path}: its SHA-256 is not the one that was signed; burn this disc again"
    ]
    assert states[-1].remaining == [2]
    seen: list[str] = []
    state = gather_disc(
        good, tmp_path / "into", keys.fingerprint, now=NOW, on_piece=lambda piece, _: seen.append(piece.path)
    )
    assert state.remaining == []
    assert seen == [str(path)]
    assert verify_bundle(tmp_path / "into", keys.fingerprint, now=NOW)[1].ok


def test_a_killed_run_goes_on(discs: list[Path], keys: Keys, tmp_path: Path) -> None:
    """A run that dies while copying has recorded nothing of that disc; the next one reads it whole."""

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    into = tmp_path / "into"
    read(discs[0], keys, into)
    with pytest.raises(KeyboardInterrupt):
        gather_disc(discs[1], into, keys.fingerprint, now=NOW, on_piece=die)
    for disc in discs[1:]:
        read(disc, keys, into)
    assert verify_bundle(into, keys.fingerprint, now=NOW)[1].ok


def test_the_same_disc_twice_changes_nothing(discs: list[Path], keys: Keys, tmp_path: Path) -> None:
    first = read(discs[0], keys, tmp_path / "into")
    assert read(discs[0], keys, tmp_path / "into") == first


def test_a_disc_of_another_edition(discs: list[Path], keys: Keys, tmp_path: Path) -> None:
    make_bundle(tmp_path / "other", keys, version=2)
    split_bundle(tmp_path / "other", tmp_path / "others", 25 * 10**9, keys.fingerprint)
    read(discs[0], keys, tmp_path / "into")
    with pytest.raises(ApplianceError, match="was begun with discs of another bundle"):
        read(tmp_path / "others" / "disc-01", keys, tmp_path / "into")


def test_a_disc_that_lies_about_its_number(discs: list[Path], keys: Keys, tmp_path: Path) -> None:
    shutil.copyfile(discs[1] / "volume.json", discs[0] / "volume.json")
    state = read(discs[0], keys, tmp_path / "into")
    assert state.number == 2
    assert 2 in state.remaining
    assert any("not listed" in finding for finding in state.findings)
    assert any("missing" in finding for finding in state.findings)


@pytest.mark.parametrize("content", ["", "{}", '{"count":3,"number":9,"size":1}', '{"count":3, "number":1,"size":1}'])
def test_a_strange_volume_file(discs: list[Path], keys: Keys, tmp_path: Path, content: str) -> None:
    (discs[0] / "volume.json").write_text(content)
    with pytest.raises(ApplianceError):
        read(discs[0], keys, tmp_path / "into")
    assert not (tmp_path / "into").exists()


def test_a_link_on_a_disc_is_not_followed(discs: list[Path], keys: Keys, tmp_path: Path) -> None:
    victim = next(file for file in sorted((discs[0]).rglob("pieces/*/*")))
    victim.unlink()
    victim.symlink_to("/etc/passwd")
    assert any("a symbolic link" in finding for finding in read(discs[0], keys, tmp_path / "into").findings)


def test_discs_that_are_too_small(bundle: Path, keys: Keys, tmp_path: Path) -> None:
    with pytest.raises(ApplianceError, match="do not fit on a disc"):
        split_bundle(bundle, tmp_path / "small", RESERVE + 500_000, keys.fingerprint)


def test_a_damaged_bundle_is_not_split(bundle: Path, keys: Keys, tmp_path: Path) -> None:
    damaged = shutil.copytree(bundle, tmp_path / "damaged")
    with (damaged / "targets" / "models" / "small.gguf").open("r+b") as file:
        file.seek(4_000_000)
        file.write(b"x")
    with pytest.raises(ApplianceError, match="not what was signed"):
        split_bundle(damaged, tmp_path / "discs", SIZE, keys.fingerprint)


def test_a_delta_is_not_split(bundle: Path, keys: Keys, tmp_path: Path) -> None:
    delta = shutil.copytree(bundle, tmp_path / "delta")
    (delta / "targets" / "models" / "small.gguf").unlink()
    with pytest.raises(ApplianceError, match="lacks 1 of"):
        split_bundle(delta, tmp_path / "discs", SIZE, keys.fingerprint)
    assert not (tmp_path / "discs").exists()


def test_the_page_lists_every_checksum(bundle: Path, keys: Keys, tmp_path: Path) -> None:
    plan = split_bundle(bundle, tmp_path / "discs", SIZE, keys.fingerprint)
    page = (tmp_path / "discs" / "labels.html").read_text()
    assert all(piece.sha256 in page for disc in plan for piece in disc)
    assert f"disc {len(plan)} of {len(plan)}" in page
    assert "DEMO" in page
    assert "SECRET//REL TO USA, GBR" in page


@pytest.mark.slow
def test_a_byte_beyond_two_gigabytes_is_covered(tmp_path: Path, keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    """RAUC CVE-2026-34155: above 2 GiB the signature covered the first bytes only."""
    monkeypatch.setattr("appliance.bundle.repository.hashing.CHUNK", 4 << 30)  # one pass less over the file
    targets = fill(tmp_path / "large", keys.builder, model_size=10)
    model = tmp_path / "large" / "targets" / "models" / "small.gguf"
    os.truncate(model, (2 << 30) + 4096)
    sign(tmp_path / "large", targets, keys)
    with model.open("r+b") as file:
        file.seek((2 << 30) + 4095)
        file.write(b"x")
    report = verify_bundle(tmp_path / "large", keys.fingerprint, now=NOW)[1]
    assert [target.path for target in report.targets if not target.ok] == ["models/small.gguf"]


def test_sizes() -> None:
    assert (parse_size("4.7GB"), parse_size("650 MiB"), parse_size("25gb")) == (4_700_000_000, 681_574_400, 25 * 10**9)
    for text in ("", "GB", "-1GB", "1TBX"):
        with pytest.raises(ApplianceError, match="not a size"):
            parse_size(text)


def test_the_commands(bundle: Path, keys: Keys, tmp_path: Path) -> None:
    paper = ["--root-fingerprint", keys.fingerprint]
    out, into = tmp_path / "discs", tmp_path / "into"
    run = CliRunner().invoke
    result = run(app, ["bundle", "split", str(bundle), str(out), "--volume-size", f"{SIZE}", *paper, "--json"])
    assert result.exit_code == 0, result.output
    count = len(json.loads(result.output)["discs"])
    discs = [str(out / f"disc-{number:02d}") for number in range(count, 0, -1)]
    result = run(app, ["bundle", "gather", discs[0], "--into", str(into), *paper])
    assert result.exit_code == 3
    assert f"still missing: {', '.join(map(str, range(1, count)))}" in result.output
    result = run(app, ["bundle", "gather", *discs[1:], "--into", str(into), *paper])
    assert result.exit_code == 0, result.output
    assert run(app, ["bundle", "verify", str(into), *paper]).exit_code == 0


def test_one_pass_over_each_disc(
    discs: list[Path], keys: Keys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counts the bytes that the process takes from the targets and pieces of every disc."""
    real, taken = os.read, dict.fromkeys(discs, 0)

    def counting(descriptor: int, length: int) -> bytes:
        data, path = real(descriptor, length), Path(f"/proc/self/fd/{descriptor}").readlink()
        for disc in discs:
            if path.is_relative_to(disc):
                taken[disc] += len(data)
        return data

    monkeypatch.setattr("os.read", counting)
    gather_bundle([*discs, discs[0]], tmp_path / "staging", keys.fingerprint)
    for disc in discs:
        files = [file for part in ("targets", "pieces") for file in (disc / part).rglob("*") if file.is_file()]
        assert taken[disc] == sum(file.stat().st_size for file in files)


def test_a_folder_is_taken_as_it_is_and_discs_are_staged(
    bundle: Path, discs: list[Path], keys: Keys, tmp_path: Path
) -> None:
    staging = tmp_path / "staging"
    assert gather_bundle([bundle], staging, keys.fingerprint) == bundle
    with pytest.raises(MissingDiscsError, match="still missing: 1, 3") as refusal:
        gather_bundle([discs[1]], staging, keys.fingerprint)
    assert refusal.value.status == 3
    staged = gather_bundle([discs[2], discs[0], *discs[3:]], staging, keys.fingerprint)
    assert staged == staging / f"1-{keys.fingerprint[:8]}"
    assert verify_bundle(staged, keys.fingerprint, now=NOW)[1].ok


def test_the_wrong_disc_first_then_the_right_one(discs: list[Path], keys: Keys, tmp_path: Path) -> None:
    """At a terminal: another bundle's disc and an empty drive are named, and the next disc is asked for."""
    make_bundle(tmp_path / "other", keys, version=2)
    split_bundle(tmp_path / "other", tmp_path / "others", 25 * 10**9, keys.fingerprint)
    drive, queue, said = tmp_path / "drive", [tmp_path / "others" / "disc-01", tmp_path / "empty", *discs[1:]], []
    (tmp_path / "empty").mkdir()
    drive.symlink_to(discs[0])

    def insert(wanted: str) -> None:
        said.append(wanted)
        drive.unlink()
        drive.symlink_to(queue.pop(0))

    gather_discs([drive], tmp_path / "into", keys.fingerprint, ask=insert)
    assert "still missing: 2" in said[0]
    assert "was begun with discs of another bundle" in said[1]
    assert "cannot be read" in said[2]
    assert verify_bundle(tmp_path / "into", keys.fingerprint, now=NOW)[1].ok


def test_a_disc_that_changes_after_it_was_read(discs: list[Path], keys: Keys, tmp_path: Path) -> None:
    read(discs[0], keys, tmp_path / "into")
    for file in [file for file in (discs[0] / "pieces").rglob("*") if file.is_file()]:
        file.write_bytes(bytes(file.stat().st_size))
    for disc in discs:
        state = read(disc, keys, tmp_path / "into")
    assert state.remaining == []
    assert verify_bundle(tmp_path / "into", keys.fingerprint, now=NOW)[1].ok


def test_a_killed_run_reads_only_the_rest_of_the_disc(
    discs: list[Path], keys: Keys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("appliance.bundle.media.gather.SAVE_EVERY", 1)
    first: list[str] = []

    def die_at_the_second(piece: Piece, finding: str) -> None:
        first.append(piece.path)
        if len(first) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        gather_disc(discs[0], tmp_path / "into", keys.fingerprint, now=NOW, on_piece=die_at_the_second)
    again: list[str] = []
    gather_disc(discs[0], tmp_path / "into", keys.fingerprint, now=NOW, on_piece=lambda p, _: again.append(p.path))
    assert first[0] not in again
    assert first[1] in again


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a file system")
def test_a_read_error_in_the_middle_of_a_disc(keys: Keys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real one: the disc is a mounted file system whose device ends too early."""
    monkeypatch.setattr("appliance.bundle.repository.hashing.CHUNK", CHUNK)
    monkeypatch.setattr("appliance.bundle.repository.metadata.CHUNK", CHUNK)
    targets = fill(tmp_path / "bundle", keys.builder)
    content = random.Random(1).randbytes(5_000_000)  # noqa: S311  # repeatable, not secret
    (tmp_path / "bundle/targets/models/small.gguf").write_bytes(content)
    attest_model(tmp_path / "bundle", targets, keys.builder)
    sign(tmp_path / "bundle", targets, keys)
    split_bundle(tmp_path / "bundle", tmp_path / "discs", SIZE, keys.fingerprint)
    first, *others = sorted((tmp_path / "discs").glob("disc-*"))
    victim = max((file for file in (first / "pieces").rglob("*") if file.is_file()), key=lambda f: f.stat().st_size)
    image, mounted = tmp_path / "disc.img", tmp_path / "mounted"
    mounted.mkdir()
    make = ["mkfs.ext4", "-q", "-b", "4096", "-O", "^has_journal", "-d", str(first), str(image), "8M"]
    subprocess.run(make, check=True)
    start = image.read_bytes().find(victim.read_bytes()[:4096])
    assert start > 0
    subprocess.run(["mount", "-o", "loop,ro", image, mounted], check=True)
    try:
        for file in [mounted / "volume.json", *(mounted / "metadata").iterdir()]:
            file.read_bytes()  # from here on in the machine's memory
        os.truncate(image, start + (CHUNK >> 1))
        state = read(mounted, keys, tmp_path / "into")
    finally:
        subprocess.run(["umount", mounted], check=True)
    place = (
        rf"disc 1 of {1 + len(others)}: {victim.relative_to(first)}: cannot be read at byte (\d+): Input/output error"
    )
    (found,) = [match for finding in state.findings if (match := re.match(place, finding))]
    assert int(found[1]) <= CHUNK >> 1
    for disc in others:
        state = read(disc, keys, tmp_path / "into")
    assert state.remaining == [1]
    assert read(first, keys, tmp_path / "into").remaining == []
    assert verify_bundle(tmp_path / "into", keys.fingerprint, now=NOW)[1].ok
