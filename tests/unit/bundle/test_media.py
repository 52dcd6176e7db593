"""What becomes of a bundle on media that people really use, and what the attack brought: each is refused or explained.

A table: what was done to a copy, and what `bundle verify` says of it; None where it does no harm.
"""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.bundle.read.verify import verify_bundle
from appliance.bundle.repository.carry import draft_of
from appliance.errors import ApplianceError, visible
from appliance.trust import canonical, furniture
from appliance.trust.repository.schema import Custom
from tests.forgery import second_form
from tests.unit.bundle import sample
from tests.unit.bundle.sample import NOW, Keys, fill, make_bundle, sign, stage

Damage = Callable[[Path], object]
LONG = "policies/" + "a-policy-whose-name-is-longer-than-a-disc-with-joliet-alone-can-hold-0001.yml"


def metadata(name: str, change: Callable[[bytes], bytes]) -> Damage:
    def damage(bundle: Path) -> None:
        file = bundle / "metadata" / name
        file.write_bytes(change(file.read_bytes()))

    return damage


def left(path: str, *, folder: bool = False) -> Damage:
    """What an operating system leaves."""

    def damage(bundle: Path) -> None:
        entry = bundle / path
        entry.parent.mkdir(parents=True, exist_ok=True)
        if folder:
            entry.mkdir()
            (entry / "inside").write_bytes(b"x")
        else:
            entry.write_bytes(b"x")

    return damage


def named(old: str, new: str) -> Damage:
    return lambda bundle: (bundle / old).rename(bundle / new)


def signatures(change: Callable[[list[dict[str, str]]], list[dict[str, str]]]) -> Damage:
    def damage(bundle: Path) -> None:
        file = bundle / "metadata" / "hybrid.dsse.json"
        envelope = json.loads(file.read_bytes())
        file.write_bytes(canonical.encode(envelope | {"signatures": change(envelope["signatures"])}))

    return damage


def folder_for_file(bundle: Path) -> None:
    (bundle / "targets/policies/access.yml").unlink()
    (bundle / "targets/policies/access.yml").mkdir()


def iso(bundle: Path) -> None:
    for file in (bundle / "metadata").iterdir():
        stem, _, suffix = file.name.rpartition(".")
        file.rename(file.with_name(f"{stem.replace('.', '_')[:8].upper()}.{suffix[:3].upper()}"))


METADATA = ("1.root.json", "root.json", "targets.json", "snapshot.json", "timestamp.json", "hybrid.dsse.json")
TOP = (
    "System Volume Information", "$RECYCLE.BIN", "RECYCLER", "Thumbs.db", "desktop.ini", "WPSettings.dat", ".DS_Store",
    "._bootstrap.sh", ".Trashes", ".Spotlight-V100", ".fseventsd", ".TemporaryItems", "lost+found", ".Trash-1000",
)  # fmt: skip
DAMAGE: dict[str, tuple[Damage, str | None]] = {
    **{f"{name} at the top": (left(name), None) for name in TOP},
    **{f"the folder {name} at the top": (left(name, folder=True), None) for name in TOP},
    **{
        f"{name} among the targets": (left(f"targets/policies/{name}"), "not listed .*; .* leaves such entries")
        for name in (".DS_Store", "._access.yml", "Thumbs.db", "desktop.ini")
    },
    ".DS_Store among the metadata": (left("metadata/.DS_Store"), "not a metadata file; macOS leaves such entries"),
    "another file at the top": (left("readme.txt"), "readme.txt: not part of a bundle"),
    "a program that starts itself": (left("autorun.inf"), "autorun.inf: not part of a bundle"),
    "a link that is called as Windows' own folder": (
        lambda bundle: (bundle / "System Volume Information").symlink_to("/etc"), "a symbolic link",
    ),
    "a name that writes to a terminal": (left("targets/policies/\x1b[2J\x1b]0;ok\x07.yml"), r"%1b\[2J%1b\]0;ok%07.yml"),
    "a name that turns the line round": (left("targets/policies/\u202elmy.ok"), "%e2%80%aelmy.ok: not listed"),
    "a name that is no text": (
        lambda bundle: Path(str(bundle / "targets") + "/\udcff\udcfe").write_bytes(b"x"), "%ff%fe: not listed",
    ),
    "a metadata name that writes to a terminal": (left("metadata/\x1b[1A"), r"%1b\[1A: not a metadata file"),
    "names that Joliet has cut": (named(f"targets/{LONG}", f"targets/{LONG[:73]}"), "cut at 64 characters, as Joliet"),
    "names that Joliet has cut, with their ending": (
        named(f"targets/{LONG}", f"targets/{LONG[:69]}.yml"), "cut at 64 characters, as Joliet",
    ),
    "plain ISO 9660": (iso, "plain ISO 9660 does"),
    "names in capitals": (named("targets/policies", "targets/POLICIES"), "not listed|missing"),
    "one name in capitals": (named("targets/debs", "targets/Debs"), "not listed|missing"),
    **{
        f"a byte order mark before {name}": (metadata(name, lambda data: b"\xef\xbb\xbf" + data), name)
        for name in METADATA
    },
    **{
        f"{name} in UTF-16": (
            metadata(name, lambda data: data.decode().encode("utf-16")), "UTF-16|fingerprint|not a copy",
        )
        for name in METADATA
    },
    **{f"a line's end behind {name}": (metadata(name, lambda data: data + b"\r\n"), name) for name in METADATA},
    **{f"{name} is empty": (metadata(name, lambda _: b""), name) for name in METADATA},
    "the people's signatures in another order": (signatures(lambda found: found[::-1]), "another order or form"),
    "a signature in its second form": (signatures(second_form), "another order or form"),
    "a signature twice": (signatures(lambda found: [*found, found[0]]), "hybrid.dsse.json"),
    "a signature less": (signatures(lambda found: found[1:]), "hybrid.dsse.json"),
    "the wrong name of a key": (signatures(lambda found: [one | {"keyid": "0" * 64} for one in found]), "hybrid"),
    "an empty policy": (lambda bundle: (bundle / "targets/policies/access.yml").write_bytes(b""), "0 bytes long"),
    "a folder in a file's place": (
        folder_for_file, "not a regular file",
    ),
    "no targets at all": (lambda bundle: shutil.rmtree(bundle / "targets/debs"), "missing"),
}  # fmt: skip


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory, keys: Keys) -> Path:
    folder = tmp_path_factory.mktemp("original")
    targets = fill(folder, keys.builder, 5_000)
    (folder / "targets" / LONG).write_bytes(b"a: 1\n")
    sign(folder, targets | {LONG: Custom(kind="policy", label="UNCLASSIFIED")}, keys)
    return folder


def said_of(bundle: Path, keys: Keys) -> list[str]:
    try:
        return verify_bundle(bundle, keys.fingerprint, now=NOW)[1].findings
    except ApplianceError as error:
        return [error.message]


def test_there_are_sixty_kinds_of_damage() -> None:
    assert len(DAMAGE) >= 60


@pytest.mark.parametrize("what", DAMAGE)
def test_a_damaged_copy_is_refused_or_explained(original: Path, keys: Keys, tmp_path: Path, what: str) -> None:
    damage, expected = DAMAGE[what]
    bundle = tmp_path / "bundle"
    shutil.copytree(original, bundle)
    damage(bundle)
    findings = said_of(bundle, keys)
    if expected is None:
        assert findings == []
        stage(bundle, tmp_path / "staged", keys).require()
        staged = {entry.name for entry in (tmp_path / "staged").iterdir()}
        assert staged <= {"metadata", "targets"}, "what an operating system left is not carried onto the host"
        return
    assert any(match(expected, finding) for finding in findings), findings
    assert all(finding == visible(finding) and "\n" not in finding for finding in findings)
    with pytest.raises(ApplianceError):
        stage(bundle, tmp_path / "staged", keys).require()


def match(pattern: str, finding: str) -> bool:
    return re.search(pattern, finding) is not None


@pytest.mark.parametrize("label", ["BOGUS//LABEL", "secret-ish", "SECRET//", "(S)//(U)", "SECRET\nUNCLASSIFIED"])
def test_a_label_that_is_no_marking_does_not_verify(tmp_path: Path, keys: Keys, label: str) -> None:
    targets = fill(tmp_path / "b", keys.builder, 5_000)
    path = next(path for path in targets if path.startswith("debs/"))
    sign(tmp_path / "b", targets | {path: Custom(kind="deb", label=label)}, keys)
    (finding,) = said_of(tmp_path / "b", keys)
    assert finding.startswith(f"targets/{path}: its label ")


@pytest.mark.parametrize(
    ("marking", "reason"),
    [
        ("SECRET//NOFORN", "is marked SECRET//NOFORN, and the model's weights"),
        ("BOGUS//LABEL", "is no marking"),
        ("", "is no"),
    ],
)
def test_a_card_is_marked_and_not_above_its_model(
    tmp_path: Path, keys: Keys, monkeypatch: pytest.MonkeyPatch, marking: str, reason: str
) -> None:
    monkeypatch.setitem(sample.CARD, "marking", marking)
    make_bundle(tmp_path / "b", keys, 5_000)
    (finding,) = said_of(tmp_path / "b", keys)
    assert match(f"targets/models/small.card.json: .*{reason}", finding)


def test_long_names_that_begin_alike_arrive_beside_each_other(tmp_path: Path, keys: Keys) -> None:
    """Several files arrive at once: each has a draft of its own, whatever their names share."""
    targets = fill(tmp_path / "b", keys.builder, 5_000)
    for number in range(24):
        path = f"policies/{'long-' * 42}{number:03d}.yml"
        (tmp_path / "b/targets" / path).write_bytes(bytes([number]) * 200_000)
        targets[path] = Custom(kind="policy", label="UNCLASSIFIED")
    sign(tmp_path / "b", targets, keys)
    drafts = {draft_of(tmp_path / path).name for path in targets}
    assert len(drafts) == len({Path(path).name for path in targets})
    assert all(len(name) <= 255 for name in drafts)
    stage(tmp_path / "b", tmp_path / "staged", keys).require()
    assert verify_bundle(tmp_path / "staged", keys.fingerprint, now=NOW)[1].findings == []


def test_what_no_operating_system_leaves_is_nobodys_furniture() -> None:
    for name in ("lost", "found", "System Volume", "trash", ".Trash-x", "..", ".hidden", "autorun.inf", "DS_Store"):
        assert furniture.left_by(name) is None
