"""What was given wrong is said before anything runs: what it is, what it should be, and what to do."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from appliance.audit.log.writer import Log
from appliance.cli.main import app
from appliance.cli.shared import contents
from appliance.errors import ApplianceError
from tests.unit.bundle.sample import make_bundle, make_keys
from tests.unit.trust.test_site_command import SITE

NOWHERE = "/nowhere/at/all"
DIGITS = "0" * 64


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with keys, a bundle, a site's draft and everything that is not what it should be."""
    folder = tmp_path_factory.mktemp("place")
    keys = make_keys(folder / "keys")
    make_bundle(folder / "bundle", keys, 1000)
    (folder / "site.yml").write_text(SITE)
    (folder / "empty").touch()
    (folder / "binary").write_bytes(bytes(range(256)))
    (folder / "broken.yml").write_text("a: [1,\n b: {")
    (folder / "broken.json").write_text('{"a": [1,')
    (folder / "plain.json").write_text('{"hello":"world"}')
    (folder / "text").write_text("just text\n")
    (folder / "link").symlink_to("/nowhere")
    (folder / "folder").mkdir()
    return folder


@pytest.fixture(autouse=True)
def _in_place(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)


def refusal(line: str) -> ApplianceError:
    """The refusal of a command line."""
    result = CliRunner().invoke(app, line.split())
    assert isinstance(result.exception, ApplianceError), f"{line}: {result.output} {result.exception}"
    return result.exception


VERIFY = f"--root-fingerprint {DIGITS}"
SIGN = "--kind site --out signed --key keys/officers/DEMO-o.pem"
CASES = {
    "no folder": (f"bundle verify {NOWHERE} {VERIFY}", "there is no such file or folder"),
    "a file for a folder": (f"bundle verify text {VERIFY}", "text: is a file, not a folder"),
    "a folder without a bundle": (f"bundle verify folder {VERIFY}", "holds no signed bundle"),
    "a bundle's part": ("bundle inspect bundle/metadata", "holds no signed bundle"),
    "the argument before the option": ("bundle verify text --root-fingerprint fish", "text: is a file"),
    "an option before the next": (
        "host install bundle --site text --root-fingerprint fish --officers-fingerprint fish",
        "text: is a file",
    ),
    "a fingerprint too short": ("bundle verify bundle --root-fingerprint 12", "it has 2 digits"),
    "a fingerprint too long": (f"bundle verify bundle --root-fingerprint {DIGITS}0", "it has 65 digits"),
    "a fingerprint of letters": (f"bundle verify bundle --root-fingerprint g{DIGITS[1:]}", "'g' is no hexadecimal"),
    "nothing to compare with": (f"bundle verify bundle {VERIFY} --trusted folder", "holds no metadata of a bundle"),
    "no earlier bundle": (f"bundle verify bundle {VERIFY} --base folder", "holds no signed bundle"),
    "a bundle as a disc": (f"bundle gather bundle --into new {VERIFY}", "is a bundle, not one of its discs"),
    "no built bundle": ("bundle request folder --root keys/root --out new", "holds no built bundle"),
    "no chain of roots": ("bundle request bundle --root keys --out new", "holds no chain of roots"),
    "no marking": ("bundle request bundle --root keys/root --out new --marking FISH", "'FISH' is not a marking"),
    "no folder for a file": (
        f"bundle request bundle --root keys/root --out {NOWHERE}",
        "there is no folder /nowhere/at",
    ),
    "no folder for a folder": (f"bundle split bundle {NOWHERE} --volume-size 4GB {VERIFY}", "nothing was written"),
    "a folder for a new file": ("bundle diff bundle bundle --html folder", "folder: is a folder, not a file"),
    "a draft for a request": ("bundle seal bundle plain.json", "is not a signing request, but a document with"),
    "a statement that is missing": ("site check nowhere.yml --kind site", "nowhere.yml: there is no such file"),
    "a folder for a statement": ("site check folder --kind site", "folder: is a folder, not a file"),
    "an empty statement": ("site check empty --kind site", "empty: is empty"),
    "a binary statement": ("site check binary --kind site", "binary: is not text"),
    "broken YAML": ("site check broken.yml --kind site", "line 2, column 6: expected the node content"),
    "a text for a statement": ("site check text --kind site", "is not a statement, but a text"),
    "another kind": ("site check site.yml --kind subjects", "states site, not subjects"),
    "a link into nothing": ("site check link --kind site", "is a link to /nowhere, which is not there"),
    "no key": (f"site sign site.yml {SIGN} --key text", "text: not a private key in PEM"),
    "no officers": (f"site sign site.yml {SIGN} --officers plain.json", "is not a list of officers, but a document"),
    "the other key": (
        "site sign site.yml --kind site --out new --key keys/people/DEMO-a.ml-dsa.pem",
        "is an ML-DSA key",
    ),
    "no authority": ("site issue-certificates site.yml --ca keys --out new", "holds no certificate authority"),
    "one officer": (
        "site officers new.json --officer keys/officers/DEMO-o.pub --ca keys/ca/ca.pem",
        "1 officer is named",
    ),
    "no certificate": ("user renew text --ca keys/ca --out new", "text: not a certificate in PEM"),
    "no site": ("host install bundle --site keys --root-fingerprint 0 --officers-fingerprint 0", "not the folder of a"),
    "nothing installed": ("host status --root folder", "nothing is installed in folder"),
    "nothing to remove": ("host remove --root folder", "is not the appliance's folder; nothing was removed"),
    "somebody else's folder": ("host remove --root keys", "is not the appliance's folder; nothing was removed"),
    "the system's folder": ("host remove --root /var", "is not the appliance's folder; nothing was removed"),
    "no folder to remove": (f"host remove --root {NOWHERE}", "there is no such file or folder"),
    "no results": ("model certify binary --key text --out new", "binary: not JSON"),
    "a wrong certificate": ("model show plain.json", "is not a signed statement, but a document with the fields hello"),
    "a draft for a certificate": ("model show site.yml", "is not a signed statement: it cannot be read as JSON"),
    "a person with a blank": (
        "keys new a/b --out new --passphrase-file keys/DEMO-passphrase.txt",
        "cannot be the name of a person",
    ),
    "nobody to leave": ("keys change keys/root --out new --remove fish", "fish does not sign bundles now"),
    "no log": ("audit show --log folder", "holds no audit log"),
    "no log anywhere": (f"audit review --log {NOWHERE}", "there is no such file or folder"),
    "no log in the root": ("spill trace 12345678 --root folder", "folder/log: there is no such file or folder"),
    "no label": ("audit show --label FISH --log folder", "'FISH' is not an encoded label"),
    "no feed": ("bundle build --keys keys --out new --advisories text", "text: cannot be read as JSON"),
}


@pytest.mark.parametrize(("line", "said"), CASES.values(), ids=CASES)
def test_what_was_given_wrong_is_said(place: Path, line: str, said: str) -> None:
    before = sorted(place.rglob("*"))
    error = refusal(line)
    assert said in error.message
    assert error.rule, error.message
    assert error.remedy, error.message
    assert "\n" not in error.message + error.rule + error.remedy
    assert "Errno" not in error.message
    assert sorted(place.rglob("*")) == before, "a refusal leaves nothing behind"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "appliance.cli.main", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_refusal_is_one_message_with_rule_and_remedy() -> None:
    result = run("host", "status", "--root", NOWHERE)
    assert result.returncode == 1
    assert result.stderr.startswith("refused: nothing is installed in ")
    assert "remedy: appliance host install --help" in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (f"host status --root {NOWHERE}", 1),
        ("bundle verify", 2),
        ("site check text --kind fish", 2),
        ("marking join FISH", 1),
        ("fish", 2),
    ],
)
def test_a_refusal_is_json_for_programs(line: str, code: int) -> None:
    result = run(*line.split(), "--json")
    assert result.returncode == code
    assert {"error", "rule", "remedy"} <= set(json.loads(result.stdout))
    assert result.stderr == ""


WRONG = {
    "a missing argument": ("bundle verify", "missing argument 'BUNDLE'; see: appliance bundle verify --help"),
    "a missing option": ("site check text", "missing option '--kind'"),
    "an unknown option": ("marking check --no-such-option U", "no such option: --no-such-option"),
    "an unknown command": ("host isntall", "no such command 'isntall'. Did you mean 'install'"),
    "an unknown choice": ("audit show --decision maybe", "'maybe' is not one of 'allowed', 'denied'"),
    "a number that is none": ("audit show --last fish", "invalid value for '--last' / '-n'"),
    "one too many": ("bundle inspect bundle bundle", "got unexpected extra argument(s) (bundle)"),
    "neither key nor evidence": ("audit verify", "give --key FILE, or EVIDENCE and --policy FILE"),
    "a time that ends before it begins": (
        "audit show --since 2030-01-01 --until 2020-01-01 --log {log}",
        "so nothing can match",
    ),
}


@pytest.fixture
def log(tmp_path: Path) -> Path:
    Log.create(tmp_path / "log", tmp_path / "log.key", "test.example/log")
    return tmp_path / "log"


@pytest.mark.parametrize(("line", "said"), WRONG.values(), ids=WRONG)
def test_wrong_usage_is_exit_code_2_and_one_line(log: Path, line: str, said: str) -> None:
    result = run(*line.format(log=log).split())
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.startswith("wrong usage: ")
    assert said in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_reader_who_has_enough_is_no_error() -> None:
    command = f"{sys.executable} -m appliance.cli.main marking check $(yes U | head -n 20000) | head -n 1"
    result = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert "Traceback" not in result.stderr


def test_a_pipe_serves_as_a_file() -> None:
    command = f"cat site.yml | {sys.executable} -m appliance.cli.main site check /dev/stdin --kind site"
    result = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert result.stdout == "/dev/stdin: a usable site statement\n", result.stderr


@pytest.mark.parametrize("names", [["current"], ["lock"], ["lock", "bundle", "log"], ["networks", "monitor.log"]])
def test_what_is_whole_or_begun_can_be_removed(tmp_path: Path, names: list[str]) -> None:
    for name in names:
        (tmp_path / name).mkdir()
    contents.is_state(tmp_path, "--root: folder")
