"""What the documents tell people to type works, in its order, on the running site; the last command removes it.

What each command answered is left in ``documents.txt`` in the site's build folder: the pages quote from it.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.enclave.paths import HostPaths
from appliance.host.state import generation
from appliance.host.state.generation import Facts
from demo import people
from demo.instance import REPOSITORY, Instance
from tests.docs.markdown import fences, links

FOLDER = REPOSITORY / "docs" / "sysadmin"
PLACED = (
    "appliance host",
    "appliance model install",
    "appliance site apply",
    "appliance enclave backup ",
    "appliance enclave restore ",
)
ROOTED = ("appliance user list", "appliance user access", "appliance enclave access")


def pages() -> list[Path]:
    """The sysadmin's pages in the order of their index."""
    named = dict.fromkeys(
        link for link in links((FOLDER / "index.md").read_text()) if re.fullmatch(r"[a-z-]+\.md", link)
    )
    return [FOLDER / name for name in named]


def commands(page: Path) -> list[str]:
    """The commands in the shell blocks of a page."""
    return [line for language, text in fences(page.read_text()) if language == "sh" for line in text.splitlines()]


TYPED = [(page.stem, command) for page in pages() for command in commands(page)]


def here(site: Instance, command: str) -> str:
    """The command with this instance's places."""
    command = command.replace("/var/lib/appliance", str(site.root)).replace(" build/", f" {site.build}/")
    if command.startswith(PLACED) and " --root " not in command:
        command += f" --root {site.root} --run {site.run}"
    if command.startswith(ROOTED):
        command += f" --root {site.root}"
    if command.startswith("appliance audit"):
        command += f" --log {site.root}/log"
    if command.startswith("appliance audit anchor "):
        command += f" --spool {site.root}/spool"
    return command


def run(site: Instance, command: str) -> subprocess.CompletedProcess[str]:
    """Run a command on the disconnected host, or where the bundle is made if that is its place."""
    prints = f"ROOT={people.fingerprint(site)} OFFICERS={people.officers_fingerprint(site)}; "
    connected = command.startswith(("appliance keys", "appliance bundle build", "appliance bundle split"))
    enter = [] if connected else ["nsenter", f"--net=/run/netns/{site.namespace}"]
    given = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    if command.startswith("appliance keys"):
        given["APPLIANCE_PASSPHRASE"] = "several random words"
    return subprocess.run(
        [*enter, "bash", "-c", prints + here(site, command)],
        env=os.environ | given,
        input="y\n",
        capture_output=True,
        text=True,
        check=False,
        cwd=REPOSITORY,
    )


@pytest.fixture(scope="module", autouse=True)
def _nothing_from_an_earlier_run(site: Instance) -> None:
    for made in ("ceremony", "discs", "dora", "renewed", "new-root"):
        shutil.rmtree(site.build / made, ignore_errors=True)
    for made in ("request.json", "my-certificate.dsse.json", "documents.txt"):
        (site.build / made).unlink(missing_ok=True)


@pytest.mark.parametrize(("page", "command"), TYPED)
def test_a_sysadmin_types_what_the_page_says(site: Instance, page: str, command: str) -> None:
    paths = HostPaths(site.root, site.run)
    before = generation.current(paths)
    runs = Facts.of(before).bundle if before else None
    if "rollback" in command and not (before and generation.previous(before)):
        pytest.skip("this site was never updated; test_5_transaction.py does")
    answer = run(site, command)
    with (site.build / "documents.txt").open("a") as transcript:
        print(f"== {page}\n$ {command}\n{answer.stdout}{answer.stderr}", file=transcript)
    assert answer.returncode == 0, f"{page}: {command}\n{answer.stdout}\n{answer.stderr}"
    if "host install" in command:
        now = generation.required(paths)
        assert now == before or Facts.of(now).bundle != runs, "installing the same again made another generation"
    if command == "appliance host remove":
        assert not site.root.exists()


def test_the_readme_names_both_commands_and_they_exist() -> None:
    readme = (REPOSITORY / "README.md").read_text()
    makefile = (REPOSITORY / "Makefile").read_text()
    for target in ("demo", "test", "down"):
        assert f"make {target}" in readme
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)


def test_the_index_orders_every_page_and_the_last_removes_the_site() -> None:
    assert {page.name for page in pages()} == {page.name for page in FOLDER.glob("*.md")} - {"index.md"}
    assert TYPED[-1] == ("remove", "appliance host remove")
