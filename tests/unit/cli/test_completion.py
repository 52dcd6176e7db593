"""A shell completes names of the installed site, and never an error."""

import json
import os
import subprocess
import sys
from base64 import b64encode
from pathlib import Path

import pytest


def statement(file: Path, value: object) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    payload = b64encode(json.dumps(value).encode()).decode()
    file.write_text(json.dumps({"payload": payload, "payloadType": "x", "signatures": []}))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("root")
    statement(root / "current/site/site.dsse.json", {"enclaves": [{"name": "secret"}, {"name": "system-high"}]})
    statement(root / "registries/current/subjects.dsse.json", {"subjects": [{"name": "anna"}, {"name": "bert"}]})
    (root / "log/bodies").mkdir(parents=True)
    line = '{"body":{"detail":{"project":"3f0c9d0e-5a57"}}}\n'
    (root / "log/bodies/000000000000.jsonl").write_text(line)
    models = root / "enclaves/secret/models"
    models.mkdir(parents=True)
    (models / "small.certificate.dsse.json").touch()
    return root


def completed(line: str, shell: str = "bash", folder: Path | None = None) -> list[str]:
    """What a shell is told when somebody presses the tabulator at the end of ``line``."""
    words = line.split(" ")
    variables = {"COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1), "_TYPER_COMPLETE_ARGS": line}
    variables |= {"_APPLIANCE_COMPLETE": f"complete_{shell}", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    command = [sys.executable, "-m", "appliance.cli.main"]
    answer = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ | variables, cwd=folder)
    assert answer.stderr == ""
    return answer.stdout.split("\n")[:-1] if answer.stdout.strip() else []


LINES = {
    "a group": ("appliance au", ["audit"]),
    "a command": ("appliance enclave undo", ["undo-restore"]),
    "an option": ("appliance host status --fin", ["--findings"]),
    "a choice": ("appliance host watch re", ["review"]),
    "an enclave": ("appliance enclave access --root {root} s", ["secret", "system-high"]),
    "an enclave's option": ("appliance model install --root {root} c.json --enclave sy", ["system-high"]),
    "a subject": ("appliance user access --root {root} ", ["anna", "bert"]),
    "a project": ("appliance enclave export --root {root} secret --project 3", ["3f0c9d0e-5a57"]),
    "a certificate": (
        "appliance model install --root {root} {root}/enc",
        ["{root}/enclaves/secret/models/small.certificate.dsse.json"],
    ),
    "no site": ("appliance enclave access --root /nowhere s", []),
    "no log": ("appliance enclave export --root /nowhere secret --project 3", []),
}


@pytest.mark.parametrize(("line", "names"), LINES.values(), ids=LINES)
def test_names_are_completed(site: Path, line: str, names: list[str]) -> None:
    assert completed(line.format(root=site)) == [name.format(root=site) for name in names]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_shell_is_answered(site: Path, shell: str) -> None:
    line = f"appliance enclave access --root {site} sec"
    assert "secret" in "".join(completed(line, shell))


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_is_told_how_to_ask(shell: str) -> None:
    command = [sys.executable, "-m", "appliance.cli.main"]
    asked = os.environ | {"_APPLIANCE_COMPLETE": f"source_{shell}"}
    answer = subprocess.run(command, capture_output=True, text=True, check=True, env=asked)
    assert "_APPLIANCE_COMPLETE" in answer.stdout


def test_a_broken_statement_completes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "current/site/site.dsse.json"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"\xff")
    assert completed(f"appliance enclave access --root {tmp_path} s") == []
