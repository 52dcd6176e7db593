"""Twin databases: what a reader may not see changes nothing that they see, in bytes and in time.

Both have the same visible records. One has many more that are hidden by a group or by a label, in the same project and
in a project of their own. Identifiers and times of the visible records are the same in both.
"""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from appliance.service.settings import Paths
from images.labeling.app.main import build
from images.labeling.app.migrate import MIGRATIONS
from tests.catalogue import CATALOGUE
from tests.component.labeling.support import API
from tests.component.service.database.cluster import Cluster, cluster_of
from tests.component.service.database.support import migrated
from tests.unit.service.support import Monitor, headers_for, make_paths, settings_for

PROJECT = "11111111-1111-4111-8111-111111111111"
ELSEWHERE = "22222222-2222-4222-8222-222222222222"
UNKNOWN = f"sha256:{'0' * 64}"
VISIBLE = 120
HIDDEN = {"group": ("S;;GBR,USA", "{falcon}"), "label": ("S;SI;GBR,USA", "{}")}
READER = {"subject": "ann", "groups": ("heron",)}

FILL = """
    INSERT INTO labeling.task (project_id, label_id, restriction_id, position, id, data, wanted, created_by, created)
    SELECT %(project)s, %(label)s, %(restriction)s, %(first)s + n, md5(%(seed)s || n)::uuid,
           jsonb_build_object('prompt', 'Question ' || n, 'answers', '["yes", "no"]'::jsonb), 2, 'lead', '2026-01-01'
    FROM generate_series(1, %(count)s) AS n
"""


@dataclass(frozen=True)
class Twin:
    """One of the two databases with a client of its reader."""

    client: TestClient
    monitor: Monitor

    def ask(self, method: str, path: str, body: Any = None, **context: Any) -> tuple[int, bytes]:
        answer = self.client.request(
            method, path, json=body, headers=headers_for(method, path, **READER | context) | {"Accept": "*/*"}
        )
        return answer.status_code, answer.content


def fill(cluster: Cluster, hidden: int) -> None:
    """The visible records, and ``hidden`` ones before and behind them."""
    with cluster.connect("labeling", "postgres") as owner:

        def restriction(label: str, groups: str) -> tuple[int, int]:
            row = owner.execute(
                "SELECT label, labeling.restriction_of(label, %s, %s) FROM appliance.label_id(%s) AS label",
                ["S//REL TO USA, GBR", groups, label],
            ).fetchone()
            assert row
            return int(row[0]), int(row[1])

        def project(identifier: str, label: int, number: int) -> None:
            owner.execute(
                "INSERT INTO labeling.project (id, label_id, restriction_id, name, kind, schema, created_by, created)"
                " VALUES (%s, %s, %s, 'Twin', 'pairwise', '{}', 'lead', '2026-01-01')",
                [identifier, label, number],
            )

        def tasks(identifier: str, label: int, number: int, first: int, count: int) -> None:
            owner.execute(
                "INSERT INTO labeling.counter AS c (project_id, label_id, restriction_id, tasks, last)"
                " VALUES (%s, %s, %s, %s, %s) ON CONFLICT (project_id, restriction_id)"
                " DO UPDATE SET tasks = c.tasks + excluded.tasks, last = excluded.last",
                [identifier, label, number, count, first + count],
            )
            values = {"project": identifier, "label": label, "restriction": number, "first": first, "count": count}
            owner.execute(FILL, values | {"seed": f"{identifier}{number}{first}"})

        owner.execute("SET session_replication_role = replica")  # no foreign keys while it is filled
        own = restriction("S;;GBR,USA", "{}")
        project(PROJECT, *own)
        tasks(PROJECT, *own, 1_000_000, VISIBLE)
        for label, groups in HIDDEN.values():
            other = restriction(label, groups)
            project(ELSEWHERE, *other)
            if hidden:
                for first in (0, 5_000_000):
                    tasks(PROJECT, *other, first, hidden // 4)
                tasks(ELSEWHERE, *other, 0, hidden // 4)
        owner.execute("VACUUM ANALYZE")


def twins(folder: Path, hidden: int) -> Iterator[tuple[Twin, Twin]]:
    with cluster_of(CATALOGUE["labeling"]) as one, cluster_of(CATALOGUE["labeling"]) as other:
        for cluster, count in ((one, 0), (other, hidden)):
            migrated(cluster, MIGRATIONS)
            fill(cluster, count)
        places: list[Paths] = []
        for name, cluster in (("one", one), ("other", other)):
            (folder / name).mkdir()
            places.append(replace(make_paths(folder / name), database=cluster.socket))
        first, second = (TestClient(build(settings_for("labeling"), place)) for place in places)
        with (
            Monitor(places[0].record_socket) as mine,
            Monitor(places[1].record_socket) as theirs,
            first,
            second,
        ):
            yield Twin(first, mine), Twin(second, theirs)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Twin, Twin]]:
    yield from twins(tmp_path_factory.mktemp("twins"), 20_000)


def routes(first: str, last: str, hidden: str) -> list[tuple[str, str, Any, dict[str, Any]]]:
    """Every route with a record in it that is visible, hidden or absent."""
    found: list[tuple[str, str, Any, dict[str, Any]]] = [
        ("GET", f"{API}/projects", None, {}),
        ("GET", f"{API}/projects/{PROJECT}", None, {}),
        ("GET", f"{API}/projects/{ELSEWHERE}", None, {}),
        ("GET", f"{API}/projects/{PROJECT}/tasks", None, {}),
        ("GET", f"{API}/projects/{PROJECT}/tasks/after/{last}", None, {}),
        ("GET", f"{API}/projects/{PROJECT}/review/quality", None, {"action": "review"}),
        ("GET", f"{API}/projects/{PROJECT}/review/flags", None, {"action": "review"}),
        ("GET", f"{API}/projects/{PROJECT}/review", None, {"action": "review"}),
        ("GET", f"{API}/projects/{PROJECT}/review/checks", None, {"action": "review"}),
        ("GET", f"{API}/projects/{PROJECT}/review/versions", None, {"action": "review"}),
        ("GET", f"{API}/projects/{PROJECT}/review/versions/{UNKNOWN}", None, {"action": "review"}),
        ("GET", f"{API}/projects/{PROJECT}/review/versions/{UNKNOWN}/since/{UNKNOWN}", None, {"action": "review"}),
        ("GET", f"{API}/projects/{ELSEWHERE}/review/checks", None, {"action": "review"}),
        ("GET", f"{API}/projects/{ELSEWHERE}/review/versions", None, {"action": "review"}),
        ("GET", f"{API}/projects/{ELSEWHERE}/review/ontology", None, {"action": "review"}),
        ("GET", f"/labeling/projects/{ELSEWHERE}/review/ontology", None, {"action": "review"}),
        ("GET", f"{API}/export/{PROJECT}/versions/{UNKNOWN}/all/jsonl", None, {"action": "export"}),
        ("GET", f"{API}/export/{PROJECT}", None, {"action": "export"}),
        ("GET", f"{API}/export/{PROJECT}/label-studio", None, {"action": "export"}),
        ("GET", f"{API}/export/{PROJECT}/preference", None, {"action": "export"}),
        ("GET", f"{API}/export/{ELSEWHERE}", None, {"action": "export"}),
        ("POST", f"{API}/projects/{ELSEWHERE}/claims", None, {}),
        ("GET", "/labeling/", None, {}),
        ("GET", f"/labeling/projects/{PROJECT}", None, {}),
        ("GET", f"/labeling/projects/{PROJECT}/after/{last}", None, {}),
        ("GET", f"/labeling/projects/{PROJECT}/review", None, {"action": "review"}),
        ("GET", f"/labeling/projects/{PROJECT}/review/quality", None, {"action": "review"}),
        ("GET", f"/labeling/projects/{PROJECT}/review/checks", None, {"action": "review"}),
        ("GET", f"/labeling/projects/{PROJECT}/review/versions", None, {"action": "review"}),
        ("GET", f"/labeling/projects/{PROJECT}/review/versions/{UNKNOWN}", None, {"action": "review"}),
        ("GET", f"/labeling/projects/{PROJECT}/review/withdrawals", None, {"action": "review"}),
        ("GET", f"/labeling/projects/{ELSEWHERE}", None, {}),
    ]
    asked: list[tuple[str, Any]] = [
        (f"review/checks/{'0' * 32}", {"decision": "keep", "comment": "seen"}),
        ("review/withdrawals", {"task": hidden, "reason": "none"}),
        ("review/versions", {"name": "x", "parent": UNKNOWN}),
    ]
    for path, sent in asked:
        found.append(("POST", f"{API}/projects/{PROJECT}/{path}", sent, {"action": "review"}))
    for task in (first, hidden):
        found += [
            ("GET", f"{API}/projects/{PROJECT}/tasks/{task}", None, {}),
            ("GET", f"{API}/projects/{PROJECT}/tasks/after/{task}", None, {}),
            ("GET", f"/labeling/projects/{PROJECT}/annotate/{task}", None, {}),
            ("GET", f"/labeling/projects/{PROJECT}/review/{task}", None, {"action": "review"}),
        ]
    for what, body in (
        ("claims", None),
        ("answers", {"value": {"choice": "a"}}),
        ("skip", {"reason": ""}),
        ("flags", {"about": "broken"}),
    ):
        found.append(("POST", f"{API}/projects/{PROJECT}/tasks/{hidden}/{what}", body, {}))
    return found


def test_hidden_records_change_no_byte_of_any_answer(pair: tuple[Twin, Twin]) -> None:
    page = pair[0].client.get(
        f"{API}/projects/{PROJECT}/tasks", headers=headers_for("GET", f"{API}/projects/{PROJECT}/tasks", **READER)
    )
    tasks = [task["id"] for task in page.json()["tasks"]]
    hidden = "33333333-3333-4333-8333-333333333333"
    for route in routes(tasks[0], tasks[49], hidden):
        method, path, body, context = route
        one, other = (twin.ask(method, path, body, **context) for twin in pair)
        assert one == other, route
        assert one[0] in (200, 404), route


def test_claims_go_through_the_visible_tasks_alone(pair: tuple[Twin, Twin]) -> None:
    orders = []
    for twin in pair:
        order = []
        for _ in range(12):
            path = f"{API}/projects/{PROJECT}/claims"
            task = twin.client.post(path, headers=headers_for("POST", path, subject="cal", groups=("heron",))).json()
            order.append(task["task"]["data"]["prompt"])
            path = f"{API}/projects/{PROJECT}/tasks/{task['task']['id']}/answers"
            given = twin.client.post(
                path,
                json={"value": {"choice": "a"}},
                headers=headers_for("POST", path, subject="cal", groups=("heron",)),
            )
            assert given.status_code == 201
        orders.append(order)
    assert orders[0] == orders[1] == [f"Question {number}" for number in range(1, 13)]


def test_versions_and_checks_of_the_visible_say_nothing_of_the_hidden(pair: tuple[Twin, Twin]) -> None:
    """Hidden records have the very texts of visible ones: a check across restrictions would call them duplicates."""
    base = f"{API}/projects/{PROJECT}"
    said = []
    for twin in pair:
        page = json.loads(twin.ask("GET", f"{base}/tasks")[1])
        for task in page["tasks"][30:33]:
            twin.ask("POST", f"{base}/tasks/{task['id']}/answers", {"value": {"choice": "a"}}, subject="eve")
        checks = json.loads(twin.ask("GET", f"{base}/review/checks", action="review")[1])["restrictions"]
        status, made = twin.ask("POST", f"{base}/review/versions", {"name": "one"}, action="review")
        assert status == 201, made
        path = f"{base}/review/versions/{json.loads(made)['digest']}"
        manifest = json.loads(twin.ask("GET", path, action="review")[1])["manifest"]
        own = [{name: one[name] for name in ("id", "marking", "groups", "split")} for one in manifest["records"]]
        counts = (manifest["restriction"], manifest["lineage"], manifest["checks"], manifest["parent"])
        said.append((checks, own, counts))
    assert said[0] == said[1]
    assert said[0][0][0]["findings"] == []


def auc(one: list[float], other: list[float]) -> float:
    """How well one threshold tells two samples apart: 0.5 not at all, 1 always (Mann and Whitney)."""
    above = sum((b > a) + 0.5 * (b == a) for a in one for b in other) / (len(one) * len(other))
    return max(above, 1 - above)


def timings(pair: tuple[Twin, Twin], rounds: int) -> dict[str, float]:
    """For each route how well its times tell the twins apart, asked in turn."""
    path = f"{API}/projects/{PROJECT}/tasks"
    tasks = [
        task["id"] for task in pair[0].client.get(path, headers=headers_for("GET", path, **READER)).json()["tasks"]
    ]
    asked = {
        "page": ("GET", path, {}),
        "behind": ("GET", f"{path}/after/{tasks[49]}", {}),
        "projects": ("GET", f"{API}/projects", {}),
        "project": ("GET", f"{API}/projects/{PROJECT}", {}),
        "absent": ("GET", f"{API}/projects/{ELSEWHERE}", {}),
        "export": ("GET", f"{API}/export/{PROJECT}", {"action": "export"}),
        "checks": ("GET", f"{API}/projects/{PROJECT}/review/checks", {"action": "review"}),
        "versions": ("GET", f"{API}/projects/{PROJECT}/review/versions", {"action": "review"}),
        "quality": ("GET", f"{API}/projects/{PROJECT}/review/quality", {"action": "review"}),
        "claim": ("POST", f"{API}/projects/{PROJECT}/claims", {"subject": "dee"}),
    }
    found = {}
    for name, (method, where, context) in asked.items():
        spent: tuple[list[float], list[float]] = ([], [])
        for number in range(rounds + 5):
            for place in (0, 1) if number % 2 else (1, 0):
                began = time.perf_counter()
                pair[place].ask(method, where, None, **context)
                if number >= 5:
                    spent[place].append(time.perf_counter() - began)
        found[name] = auc(*spent)
    return found


@pytest.mark.slow
def test_hidden_records_take_no_time_that_stands_out(pair: tuple[Twin, Twin]) -> None:
    """A coarse form of the measurement below: a scan of the hidden rows would tell the twins apart nearly always."""
    found = timings(pair, 40)
    assert max(found.values()) < 0.8, found


@pytest.mark.long
@pytest.mark.timeout(4 * 3600)
def test_no_distinguisher_tells_the_twins_apart(tmp_path: Path) -> None:
    """0 and 200,000 hidden records; 1,000 times a route in turn."""
    for pair in twins(tmp_path, 200_000):
        found = timings(pair, 1000)
        assert max(found.values()) <= 0.55, found
