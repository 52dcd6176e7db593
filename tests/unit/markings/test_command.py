"""The command `appliance marking`: arguments, files and standard input, text and JSON, and its exit codes."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from appliance.cli.marking.group import app


def run(*arguments: str, stdin: str | bytes | None = None) -> Result:
    return CliRunner().invoke(app, list(arguments), input=stdin)


def run_json(*arguments: str, stdin: str | bytes | None = None) -> Any:
    return json.loads(run(*arguments, "--json", stdin=stdin).stdout)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["parse", "SECRET//NOFORN"], 0),
        (["parse", "SECRET", "SECRT"], 1),
        (["check", "SECRET//NOFORN", "(S//NF)"], 0),
        (["check", "SECRET//NF"], 1),
        (["check", ""], 1),
        (["check", "x." * 4000], 1),
        (["check"], 2),
        (["check", "--nonsense"], 2),
        (["check", "--file", "/no/such/file"], 2),
        (["check", "SECRET", "--vocabulary", "/no/such/folder"], 2),
        (["rollup", "S", "U"], 0),
        (["rollup", "S", "X"], 1),
        (["rollup", "S", "--compilation", "TOP SECRET"], 2),
        (["rollup"], 2),
        (["rollup", "--banner", "SECRET", "S", "U"], 0),
        (["rollup", "--banner", "TOP SECRET", "S", "U"], 1),
        (["rollup", "--banner", "TOP SECRET", "--reason", "the sum reveals the method", "S", "U"], 0),
        (["rollup", "--banner", "SECRT", "S"], 1),
        (["explain", "S//NF", "U"], 0),
        (["join", "S;;USA", "CUI//SP-CTI"], 0),
        (["join", "S;;usa"], 1),
        (["dominates", "SECRET", "UNCLASSIFIED"], 0),
        (["dominates", "SECRET", "TOP SECRET"], 1),
        (["dominates", "SECRET", "SECRT"], 1),
        (["dominates", "SECRET"], 2),
    ],
)
def test_exit_codes(arguments: list[str], code: int) -> None:
    result = run(*arguments)
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output


def test_check_tells_every_violation_as_json() -> None:
    good, bad = run_json("check", "SECRET//NOFORN", "CONFIDENTIAL//TK//FOUO")
    assert good == {"marking": "SECRET//NOFORN", "valid": True, "violations": []}
    assert (bad["marking"], bad["valid"]) == ("CONFIDENTIAL//TK//FOUO", False)
    assert {violation["rule"] for violation in bad["violations"]} == {"tk-level", "sci-release", "fouo-level"}
    for violation in bad["violations"]:
        assert set(violation) == {"rule", "source", "span", "message", "suggestion"}


def test_markings_come_from_files_and_standard_input_one_a_line(tmp_path: Path) -> None:
    portions = tmp_path / "portions.txt"
    portions.write_bytes(b"S//REL TO USA, GBR\r\nS//REL TO USA, CAN, GBR\nU\n")
    expected = "SECRET//REL TO USA, GBR"
    assert run("rollup", str(portions)).stdout.strip() == expected
    assert run("rollup", "--file", str(portions)).stdout.strip() == expected
    assert run("rollup", str(portions.rename(tmp_path / "portions"))).stdout.strip() == expected
    portions.symlink_to(tmp_path / "portions")
    assert run("rollup", "-", stdin=portions.read_bytes()).stdout.strip() == expected
    assert run_json("rollup", "-", "S//NF", stdin="U\n")["banner"] == "SECRET//NOFORN"


def test_an_empty_line_is_an_unmarked_portion_and_no_input_is_wrong_usage() -> None:
    assert [entry["valid"] for entry in run_json("check", "-", stdin="S\n\nU\n")] == [True, False, True]
    assert run("check", "-", stdin="").exit_code == 2


def test_bytes_that_are_no_text_are_an_invalid_marking() -> None:
    (entry,) = run_json("check", "-", stdin=b"SECRET\xff\n")
    assert not entry["valid"]


def test_control_characters_do_not_reach_the_terminal() -> None:
    assert "\x1b" not in run("check", "SECRET\x1b[31m").output


def test_parse_gives_every_form_as_json() -> None:
    (entry,) = run_json("parse", "(TS//SI//OC/NF)")
    assert entry["banner"] == "TOP SECRET//SI//ORCON/NOFORN"
    assert entry["label"] == {"encoding": "TS;SI;USA", "level": "TS", "need": ["SI"], "rel": ["USA"]}
    assert entry["obligations"] == ["OC"]
    assert entry["ism"]["classification"] == "TS"
    assert "originatorConfidentialityLabel" in entry["stanag4774"]


def test_explain_names_portions_rules_and_sources() -> None:
    text = run("explain", "U", "S//NF").stdout
    assert "SECRET//NOFORN" in text
    assert "disseminationControls NF: from portion 2" in text
    assert "ISM-ID-00070" in text
    lines = run_json("explain", "U", "S//NF")["explanation"]
    assert {"category": "classification", "value": "S", "kept": True, "portions": [2], "rule": "rollup-level"} in lines


def test_a_compilation_raises_the_banner_with_its_reason() -> None:
    arguments = ["rollup", "S//NF", "--compilation", "TOP SECRET//NOFORN", "--reason", "the sum reveals the method"]
    assert run_json(*arguments)["banner"] == "TOP SECRET//NOFORN"


def test_join_and_dominates_as_json() -> None:
    assert run_json("join", "SECRET//REL TO USA, GBR", "TOP SECRET//TK//NOFORN")["encoding"] == "TS;TK;USA"
    assert run_json("dominates", "TS;TK;USA", "SECRET//REL TO USA, GBR")["dominates"] is True


def test_invalid_portions_are_all_told() -> None:
    invalid = run_json("rollup", "S", "X", "S//NOFORM")["invalid"]
    assert [entry["marking"] for entry in invalid] == ["X", "S//NOFORM"]


def test_banners_have_their_colours_in_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLORTERM", "truecolor")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "48;2;200;16;46m" in run("rollup", "S//NF").stdout
