"""The commands of docs/bundle.md work, in their order, as a reader types them."""

import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from appliance.cli.main import app
from appliance.trust.fingerprint import fingerprint
from appliance.trust.keys import load_private_key
from tests.docs.markdown import fences
from tests.unit.bundle.sample import fill
from tests.unit.trust.softhsm import make_tokens

PAGE = Path(__file__).parents[3] / "docs" / "bundle.md"


def commands() -> list[str]:
    return [line for language, text in fences(PAGE.read_text()) if language == "sh" for line in text.splitlines()]


def test_every_command_on_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("APPLIANCE_PASSPHRASE", "several random words")
    make_tokens(tmp_path / "softhsm", monkeypatch, "anna")
    root = ""
    for line in commands():
        words = shlex.split(line.replace("$ROOT", root))
        assert words[0] == "appliance"
        result = CliRunner().invoke(app, words[1:], input="y\n")
        assert result.exit_code == 0, f"{line}: {result.output} {result.exception}"
        if words[1:3] == ["keys", "init"]:
            root = fingerprint(Path("keys/root/1.root.json").read_bytes())
            builder = load_private_key(Path("keys/builder.pem"))
            fill(Path("bundle"), builder, model_size=1000)
            fill(Path("bundle-2"), builder, model_size=2000)
    assert "models/small.gguf" in Path("changes.html").read_text()
    assert Path("keys/root/2.root.json").is_file()
    assert Path("discs/labels.html").is_file()
