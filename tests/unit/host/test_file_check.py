"""What may pass between an enclave and a medium: type, form, marking and the scanner's word."""

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
        ("a.jsonl", b"", "is empty|no records"),
        ("a.jsonl", LINES * 5000, "longer than"),
    ],
)
def test_what_may_not_pass_is_refused_by_name(tmp_path: Path, name: str, data: bytes, reason: str) -> None:
    with pytest.raises(ApplianceError, match=reason):
        file_check.check_file(write(tmp_path, name, data), Exchange(maximum_bytes=200_000))


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
