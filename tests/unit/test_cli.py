"""Every command explains itself, and a refusal is one clear message and exit code 1."""

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest
import typer.main
from typer.testing import CliRunner

from appliance.cli.main import app


def commands(command: object, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    for name, child in sorted(getattr(command, "commands", {}).items()):
        yield from commands(child, (*path, name))


EVERY = list(commands(typer.main.get_command(app)))


@pytest.mark.parametrize("path", EVERY, ids=" ".join)
def test_every_command_has_help(path: tuple[str, ...]) -> None:
    result = CliRunner().invoke(app, [*path, "--help"])
    assert result.exit_code == 0, result.output
    assert "Usage:" in result.output


def test_there_are_the_commands_that_people_need() -> None:
    assert {("bundle", "verify"), ("host", "install"), ("audit", "verify"), ("marking", "check")} <= set(EVERY)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "appliance.cli.main", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_refusal_is_one_message_with_rule_and_remedy(tmp_path: object) -> None:
    result = run("host", "status", "--root", f"{tmp_path}/nowhere")
    assert result.returncode == 1
    assert result.stderr.startswith("refused: nothing is installed in ")
    assert "remedy: appliance host install --help" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_refusal_is_json_for_programs(tmp_path: object) -> None:
    result = run("host", "status", "--root", f"{tmp_path}/nowhere", "--json")
    assert result.returncode == 1
    assert set(json.loads(result.stdout)) == {"error", "rule", "remedy"}


def test_wrong_usage_is_exit_code_2() -> None:
    assert run("bundle", "verify").returncode == 2
    assert run("marking", "check", "--no-such-option", "U").returncode == 2
