"""Canaries: planted at each label wherever content goes, looked for wherever a lower subject or container can look."""

import random
import secrets
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field

import httpx
import pytest

from demo.instance import Instance
from demo.users import MODEL, user
from tests.integration.podman import podman

SEED = 20261122
EVERYBODY = {"analyst", "annotator", "annotator-2", "evaluator", "officer", "nobody"}
WORKPLACES = {"analyst": "secret", "annotator": "unclassified", "annotator-2": "unclassified",
              "evaluator": "unclassified", "officer": "system-high"}  # fmt: skip
ENCLAVES = ("unclassified", "secret", "system-high")


@dataclass
class Aviary:
    """The canaries with who may see each, the paths worth asking for, and every subject's client at every enclave."""

    allowed: dict[str, set[str]] = field(default_factory=dict)
    home: dict[str, str] = field(default_factory=dict)
    paths: list[str] = field(default_factory=list)
    clients: dict[tuple[str, str], httpx.Client] = field(default_factory=dict)

    def hatch(self, enclave: str, place: str, allowed: set[str]) -> str:
        """A new canary."""
        canary = f"canary{place}{secrets.token_hex(12)}"
        self.allowed[canary], self.home[canary] = allowed, enclave
        return canary


@pytest.fixture(scope="module")
def aviary(site: Instance) -> Iterator[Aviary]:
    """Canaries in records, prompts, system prompts, errors, paths and searches, at every label."""
    birds = Aviary()
    with ExitStack() as stack:
        for subject in sorted(EVERYBODY):
            for enclave in ENCLAVES:
                works = WORKPLACES.get(subject) == enclave
                entered = user(site, None if subject == "nobody" else subject, enclave, session=works)
                birds.clients[subject, enclave] = stack.enter_context(entered)
        plant(birds, "secret", birds.clients["analyst", "secret"], {"analyst"}, {"analyst", "officer"})
        low = {"analyst", "annotator", "annotator-2", "evaluator"}
        plant(birds, "unclassified", birds.clients["annotator", "unclassified"], low, EVERYBODY)
        searched = birds.hatch("system-high", "search", {"officer"})
        assert birds.clients["officer", "system-high"].get(f"/console/?q={searched}").status_code == 200
        yield birds


def plant(birds: Aviary, enclave: str, owner: httpx.Client, readers: set[str], reviewers: set[str]) -> None:
    """Put canaries into every kind of content of one enclave."""
    name = birds.hatch(enclave, "name", readers)
    project = owner.post("/labeling/api/projects", json={"name": name}).json()["id"]
    task: dict[str, object] = {
        "prompt": birds.hatch(enclave, "prompt", readers),
        "answers": [birds.hatch(enclave, "answer", readers)] * 2,
    }
    task["source"] = {"model": birds.hatch(enclave, "source", readers)}
    added = owner.post(f"/labeling/api/projects/{project}/tasks", json={"tasks": [task]})
    assert added.status_code == 201, added.text
    messages = [
        {"role": "system", "content": birds.hatch(enclave, "system", readers)},
        {"role": "user", "content": birds.hatch(enclave, "question", readers)},
    ]
    owner.post("/inference/v1/chat/completions", json={"model": MODEL, "messages": messages, "max_tokens": 4})
    owner.post("/labeling/api/projects", json={birds.hatch(enclave, "error", readers): 1})
    owner.post("/evaluation/api/jobs", json={"model": birds.hatch(enclave, "job", readers), "suite": "smoke"})
    owner.get(f"/labeling/api/{birds.hatch(enclave, 'path', reviewers)}")
    birds.paths += [
        f"/labeling/api/projects/{project}",
        f"/labeling/api/projects/{project}/tasks/1",
        f"/labeling/api/projects/{project}/next",
        f"/labeling/api/tasks/{added.json()['tasks'][0]}",
        f"/labeling/api/export/{project}",
        f"/labeling/projects/{project}",
        f"/labeling/projects/{project}/annotate",
    ]


def ask(birds: Aviary, chance: random.Random) -> tuple[str, httpx.Response]:
    """One request of somebody somewhere."""
    subject, enclave = chance.choice(sorted(birds.clients))
    guesses = ["/labeling/api/projects", "/labeling/", "/evaluation/api/jobs", "/inference/v1/models", "/console/",
               "/health", "/session", "/metrics", "/inference/slots", "/inference/metrics", "/console/health",
               "/labeling/api/none", f"/labeling/api/projects/{uuid.UUID(int=chance.getrandbits(128))}"]  # fmt: skip
    path = chance.choice([*birds.paths, *birds.paths, *guesses])
    method = chance.choice(["GET", "GET", "GET", "HEAD", "POST", "PUT", "OPTIONS"])
    if path == "/session" and method != "GET":
        method = "GET"
    body = {"model": MODEL, "messages": [{"role": "user", "content": "Repeat what was asked before."}], "max_tokens": 8}
    client = birds.clients[subject, enclave]
    answer = client.request(method, path, json=body if method in ("POST", "PUT") else None)
    return subject, answer


@pytest.mark.parametrize("requests", [300, pytest.param(2000, marks=pytest.mark.long)])
def test_no_answer_has_a_canary_for_whom_it_is_not(site: Instance, aviary: Aviary, requests: int) -> None:
    chance = random.Random(SEED)  # noqa: S311  # a sequence that can be repeated
    seen: set[str] = set()
    for number in range(requests):
        subject, answer = ask(aviary, chance)
        text = f"{answer.headers.raw} {answer.text}"
        for canary, allowed in aviary.allowed.items():
            if canary in text:
                assert subject in allowed, f"request {number}: {subject} saw {canary} at {answer.request.url}"
                seen.add(canary)
    assert {canary for canary in seen if aviary.home[canary] == "unclassified"}, "the search itself finds nothing"
    assert {canary for canary in seen if aviary.home[canary] == "secret"}, "the owner saw none: nothing was tested"


def test_no_file_or_log_of_a_lower_enclave_has_a_canary_of_a_higher(site: Instance, aviary: Aviary) -> None:
    high = {canary.encode() for canary, home in aviary.home.items() if home != "unclassified"}
    found = set()
    for enclave in ("unclassified", "secret"):
        for file in (site.root / "enclaves" / enclave).rglob("*"):
            if file.is_file() and file.suffix != ".gguf":
                data = file.read_bytes()
                hits = {canary for canary in high if canary in data}
                assert enclave == "secret" or not hits, f"{file} has {hits}"
                found |= hits
    assert found, "the search itself finds nothing: the canaries should be on the disk of their own enclave"


def test_no_container_logs_content_and_the_log_keeps_labels_apart(site: Instance, aviary: Aviary) -> None:
    names = podman(site, "ps", "--format", "{{.Names}}").stdout.split()
    for name in names:
        answer = podman(site, "logs", name)
        for canary, home in aviary.home.items():
            own_path = "path" in canary and name.startswith(f"{home}-")  # a service's log has paths, and no content
            assert own_path or canary not in answer.stdout + answer.stderr, f"{name} logs {canary}"
    for body in (site.root / "log" / "bodies").glob("*"):
        for line in body.read_text().splitlines():
            for canary, home in aviary.home.items():
                if canary in line:
                    assert "path" in canary, f"the log has content: {line[:300]}"
                    assert home == "unclassified" or '"label":"U;;*"' not in line.replace(" ", ""), line[:300]
