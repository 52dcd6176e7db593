"""Whatever the labels, the groups and the reader: every route shows exactly what ``can_read`` and the groups allow."""

from typing import Any

from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.markings import Clearance, can_read, parse
from tests.component.labeling.support import API, ask

MARKINGS = ("U", "C//REL TO USA, GBR", "C//REL TO USA, AUS, GBR", "S//REL TO USA, GBR", "S//REL TO USA, FRA, GBR")
GROUPS = ("falcon", "heron")
RESTRICTION = st.tuples(st.sampled_from(MARKINGS), st.sets(st.sampled_from(GROUPS)))
READER = st.fixed_dictionaries(
    {
        "level": st.sampled_from(["U", "C", "S"]),
        "nationalities": st.sets(st.sampled_from(["USA", "GBR", "FRA", "AUS"]), min_size=1).map(sorted).map(tuple),
        "groups": st.sets(st.sampled_from(GROUPS)).map(sorted).map(tuple),
    }
)
LEAD = {"subject": "lead", "groups": GROUPS}


def allowed(restriction: tuple[str, set[str]], reader: dict[str, Any]) -> bool:
    marking, groups = restriction
    clearance = Clearance(level=reader["level"], need=frozenset(), nationalities=frozenset(reader["nationalities"]))
    return can_read(clearance, parse(marking).label) and groups <= set(reader["groups"])


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(RESTRICTION, st.lists(RESTRICTION, min_size=1, max_size=6), st.lists(READER, min_size=1, max_size=3))
def test_every_route_shows_what_the_reader_may_read_and_nothing_else(
    client: TestClient,
    whole: tuple[str, set[str]],
    parts: list[tuple[str, set[str]]],
    readers: list[dict[str, Any]],
) -> None:
    body = {"name": "Any", "marking": whole[0], "groups": sorted(whole[1]), "overlap": 1000}
    project = ask(client, "POST", f"{API}/projects", body, **LEAD).json()["id"]
    tasks = [
        {"prompt": f"Question {number}", "answers": ["a", "b"], "marking": marking, "groups": sorted(groups)}
        for number, (marking, groups) in enumerate(parts)
    ]
    made = ask(client, "POST", f"{API}/projects/{project}/tasks", {"tasks": tasks}, **LEAD).json()["tasks"]
    restrictions = [(marking, groups | whole[1]) for marking, groups in parts]
    for number, task in enumerate(made):
        value = {"value": {"choice": "a"}}
        url = f"{API}/projects/{project}/tasks/{task}/answers"
        assert ask(client, "POST", url, value, **LEAD).status_code == 201, number
    for number, reader in enumerate(readers):
        context = reader | {"subject": f"reader-{number}"}
        sees = allowed(whole, reader)
        visible = [task for task, one in zip(made, restrictions, strict=True) if sees and allowed(one, reader)]
        check(client, project, made, visible, sees=sees, context=context)


def check(
    client: TestClient, project: str, made: list[str], visible: list[str], *, sees: bool, context: dict[str, Any]
) -> None:
    def got(method: str, path: str, **more: Any) -> Any:
        return ask(client, method, path, **context | more)

    listed = [one["id"] for one in got("GET", f"{API}/projects").json()["projects"]]
    assert (project in listed) == sees
    one = got("GET", f"{API}/projects/{project}")
    assert one.status_code == (200 if sees else 404)
    page = got("GET", f"{API}/projects/{project}/tasks")
    review = got("GET", f"{API}/projects/{project}/review", action="review")
    export = got("GET", f"{API}/export/{project}", action="export")
    quality = got("GET", f"{API}/projects/{project}/review/quality", action="review")
    checks = got("GET", f"{API}/projects/{project}/review/checks", action="review")
    claim = got("POST", f"{API}/projects/{project}/claims")
    shown = got("GET", f"/labeling/projects/{project}")
    if not sees:
        answers = (page, review, export, quality, checks, claim)
        assert {answer.status_code for answer in (*answers, shown)} == {404}
        assert {answer.content for answer in answers} == {one.content}
    else:
        assert (one.json()["tasks"], one.json()["answers"]) == (len(visible), len(visible))
        assert [task["id"] for task in page.json()["tasks"]] == visible
        assert [task["id"] for task in review.json()["tasks"]] == visible
        assert [line for line in made if line in export.text] == visible
        assert sum(report["tasks"] for report in quality.json()["restrictions"]) == len(visible)
        assert sum(part["records"] for part in checks.json()["restrictions"]) == len(visible)
        named = {task for part in checks.json()["restrictions"] for one in part["findings"] for task in one["tasks"]}
        assert named <= set(visible)
        task = claim.json()["task"]
        assert (task["id"] if task else None) == (visible[0] if visible else None)
        assert [number for number in range(len(made)) if f"Question {number}<" in shown.text] == [
            number for number, name in enumerate(made) if name in visible
        ]
    for task in made:
        for path in (f"tasks/{task}", f"tasks/after/{task}"):
            answer = got("GET", f"{API}/projects/{project}/{path}")
            assert answer.status_code == (200 if task in visible else 404)
