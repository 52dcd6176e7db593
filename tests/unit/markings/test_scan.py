"""Scanning finds the markings of documents of every kind, in a process that can open nothing."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from appliance.cli.marking.group import app
from appliance.markings import parse
from appliance.markings.documents import KINDS, DocumentError, paragraphs_of
from appliance.markings.documents.isolated import kind_of
from appliance.markings.formats.scan import Scan, scan_file
from tests.unit.markings.documents import MAKERS, WORD, docx, eml, package, txt

PARAGRAPHS = ["(U) A title", "(S//REL TO USA, CAN, GBR) The first paragraph.", "(C//REL TO USA, GBR) 1 of 2 (both)."]
BANNER = "SECRET//REL TO USA, GBR"


def scanned(folder: Path, name: str, data: bytes) -> Scan:
    path = folder / name
    path.write_bytes(data)
    return scan_file(path)


@pytest.mark.parametrize("kind", KINDS)
def test_a_document_that_is_marked_right_is_told_so(tmp_path: Path, kind: str) -> None:
    found = scanned(tmp_path, f"report.{kind}", MAKERS[kind](BANNER, PARAGRAPHS))
    assert {entry.marking for entry in found.banners} >= {parse(BANNER)}
    assert [entry.text for entry in found.portions if entry.place != "subject"][-3:] == [
        text[: text.index(")") + 1] for text in PARAGRAPHS
    ]
    assert found.unmarked == ()
    assert found.result is not None
    assert found.result.marking == parse(BANNER)
    assert found.valid


@pytest.mark.parametrize("kind", KINDS)
def test_an_unmarked_paragraph_and_a_wrong_banner_are_told_with_their_place(tmp_path: Path, kind: str) -> None:
    data = MAKERS[kind]("CONFIDENTIAL//REL TO USA, GBR", [*PARAGRAPHS, "Nobody marked this."])
    found = scanned(tmp_path, f"report.{kind}", data)
    (paragraph,) = found.unmarked
    assert "Nobody marked this." in paragraph.text
    assert any(character.isdigit() for character in paragraph.place)
    assert "rollup-level" in {violation.rule for violation in found.violations}
    assert not found.valid


def test_a_portion_may_repeat_the_banner_and_a_wrong_one_is_told(tmp_path: Path) -> None:
    assert scanned(tmp_path, "a.txt", txt(BANNER, ["(S//REL) One.", "(U) Two."])).valid
    found = scanned(tmp_path, "b.txt", txt(BANNER, ["(S//NOFORM) One.", "(U) Two."]))
    assert [violation.rule for entry in found.portions for violation in entry.violations] == ["unknown-word"]
    assert found.result is None
    assert not found.valid


def test_an_unclassified_document_without_controls_needs_no_portion_marks(tmp_path: Path) -> None:
    assert scanned(tmp_path, "a.txt", txt("UNCLASSIFIED", ["One.", "Two."])).valid
    assert not scanned(tmp_path, "b.txt", txt("UNCLASSIFIED//FOUO", ["One.", "Two."])).valid
    assert not scanned(tmp_path, "c.txt", b"One.\n\nTwo.\n").valid


def test_the_file_name_and_the_authority_block_are_known(tmp_path: Path) -> None:
    data = txt("SECRET//NOFORN", ["(S//NF) One.", "Classified By: the chief", "Declassify On: 20500101"])
    assert scanned(tmp_path, "(S--NF) report.txt", data).valid
    found = scanned(tmp_path, "(TS--NF) report.txt", data)
    assert not found.valid
    assert found.violations[0].message.startswith("file name")


def test_a_banner_in_small_letters_is_told(tmp_path: Path) -> None:
    found = scanned(tmp_path, "a.txt", txt("secret//noforn", ["(S//NF) One."]))
    assert {violation.rule for entry in found.banners for violation in entry.violations} == {"text-case"}


def test_word_text_that_is_hidden_or_in_a_box_counts_and_deleted_text_does_not(tmp_path: Path) -> None:
    box = "<w:txbxContent><w:p><w:r><w:t>(S//NF) in a box</w:t></w:r></w:p></w:txbxContent>"
    hidden = "<w:p><w:r><w:rPr><w:vanish/></w:rPr><w:t>hidden</w:t></w:r></w:p>"
    deleted = "<w:p><w:del><w:r><w:delText>gone</w:delText></w:r></w:del></w:p>"
    document = (
        f'<w:document xmlns:w="{WORD}"><w:body><w:p><w:r><w:t>(U) with a box</w:t></w:r>{box}</w:p>{hidden}{deleted}'
    )
    data = package({"word/document.xml": f"{document}</w:body></w:document>", "word/media/picture.png": b"x"})
    found = scanned(tmp_path, "a.docx", data)
    assert [entry.text for entry in found.portions] == ["(U)", "(S//NF)"]
    assert [paragraph.text for paragraph in found.unmarked] == ["hidden"]
    assert found.unread == ("word/media/picture.png",)


def test_attachments_are_read_or_named(tmp_path: Path) -> None:
    attachments = {"(S--NF) plan.docx": docx("SECRET//NOFORN", ["(S//NF) The plan."]), "photo.jpg": b"\xff\xd8"}
    found = scanned(tmp_path, "a.eml", eml("SECRET//NOFORN", ["(U) See the plan."], attachments))
    assert any("attachment" in entry.place for entry in found.portions)
    assert found.unread == ("attachment photo.jpg",)


BOMB = package({"word/document.xml": b"<a>" + b" " * 70_000_000 + b"</a>"})
ENTITIES = '<!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;">]><a>&c;</a>'


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.docx", b"no archive"),
        ("a.docx", BOMB),
        ("a.docx", package({"word/document.xml": ENTITIES})),
        ("a.docx", package({"word/document.xml": "<a>" * 1000})),
        ("a.xlsx", package({f"xl/part{number}.xml": "" for number in range(6_000)})),
        ("a.pdf", b"%PDF-1.7 and nothing"),
        ("a.pdf", b""),
        ("a.txt", b"\xff\xff\x00"),
        ("a.md", b"caf\xe9"),
        ("a.eml", b""),
    ],
)
def test_a_damaged_or_hostile_document_is_refused(tmp_path: Path, name: str, data: bytes) -> None:
    with pytest.raises(DocumentError):
        scanned(tmp_path, name, data)


@pytest.mark.parametrize("action", ["open('/etc/passwd')", "__import__('socket').socket()", "__import__('os').pipe()"])
def test_the_process_that_reads_can_open_nothing(action: str) -> None:
    code = f"import os, socket; from appliance.markings.documents.child import confine; confine(9, 2**30); {action}"
    result = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert result.returncode != 0
    assert "Too many open files" in result.stderr


def test_kinds_are_told_by_the_end_of_the_name() -> None:
    assert [kind_of(name) for name in ("a.TXT", "b.htm", "c.markdown", "d.docm")] == ["txt", "html", "md", "docx"]
    with pytest.raises(DocumentError):
        kind_of("a.exe")


def test_a_document_that_is_too_large_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    with path.open("wb") as file:
        file.truncate(65 * 1024 * 1024)
    with pytest.raises(DocumentError, match="larger"):
        paragraphs_of(path)


def test_the_command_says_what_is_wrong_and_where(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.txt", tmp_path / "bad.md"
    good.write_bytes(txt(BANNER, PARAGRAPHS))
    bad.write_bytes(txt("SECRET//NOFORN", ["(U) One.", "Two."]))
    result = CliRunner().invoke(app, ["scan", str(good)])
    assert (result.exit_code, "is marked right" in result.stdout) == (0, True)
    result = CliRunner().invoke(app, ["scan", str(bad), "--json"])
    assert result.exit_code == 1
    answer = json.loads(result.stdout)
    assert answer["unmarked"] == [{"place": "line 5", "text": "Two."}]
    assert answer["rollup"] == "UNCLASSIFIED"
    assert {violation["rule"] for violation in answer["violations"]} == {"rollup-level", "rollup-noforn"}
    assert CliRunner().invoke(app, ["scan", str(tmp_path / "no.txt")]).exit_code == 1
    assert CliRunner().invoke(app, ["scan", str(good), "--profile", "nosuch"]).exit_code == 1
    assert CliRunner().invoke(app, ["scan", str(good), "--kind", "exe"]).exit_code == 1
