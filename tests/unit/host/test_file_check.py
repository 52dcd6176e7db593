"""What may pass between an enclave and a medium: type, form, marking and the scanner's word."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.enclave.site import Exchange, load_site
from appliance.errors import ApplianceError
from appliance.host.data import file_check

ROW = {"prompt": "question", "answers": ["yes", "no"]}
LINES = (json.dumps(ROW) + "\n").encode() * 3
SECRET = load_site(Path("site.example.yml")).enclave("secret")


def write(folder: Path, name: str, data: bytes) -> Path:
    file = folder / name
    file.write_bytes(data)
    return file


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("a.exe", LINES, "do not pass"),
        ("a", LINES, "do not pass"),
        ("a.jsonl", Path("/bin/true").read_bytes(), "but it is elf"),
        ("a.json", b"%PDF-1.7\n1 0 obj\n<</Type/Catalog>>\nendobj\n" * 20, "but it is pdf"),
        ("a.jsonl", b"#!/bin/sh\nrm -rf /\n", "but it is shell"),
        ("a.jsonl", b"just some words, and then some more of them\n", "is not jsonl"),
        ("a.json", b"[" * 100_000, "is not json|but it is"),
        ("a.jsonl", LINES + b"\xff\xfe", "is not jsonl"),
        ("a.json", b"[]", "no records"),
        ("a.json", b"[1, 2]", "no records"),
        ("a.json", b"1", "no records|but it is"),
        ("a.json", b'"text"', "no records|but it is"),
        ("a.jsonl", b"", "is empty|no records"),
        ("a.jsonl", LINES * 5000, "longer than"),
        ("a.json", '[{"a": 1}]'.encode("utf-16"), "it is text in UTF-16"),
        ("a.json", '[{"a": 1}]'.encode("utf-16-be"), "it is text in UTF-16"),
        ("a.jsonl", LINES.decode().encode("utf-16-le"), "it is text in UTF-16"),
        ("a.jsonl", LINES.decode().encode("utf-32"), "it is text in UTF-32"),
        (
            "a.jsonl",
            LINES + b'{"prompt": "x", "marking": "(S)", "marking": "(U)"}\n',
            "line 4.*'marking' appears twice",
        ),
        ("a.json", b'[{"prompt": "x", "data": {"a": 1, "a": 2}}]', "'a' appears twice"),
        ("a.json", b'{"records": [{"a": 1}], "records": [{"a": 2}]}', "'records' appears twice"),
        ("a.jsonl", LINES + b'{"prompt": "half \\ud83d of one"}\n', "line 4: prompt holds half of a surrogate pair"),
        ("a.jsonl", LINES + b'{"\\udc00": "in a name"}\n', "line 4: .*surrogate"),
        ("a.jsonl", LINES + b'{"prompt": NaN}\n', "line 4: NaN"),
        ("a.jsonl", LINES + b'{"prompt": -1e400}\n', "line 4: -1e400"),
        ("a.jsonl", LINES + b'{"prompt": "broken\n', "line 4"),
        ("a.jsonl", LINES + b'"no object"\n', "line 4: is a text"),
    ],
)
def test_what_may_not_pass_is_refused_by_name(tmp_path: Path, name: str, data: bytes, reason: str) -> None:
    with pytest.raises(ApplianceError, match=reason):
        file_check.check_file(write(tmp_path, name, data), Exchange(maximum_bytes=200_000))


@pytest.mark.parametrize("name", ["a.jsonl", "a.JSONL", "A.JsonL"])
@pytest.mark.parametrize("before", [b"", b"\xef\xbb\xbf"])
def test_what_windows_makes_of_a_name_or_puts_before_a_text_does_no_harm(
    tmp_path: Path, name: str, before: bytes
) -> None:
    content = file_check.check_file(write(tmp_path, name, before + LINES), Exchange())
    assert content.rows == [ROW] * 3
    assert content.sha256 == hashlib.sha256(before + LINES).hexdigest()


def test_a_whole_surrogate_pair_is_a_character(tmp_path: Path) -> None:
    file = write(tmp_path, "a.json", b'[{"prompt": "\\ud83d\\ude00"}, {"prompt": "d"}]')
    assert file_check.check_file(file, Exchange()).rows[0] == {"prompt": "\U0001f600"}


def test_a_file_is_read_once_whatever_becomes_of_it(tmp_path: Path) -> None:
    """A medium, or who holds it, shows each reader another file: rows, digest and scan are of the same bytes."""
    file, seen = write(tmp_path, "a.jsonl", LINES), tmp_path / "seen"
    script = f'cp "$0" {seen}; stat -c %a "$0" >> {seen}.mode; echo "{{}}" > {file}'
    content = file_check.check_file(file, Exchange(scanner=("/bin/sh", "-c", script)))
    assert file.read_bytes() == b"{}\n"
    assert content.rows == [ROW] * 3
    assert content.sha256 == hashlib.sha256(LINES).hexdigest()
    assert seen.read_bytes() == LINES
    assert Path(f"{seen}.mode").read_text() == "400\n"


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").symlink_to(write(tmp_path, "b.jsonl", LINES))
    with pytest.raises(ApplianceError, match="symbolic link"):
        file_check.check_file(tmp_path / "a.jsonl", Exchange())


@pytest.mark.parametrize(
    ("scanner", "reason"),
    [
        (("/bin/true",), None),
        (("/bin/false",), "the scanner refuses it"),
        (("/bin/grep", "-q", "virus"), "the scanner refuses it"),
        (("/nowhere/scanner",), "did not judge it"),
    ],
)
def test_where_a_scanner_is_named_nothing_passes_without_it(
    tmp_path: Path, scanner: tuple[str, ...], reason: str | None
) -> None:
    file = write(tmp_path, "a.jsonl", LINES)
    rules = Exchange(scanner=scanner)
    if reason is None:
        assert len(file_check.check_file(file, rules).rows) == 3
        return
    with pytest.raises(ApplianceError, match=reason):
        file_check.check_file(file, rules)


@pytest.mark.parametrize(
    ("marking", "reason"),
    [
        (None, "carries no marking"),
        ("", "valid|marking"),
        ("SECRETT", "SECRETT"),
        ("TOP SECRET//NOFORN", "is above"),
        ("SECRET//NOFORN", "is above"),
    ],
)
def test_a_file_needs_a_marking_that_the_enclave_dominates(marking: str | None, reason: str) -> None:
    with pytest.raises(ApplianceError, match=reason):
        file_check.label_within(marking, SECRET, "file")
    assert file_check.label_within("UNCLASSIFIED", SECRET, "file") == "UNCLASSIFIED"


records = st.lists(st.dictionaries(st.text(max_size=5), st.text(max_size=20), min_size=2), min_size=1, max_size=5)


@given(records, st.sampled_from(["json", "jsonl"]))
def test_the_marking_inside_a_file_is_found_again_with_every_record(rows: list[dict[str, Any]], kind: str) -> None:
    data = file_check.with_marking(rows, kind, {"marking": "SECRET//NOFORN"})
    read = file_check.read_rows(data, kind, "file")
    assert (read.marking, read.rows) == ("SECRET//NOFORN", rows)
