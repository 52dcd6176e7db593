"""`appliance evidence`: recorded before it is written, and verified elsewhere with what came by another way."""

import json
from pathlib import Path

from typer.testing import CliRunner

from appliance.cli.main import app
from appliance.host.report.evidence.archive import sha256
from appliance.trust.keys import host_key
from tests.unit.host.installed import Host

RUNNER = CliRunner()


def evidence(*words: str | Path) -> tuple[int, str]:
    result = RUNNER.invoke(app, ["evidence", *map(str, words)])
    return result.exit_code, result.output


def test_a_pack_is_recorded_written_and_verified_elsewhere(host: Host, tmp_path: Path) -> None:
    root, out, key, rules = host.paths.root, tmp_path / "pack.zip", tmp_path / "host.pub", tmp_path / "policy"
    vkey = root / "log" / "log.vkey"
    key.write_text(host_key(root / "secrets" / "host.pem").public.keyval["public"])
    rules.write_text(f"log {vkey.read_text().strip()}\nquorum none\n")
    plan = tmp_path / "plan.txt"
    plan.write_text("who does what until when")
    where = ("--root", root, "--run", host.paths.run)
    code, output = evidence(
        "pack", "--out", out, "--key", vkey, "--include", plan, "--officer", "isso", *where, "--json"
    )
    assert code == 0, output
    said = json.loads(output)
    assert said["digest"] == f"sha256:{sha256(out.read_bytes())}"
    assert set(said["states"]) == {"satisfied", "not satisfied", "not tested"}
    lines = b"".join(file.read_bytes() for file in sorted((root / "log" / "bodies").glob("*")))
    spool = root / "spool" / "spool.jsonl"
    told = (spool.read_bytes() if spool.exists() else b"") + lines
    assert said["digest"].encode() in told, "recorded before it was written"
    assert b'"evidence.pack"' in told
    code, output = evidence("verify", out, "--key", key, "--policy", rules)
    assert (code, "whole" in output, "not tested" in output) == (0, True, True), output
    out.write_bytes(out.read_bytes()[:-1] + b"\1")
    code, output = evidence("verify", out, "--key", key, "--policy", rules, "--json")
    assert code == 1, output


def test_two_files_of_one_name_are_refused_before_anything_is_asked(host: Host, tmp_path: Path) -> None:
    twice = [tmp_path / folder / "plan.txt" for folder in ("a", "b")]
    for file in twice:
        file.parent.mkdir()
        file.write_text("plan")
    vkey = host.paths.root / "log" / "log.vkey"
    before = (host.paths.root / "log" / "checkpoint").read_bytes()
    words: list[str | Path] = [word for file in twice for word in ("--include", file)]
    words += ["--root", host.paths.root, "--run", host.paths.run]
    line = ["evidence", "pack", "--out", tmp_path / "p.zip", "--key", vkey, *words]
    result = RUNNER.invoke(app, [*map(str, line)])
    assert "two files would be called site/plan.txt" in str(result.exception)
    assert not (tmp_path / "p.zip").exists()
    assert (host.paths.root / "log" / "checkpoint").read_bytes() == before
