"""One appliance on this machine: where it lives, and the namespace that cuts it from every network."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import yaml

REPOSITORY = Path(__file__).parents[1]


def _person(clearance: str, nationality: str, role: str) -> dict[str, Any]:
    return {"clearance": clearance, "nationalities": [nationality], "roles": [role]}


PEOPLE = {
    "analyst": _person("SECRET", "USA", "analyst"),
    "decision-maker": _person("SECRET", "USA", "decision-maker"),
    "annotator": _person("UNCLASSIFIED", "USA", "annotator"),
    "annotator-2": _person("UNCLASSIFIED", "GBR", "annotator"),
    "evaluator": _person("UNCLASSIFIED", "USA", "evaluator"),
    "evaluator-2": _person("SECRET", "GBR", "evaluator"),
    "model-owner": _person("SECRET", "USA", "model-owner"),
    "certifier": _person("SECRET", "USA", "certifier"),
    "officer": _person("SECRET", "USA", "officer"),
    "officer-2": _person("SECRET", "USA", "officer"),
}
"""Who works at the demonstration's site; whoever tries it out takes these parts."""

STAND_INS = ("analyst", "decision-maker", "annotator", "annotator-2", "evaluator", "evaluator-2", "officer")
"""Whose work the exercises do, under names of their own, so that they never meet the session of a real person."""


def stand_in(person: str) -> str:
    """The subject that does a person's work in the exercises."""
    return f"exercise-{person}"


SUBJECTS = PEOPLE | {stand_in(person): PEOPLE[person] for person in STAND_INS}


@dataclass(frozen=True)
class Instance:
    """An appliance for a demonstration or a test run.

    Attributes:
        name: of the instance; names its namespace too.
        block: third number of its addresses, ``10.77.<block>.0/24``, so that two can live on one machine.
        build: folder of everything made outside the host.
        root: the host's state.
        run: the host's sockets.
        model: name of the model that its enclaves serve.
        secret: services of its enclave ``secret``; fewer are quicker.
        site_folder: the site folder, where it is another than the one in ``build``.
    """

    name: str
    block: int
    build: Path
    root: Path
    run: Path
    model: str = "smollm2-135m-instruct.q4_1"
    secret: tuple[str, ...] = ("labeling", "evaluation", "inference", "decision")
    site_folder: Path | None = None

    @property
    def namespace(self) -> str:
        """Name of the network namespace that is the disconnected host."""
        return f"appliance-{self.name}"

    def address(self, last: int) -> str:
        """An address of the instance's own network."""
        return f"10.77.{self.block}.{last}"

    def inner_address(self, enclave: int, last: int) -> str:
        """An address on the networks of the site's ``enclave``-th enclave, counted from 1.

        Podman keeps one list of taken addresses for all its stores on a machine, so two instances must not share any.
        """
        return f"10.{78 + self.block}.{enclave}.{last}"

    @property
    def keys(self) -> Path:
        """Keys of all the people of the demonstration."""
        return self.build / "keys"

    @property
    def bundle(self) -> Path:
        """The bundle."""
        return self.build / "bundle"

    @property
    def site(self) -> Path:
        """The site folder that the officers signed."""
        return self.site_folder or self.build / "site"

    @property
    def subjects(self) -> Path:
        """Client certificates."""
        return self.build / "subjects"

    @property
    def log(self) -> Path:
        """Everything that the demonstration's commands said."""
        return self.build / "demo.log"

    @property
    def passphrase(self) -> Path:
        """The demonstration's one passphrase."""
        return self.keys / "DEMO-passphrase.txt"


DEMO = Instance("demo", 0, REPOSITORY / "build", Path("/var/lib/appliance"), Path("/run/appliance"))
# Two checkouts can run the tests on one machine at a time when each is given its own block of addresses.
_BLOCK = int(os.environ.get("APPLIANCE_TEST_BLOCK", "8"))
_NAME = "test" if _BLOCK == 8 else f"test{_BLOCK}"
TEST = Instance(
    _NAME, _BLOCK, REPOSITORY / f"build/{_NAME}", Path(f"/var/lib/appliance-{_NAME}"), Path(f"/run/appliance-{_NAME}")
)
INSTANCES = {instance.name: instance for instance in (DEMO, TEST)}


class StageError(Exception):
    """A stage of the demonstration did not do what it should.

    Args:
        cause: what is wrong, in one sentence.
        remedy: what to do.
    """

    def __init__(self, cause: str, remedy: str = "") -> None:
        super().__init__(cause)
        self.cause = cause
        self.remedy = remedy


def require(condition: object, cause: object) -> None:
    """Go on only if ``condition`` holds.

    Raises:
        StageError: it does not.
    """
    if not condition:
        raise StageError(str(cause))


def command_line(instance: Instance, *arguments: str | Path, inside: bool) -> list[str]:
    """The command ``appliance``; ``inside`` runs it on the disconnected host."""
    command = [sys.executable, "-m", "appliance.cli.main", *map(str, arguments)]
    return ["nsenter", f"--net=/run/netns/{instance.namespace}", *command] if inside else command


def appliance(
    instance: Instance,
    *arguments: str | Path,
    inside: bool = False,
    check: bool = True,
    tell: Callable[[str], None] | None = None,
) -> Any:
    """Run the command ``appliance`` and keep what it said in the log.

    Args:
        instance: whose.
        arguments: the command's words.
        inside: run it on the disconnected host.
        check: refuse any exit status but 0; otherwise the completed process is returned.
        tell: told of each line of its output as it comes.

    Returns:
        What it printed; parsed, where ``--json`` is among the arguments.

    Raises:
        StageError: it exited otherwise than 0.
    """
    command = command_line(instance, *arguments, inside=inside)
    instance.build.mkdir(parents=True, exist_ok=True)
    with instance.log.open("a") as log:
        log.write(f"$ appliance {shlex.join(map(str, arguments))}\n")
        if tell:
            result = _streamed(command, log, tell)
        else:
            result = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
            log.write(result.stdout + result.stderr)
    if not check:
        return result
    if result.returncode != 0:
        raise _refusal(arguments, result)
    return json.loads(result.stdout) if "--json" in arguments else result.stdout


def run_inside(instance: Instance, words: list[str]) -> int:
    """Run ``appliance`` with ``words`` on the disconnected host, for a person at a terminal; its exit status.

    Raises:
        StageError: no site runs.
    """
    if not Path(f"/run/netns/{instance.namespace}").exists():
        raise StageError("no site of the demonstration runs on this machine", ".venv/bin/appliance-demo start")
    words = words[1:] if words[:1] == ["appliance"] else words
    return subprocess.run(command_line(instance, *words, inside=True), check=False).returncode


def _streamed(command: list[str], log: TextIO, tell: Callable[[str], None]) -> subprocess.CompletedProcess[str]:
    lines = []
    with subprocess.Popen(
        command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, bufsize=1
    ) as process:
        for line in process.stdout or ():
            log.write(line)
            lines.append(line)
            tell(line.rstrip())
    text = "".join(lines)
    return subprocess.CompletedProcess(command, process.returncode, text, text)


def _refusal(arguments: tuple[str | Path, ...], result: subprocess.CompletedProcess[str]) -> StageError:
    """The error of a command that was refused: its own words where it said any."""
    what = f"appliance {arguments[0]} {arguments[1]}"
    said = dict(re.findall(r"^ *(refused|rule|remedy): (.*)$", result.stderr, re.MULTILINE))
    if result.stdout.startswith("{") and "error" in (document := json.loads(result.stdout)):
        said = {"refused": document["error"], "remedy": document["remedy"]}
    last = (result.stderr.strip() or result.stdout.strip() or "no word").splitlines()[-1]
    return StageError(f"{what}: {said.get('refused', last)}", said.get("remedy", ""))


def cut(instance: Instance) -> None:
    """Make the namespace that is the host: a cable to this machine's browser and client, and no route out."""
    mend(instance)
    here, there = f"apl-{instance.name}", f"apl-{instance.name}-h"
    commands = [
        ["ip", "netns", "add", instance.namespace],
        ["ip", "link", "add", here, "type", "veth", "peer", "name", there, "netns", instance.namespace],
        ["ip", "addr", "add", f"{instance.address(1)}/24", "dev", here],
        ["ip", "link", "set", here, "up"],
    ]
    inside = ["nsenter", f"--net=/run/netns/{instance.namespace}"]
    commands += [[*inside, "ip", "link", "set", "lo", "up"]]
    commands += [
        [*inside, "ip", "addr", "add", f"{instance.address(last)}/24", "dev", there] for last in (10, 11, 12, 13)
    ]
    commands += [[*inside, "ip", "link", "set", there, "up"]]
    for command in commands:
        subprocess.run(command, check=True)


def prove_cut(instance: Instance) -> dict[str, str]:
    """Prove that the host has no way out: no default route, and no packet leaves for a public address or a resolver."""
    inside = ["nsenter", f"--net=/run/netns/{instance.namespace}"]
    routes = subprocess.run([*inside, "ip", "route"], capture_output=True, text=True, check=True).stdout.split("\n")
    require(not any(route.startswith("default") for route in routes), f"the host has a route out: {routes}")
    proof = {}
    for target in ("192.0.2.1", "198.51.100.7"):
        answer = subprocess.run([*inside, "ip", "route", "get", target], capture_output=True, text=True, check=False)
        require(answer.returncode != 0, f"a packet would leave the host: {answer.stdout}")
        proof[target] = answer.stderr.strip()
    code = "import socket; socket.getaddrinfo('debian.org', 443)"
    lookup = subprocess.run([*inside, sys.executable, "-c", code], capture_output=True, text=True, check=False)
    require(lookup.returncode != 0, "a name was resolved without a network")
    return proof


def mend(instance: Instance) -> None:
    """Remove the namespace and its cable."""
    subprocess.run(["ip", "link", "del", f"apl-{instance.name}"], capture_output=True, check=False)
    subprocess.run(["ip", "netns", "del", instance.namespace], capture_output=True, check=False)


def site_files(instance: Instance) -> dict[str, str]:
    """The three statements that the officers will sign, as YAML."""
    text = (REPOSITORY / "site.example.yml").read_text().replace("10.77.0.", f"10.77.{instance.block}.")
    text = text.replace("10.78.", f"10.{78 + instance.block}.")
    site = yaml.safe_load(text.replace(DEMO.model, instance.model))
    next(enclave for enclave in site["enclaves"] if enclave["name"] == "secret")["services"] = [*instance.secret]
    certifier = next((instance.keys / "certifiers").glob("*.pub"))
    site["certifiers"] = [{"name": "certifier-1", "public_key": certifier.read_text()}]
    subjects = [{"name": name, "expires": "2030-01-01"} | fields for name, fields in SUBJECTS.items()]
    return {
        "site": yaml.safe_dump(site, sort_keys=False),
        "subjects": yaml.safe_dump({"subjects": subjects}, sort_keys=False),
        "access": (REPOSITORY / "policies" / "access.yml").read_text(),
    }
