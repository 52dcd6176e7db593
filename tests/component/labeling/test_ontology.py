"""The classes of a project change: looked at first, recorded, taken back; and nothing that was said is lost."""

import html
import json
from typing import Any

import psycopg
import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from playwright.sync_api import Browser
from psycopg import errors

from appliance.service.settings import Paths
from images.labeling.app.main import build
from tests.component.labeling.support import API, answer, ask, new_project, worked
from tests.component.labeling.test_versions import EXPORT, REVIEW, exported, made, review
from tests.component.service.browser import chromium, complaints, fits, served
from tests.kinds import KINDS
from tests.unit.service.support import Monitor, headers_for, settings_for

__all__ = ["chromium"]

SCHEMA = {"labels": [{"name": name} for name in ("Ship", "Boat", "Truck", "Other")]}
GIVEN = [("Ship", "Ship"), ("Ship", "Boat"), ("Boat", "Boat"), ("Truck", "Other")]


def labelled(client: TestClient, **values: Any) -> tuple[str, list[str]]:
    """A project of classes in which two people answered four tasks."""
    project = new_project(client, "classification", schema=SCHEMA, **values)
    tasks = [{"data": {"text": f"Report number {number}: seen at dawn"}} for number in range(len(GIVEN))]
    added = ask(client, "POST", f"{API}/projects/{project}/tasks", {"tasks": tasks}).json()["tasks"]
    for task, both in zip(added, GIVEN, strict=True):
        for who, label in zip(("ann", "bob"), both, strict=True):
            assert answer(client, project, task, {"labels": [label]}, subject=who).status_code == 201
    return project, added


def look(client: TestClient, project: str, *changes: dict[str, Any], number: int = 0) -> dict[str, Any]:
    found = review(client, "POST", project, "ontology/preview", {"number": number, "changes": changes})
    assert found.status_code == 200, found.text
    return dict(found.json())


def change(client: TestClient, project: str, *changes: dict[str, Any], number: int = 0, **context: Any) -> Response:
    body = {"number": number, "changes": changes, "reason": "the customer asked"}
    return review(client, "POST", project, "ontology", body, **context)


def undo(client: TestClient, project: str, undoes: int, number: int) -> Response:
    body = {"number": number, "undoes": undoes, "reason": "it was wrong"}
    return review(client, "POST", project, "ontology/undo", body)


def lines(client: TestClient, project: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in ask(client, "GET", f"{API}/export/{project}", **EXPORT).text.splitlines()]


def values(client: TestClient, project: str) -> list[list[str]]:
    return [[one["value"]["labels"][0] for one in line["annotations"]] for line in lines(client, project)]


MERGE = {"change": "merge", "labels": ["Ship", "Boat"], "into": "Vessel"}
RENAME = {"change": "rename", "label": "Truck", "to": "Lorry"}
SPLIT = {"change": "split", "label": "Ship", "into": ["Cargo", "Tanker"]}
RELABEL = {"change": "relabel", "label": "Boat", "to": "Ship"}


def test_a_preview_says_how_many_answers_change_and_of_whom_and_changes_nothing(client: TestClient) -> None:
    project, tasks = labelled(client)
    before = ask(client, "GET", f"{API}/export/{project}", **EXPORT).text
    found = look(client, project, MERGE, RENAME)
    assert (found["answers"], found["changed"], found["ask"]) == (8, 7, 0)
    assert found["people"] == {"ann": 4, "bob": 3}
    assert found["moves"] == [
        {"from": "Boat", "to": "Vessel", "answers": 3, "people": {"ann": 1, "bob": 2}},
        {"from": "Ship", "to": "Vessel", "answers": 3, "people": {"ann": 2, "bob": 1}},
        {"from": "Truck", "to": "Lorry", "answers": 1, "people": {"ann": 1}},
    ]
    found = look(client, project, SPLIT)
    assert (found["changed"], found["ask"], found["tasks"]["count"]) == (3, 3, 2)
    assert found["tasks"]["tasks"] == tasks[:2]
    assert ask(client, "GET", f"{API}/export/{project}", **EXPORT).text == before


def test_a_merge_is_read_everywhere_and_authors_keep_what_they_said(client: TestClient, monitor: Monitor) -> None:
    project, tasks = labelled(client)
    assert change(client, project, MERGE).status_code == 201
    assert values(client, project) == [["Vessel", "Vessel"]] * 3 + [["Truck", "Other"]]
    assert [one["said"] for one in lines(client, project)[1]["annotations"]] == [
        {"labels": ["Ship"]},
        {"labels": ["Boat"]},
    ]
    assert "said" not in lines(client, project)[3]["annotations"][0]
    own = ask(client, "GET", f"{API}/projects/{project}/tasks/{tasks[1]}", subject="bob").json()["own"]
    assert own["value"] == {"labels": ["Vessel"]}
    (report,) = review(client, "GET", project, "quality").json()["restrictions"]
    assert report["disputed"] == [tasks[3]], "who said Ship and Boat agree now"
    assert report["distribution"][0] == {"value": "Vessel", "count": 6}
    studio = json.loads(ask(client, "GET", f"{API}/export/{project}/label-studio", **EXPORT).text)
    assert studio[0]["annotations"][0]["result"][0]["value"] == {"choices": ["Vessel"]}
    refused = answer(client, project, tasks[0], {"labels": ["Ship"]}, subject="cal")
    assert refused.status_code in (409, 422)
    (recorded,) = [one for one in monitor.records if one["activity"] == "ontology.change"]
    assert recorded["detail"]["number"] == 1
    assert recorded["inputs"] != recorded["outputs"]


def test_what_is_taken_back_was_never_there_and_what_was_said_since_is_kept(client: TestClient) -> None:
    project, _ = labelled(client)
    before = ask(client, "GET", f"{API}/export/{project}", **EXPORT).text
    assert change(client, project, RENAME).status_code == 201
    body = {"tasks": [{"data": {"text": "one more"}}]}
    (task,) = ask(client, "POST", f"{API}/projects/{project}/tasks", body).json()["tasks"]
    assert answer(client, project, task, {"labels": ["Lorry"]}, subject="ann").status_code == 201
    assert undo(client, project, 1, 1).status_code == 201
    after = ask(client, "GET", f"{API}/export/{project}", **EXPORT).text
    assert after.startswith(before)
    last = lines(client, project)[-1]["annotations"][0]
    assert (last["value"], last["said"]) == ({"labels": ["Truck"]}, {"labels": ["Lorry"]})
    assert undo(client, project, 1, 2).status_code == 409, "once"
    shown = review(client, "GET", project, "ontology").json()
    assert [one["name"] for one in shown["classes"]] == ["Ship", "Boat", "Truck", "Other"]
    assert (shown["number"], shown["last"]) == (2, None)


def test_a_split_asks_people_and_their_decision_counts(client: TestClient) -> None:
    project, tasks = labelled(client)
    assert change(client, project, SPLIT).status_code == 201
    assert values(client, project) == [[], ["Boat"], ["Boat", "Boat"], ["Truck", "Other"]]
    waiting = review(client, "GET", project, "ontology").json()["waiting"]
    assert waiting == {"tasks": tasks[:2], "count": 2}
    asked = [line.get("waiting", []) for line in lines(client, project)]
    assert asked[1:] == [[{"annotator": "ann", "said": {"labels": ["Ship"]}}], [], []]
    assert [one["annotator"] for one in asked[0]] == ["ann", "bob"]
    page = ask(client, "GET", f"/labeling/projects/{project}/review/{tasks[0]}", **REVIEW)
    assert "waits for a person" in page.text
    # The author corrects their answer; a person decides the other task.
    assert ask(client, "DELETE", f"{API}/projects/{project}/tasks/{tasks[1]}/answers", subject="ann").status_code == 200
    assert answer(client, project, tasks[1], {"labels": ["Tanker"]}, subject="ann").status_code == 201
    decision = {"value": {"labels": ["Cargo"]}, "reason": "It carries boxes."}
    own = review(client, "POST", project, f"{tasks[0]}/decision", decision, subject="ann")
    assert own.status_code == 409, "the author decides nothing"
    assert review(client, "POST", project, f"{tasks[0]}/decision", decision).status_code == 201
    assert review(client, "POST", project, f"{tasks[0]}/decision", decision).status_code == 409
    assert review(client, "GET", project, "ontology").json()["waiting"]["count"] == 0
    found = lines(client, project)
    assert found[0]["settled"] == {"labels": ["Cargo"]}
    assert sorted(one["value"]["labels"][0] for one in found[1]["annotations"]) == ["Boat", "Tanker"]
    # Taken back: whatever was said in the new classes says the old one again.
    assert undo(client, project, 1, 1).status_code == 201
    assert sorted(values(client, project)[1]) == ["Boat", "Ship"]
    assert lines(client, project)[0]["settled"] == {"labels": ["Ship"]}


def test_a_decision_in_a_class_that_is_split_is_made_again(client: TestClient) -> None:
    project, tasks = labelled(client)
    decision: dict[str, Any] = {"value": {"labels": ["Ship"]}, "reason": "It is."}
    assert review(client, "POST", project, f"{tasks[1]}/decision", decision).status_code == 201
    assert look(client, project, SPLIT)["decisions"] == 1
    assert change(client, project, SPLIT).status_code == 201
    assert lines(client, project)[1]["adjudication"] is None
    again = decision | {"value": {"labels": ["Tanker"]}}
    assert review(client, "POST", project, f"{tasks[1]}/decision", again).status_code == 201
    assert lines(client, project)[1]["adjudication"]["value"] == {"labels": ["Tanker"]}


def test_bulk_relabel_changes_answers_and_leaves_the_classes(client: TestClient) -> None:
    project, _ = labelled(client)
    assert change(client, project, RELABEL).status_code == 201
    assert values(client, project)[:3] == [["Ship", "Ship"]] * 3
    assert [one["name"] for one in review(client, "GET", project, "ontology").json()["classes"]][:2] == ["Ship", "Boat"]
    body = {"tasks": [{"data": {"text": "one more"}}]}
    (task,) = ask(client, "POST", f"{API}/projects/{project}/tasks", body).json()["tasks"]
    assert answer(client, project, task, {"labels": ["Boat"]}, subject="ann").status_code == 201
    assert values(client, project)[-1] == ["Boat"], "what is said from now on is meant so"


def test_a_version_made_before_stays_as_it_was(client: TestClient) -> None:
    project, tasks = labelled(client)
    one = made(client, project)
    before = {
        form: exported(client, project, one, form).content for form in ("jsonl", "manifest", "proof", "croissant")
    }
    assert change(client, project, MERGE).status_code == 201
    assert {form: exported(client, project, one, form).content for form in before} == before
    two = made(client, project, "two")
    changes = review(client, "GET", project, f"versions/{two}/since/{one}").json()
    assert (sorted(changes["changed"]), changes["same"]) == (sorted(tasks[:3]), 1)
    manifest = review(client, "GET", project, f"versions/{two}").json()["manifest"]
    assert [label["name"] for label in manifest["project"]["schema"]["labels"]] == ["Vessel", "Truck", "Other"]
    assert undo(client, project, 1, 1).status_code == 201
    three = made(client, project, "three")
    members = [
        [one["digest"] for one in review(client, "GET", project, f"versions/{digest}").json()["manifest"]["records"]]
        for digest in (one, three)
    ]
    assert members[0] == members[1], "the same contents have the same digests again"


@pytest.mark.parametrize("kind", ["spans", "chat", "geometry"])
def test_every_kind_with_classes_changes_them(client: TestClient, kind: str) -> None:
    project, task = worked(client, kind)
    names = [label["name"] for label in KINDS[kind]["schema"]["labels"]]
    done = change(client, project, {"change": "rename", "label": names[0], "to": "Renamed"})
    assert done.status_code == 201, done.text
    text = json.dumps([one["value"] for one in lines(client, project)[0]["annotations"]])
    assert '"Renamed"' in text
    assert f'"{names[0]}"' not in text
    assert ask(client, "GET", f"/labeling/projects/{project}/review/{task}", **REVIEW).status_code == 200
    assert ask(client, "GET", f"/labeling/projects/{project}/review/ontology", **REVIEW).status_code == 200


def test_a_draft_is_shown_in_the_classes_of_today(client: TestClient) -> None:
    project, tasks = labelled(client, overlap=3)
    path = f"{API}/projects/{project}/tasks/{tasks[0]}"
    for value, shown in (({"labels": ["Truck"]}, {"labels": ["Lorry"]}), ({"labels": "odd"}, {"labels": "odd"})):
        assert ask(client, "PUT", f"{path}/draft", {"value": value}, subject="cal").status_code == 200
        number = review(client, "GET", project, "ontology").json()["number"]
        if not number:
            assert change(client, project, RENAME).status_code == 201
        assert ask(client, "GET", path, subject="cal").json()["own"]["draft"] == shown


def test_nobody_changes_classes_that_they_did_not_look_at(client: TestClient) -> None:
    project, _ = labelled(client)
    assert change(client, project, RENAME).status_code == 201
    late = change(client, project, MERGE)
    assert late.status_code == 409
    assert "changed meanwhile" in late.text
    late = review(client, "POST", project, "ontology/preview", {"number": 0, "changes": [MERGE]})
    assert late.status_code == 409
    assert undo(client, project, 1, 0).status_code == 409
    assert change(client, project, MERGE, number=1).status_code == 201
    assert undo(client, project, 1, 2).status_code == 409, "the last one first"
    assert undo(client, project, 2, 2).status_code == 201
    assert undo(client, project, 1, 3).status_code == 201


def test_a_change_without_a_record_is_none(client: TestClient, monitor: Monitor) -> None:
    project, _ = labelled(client)
    monitor.refuse = True
    assert change(client, project, RENAME).status_code >= 500
    monitor.refuse = False
    assert review(client, "GET", project, "ontology").json()["number"] == 0


def test_hidden_records_are_in_no_count_and_change_all_the_same(client: TestClient) -> None:
    """Another restriction's rows: who may not read them learns nothing, and they are read in the new classes."""
    project, _ = labelled(client)
    member: dict[str, Any] = {"groups": ("falcon",)}
    body = {"tasks": [{"data": {"text": "FALCON"}, "groups": ["falcon"]}]}
    (hidden,) = ask(client, "POST", f"{API}/projects/{project}/tasks", body, **member).json()["tasks"]
    assert answer(client, project, hidden, {"labels": ["Ship"]}, subject="eve", **member).status_code == 201
    found = look(client, project, SPLIT)
    assert (found["answers"], found["ask"]) == (8, 3)
    assert "eve" not in json.dumps(found)
    assert hidden not in json.dumps(found)
    assert change(client, project, SPLIT).status_code == 201
    shown = review(client, "GET", project, "ontology")
    assert hidden not in shown.text
    assert "eve" not in shown.text
    page = ask(client, "GET", f"/labeling/projects/{project}/review/ontology", **REVIEW).text
    assert hidden not in page
    waiting = review(client, "GET", project, "ontology", **member).json()["waiting"]
    assert hidden in waiting["tasks"]
    assert waiting["count"] == 3


def test_a_project_of_a_group_does_not_exist_for_others(client: TestClient) -> None:
    project = new_project(client, "classification", schema=SCHEMA, groups=["falcon"])
    for path, body in (
        ("ontology/preview", {"number": 0, "changes": [RENAME]}),
        ("ontology", {"number": 0, "changes": [RENAME], "reason": "x"}),
        ("ontology/undo", {"number": 0, "undoes": 1, "reason": "x"}),
        ("ontology/undo/preview", {"number": 0, "undoes": 1, "reason": "x"}),
    ):
        assert review(client, "POST", project, path, body).status_code == 404, path
    assert review(client, "GET", project, "ontology").status_code == 404
    assert change(client, project, RENAME, groups=("falcon",)).status_code == 201


@pytest.mark.parametrize(
    ("attack", "action", "subject"),
    [
        ("INSERT", "write", "ann"),
        ("INSERT", "export", "lead"),
        ("INSERT as somebody else", "review", "lead"),
        ("UPDATE labeling.ontology SET schema = '{}'", "review", "lead"),
        ("DELETE FROM labeling.ontology", "review", "lead"),
    ],
)
def test_the_database_itself_keeps_classes_from_who_does_not_review(
    client: TestClient, paths: Paths, attack: str, action: str, subject: str
) -> None:
    project, _ = labelled(client)
    assert change(client, project, RENAME).status_code == 201
    statement = attack
    if attack.startswith("INSERT"):
        by = "'other'" if "else" in attack else "appliance.subject()"
        statement = (
            "INSERT INTO labeling.ontology"  # noqa: S608 - the values above
            " (project_id, label_id, restriction_id, number, schema, changes, reason, made_by)"
            f" SELECT project_id, label_id, restriction_id, 2, schema, changes, reason, {by} FROM labeling.ontology"
        )
    with psycopg.connect(f"host={paths.database} dbname=labeling user=labeling") as role:
        context = headers_for("POST", "/labeling/x", subject=subject, action=action)["X-Appliance-Context"]
        role.execute("SELECT appliance.admit(%s)", [context])
        with pytest.raises(errors.InsufficientPrivilege):
            role.execute(statement.encode())


@pytest.mark.parametrize(
    ("change_asked", "status"),
    [
        ({"change": "rename", "label": "Ship", "to": ""}, 422),
        ({"change": "rename", "label": "Ship", "to": "x" * 201}, 422),
        ({"change": "rename", "label": "Ship", "to": "Boat"}, 409),
        ({"change": "rename", "label": "Ship", "to": "a\u0000b"}, 422),
        ({"change": "rename", "label": "Ship", "to": "a\nb"}, 409),
        ({"change": "merge", "labels": [], "into": "x"}, 422),
        ({"change": "split", "label": "Ship", "into": ["one"]}, 422),
        ({"change": "drop", "label": "Ship"}, 422),
        ({"change": "relabel", "label": "Ship", "to": "None"}, 409),
    ],
)
def test_a_change_that_is_asked_for_wrongly_is_refused(
    client: TestClient, change_asked: dict[str, Any], status: int
) -> None:
    project, _ = labelled(client)
    refused = change(client, project, change_asked)
    assert refused.status_code == status, refused.text
    assert review(client, "GET", project, "ontology").json()["number"] == 0


def test_a_kind_without_classes_has_none_to_change(client: TestClient) -> None:
    refused = change(client, new_project(client), RENAME)
    assert refused.status_code == 409
    assert "has no classes" in refused.text


@pytest.mark.parametrize("name", ["=HYPERLINK(1)", "@SUM(A1)", "<script>alert(1)</script>", "{{ 7 * 7 }}", "Ça, 船"])
def test_a_name_is_text_and_nothing_more(client: TestClient, name: str) -> None:
    """No export has cells, so a formula stays the text that it is; pages show it as written."""
    project, _ = labelled(client)
    assert change(client, project, {"change": "rename", "label": "Ship", "to": name}).status_code == 201
    page = ask(client, "GET", f"/labeling/projects/{project}/review/ontology", **REVIEW).text
    assert html.escape(name, quote=False) in page
    assert "<script>alert" not in page
    assert values(client, project)[0] == [name, name]


def test_ten_thousand_classes_are_merged_at_once(client: TestClient) -> None:
    names = [f"class {number}" for number in range(10_000)]
    schema = {"labels": [{"name": name} for name in names]}
    project = new_project(client, "classification", schema=schema)
    body = {"tasks": [{"data": {"text": "one"}}]}
    (task,) = ask(client, "POST", f"{API}/projects/{project}/tasks", body).json()["tasks"]
    assert answer(client, project, task, {"labels": ["class 9999"]}, subject="ann").status_code == 201
    merge = {"change": "merge", "labels": names[1:], "into": "rest"}
    assert look(client, project, merge)["moves"] == [
        {"from": "class 9999", "to": "rest", "answers": 1, "people": {"ann": 1}}
    ]
    page = ask(client, "GET", f"/labeling/projects/{project}/review/ontology", **REVIEW)
    assert "9500 more classes are not shown" in page.text
    assert change(client, project, merge).status_code == 201
    assert values(client, project) == [["rest"]]
    assert undo(client, project, 1, 1).status_code == 201
    assert values(client, project) == [["class 9999"]]


@pytest.mark.parametrize("width", [1280, 390])
def test_a_lead_merges_and_takes_back_with_the_keyboard(
    chromium: Browser, client: TestClient, paths: Paths, width: int
) -> None:
    project, _ = labelled(client)
    page = chromium.new_page(viewport={"width": width, "height": 900})
    wrong = complaints(page)
    with served(build(settings_for("labeling"), paths), subject="lead", action="review") as address:
        page.goto(f"{address}/labeling/projects/{project}/review/ontology")
        assert fits(page)
        page.get_by_label("Ship", exact=True).focus()
        page.keyboard.press("Space")
        page.keyboard.press("Tab")
        page.keyboard.press("Space")
        page.get_by_role("radio", name="Rename").focus()
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Tab")
        page.keyboard.type("Vessel")
        page.keyboard.press("Tab")
        with page.expect_navigation():
            page.keyboard.press("Enter")
        assert "6 of 8 answers change." in page.inner_text("main")
        assert fits(page)
        page.keyboard.type("They are the same to us")
        with page.expect_navigation():
            page.keyboard.press("Enter")
        assert "Ship, Boat merged into Vessel" in page.inner_text("main")
        page.get_by_role("button", name="Take change 1 back").focus()
        with page.expect_navigation():
            page.keyboard.press("Enter")
        assert "6 of 8 answers change." in page.inner_text("main")
        page.keyboard.type("They are not")
        with page.expect_navigation():
            page.keyboard.press("Enter")
        assert "change 1 was taken back" in page.inner_text("main")
        assert fits(page)
    page.close()
    assert values(client, project)[1] == ["Ship", "Boat"]
    assert [text for text in wrong if "403" not in text] == []
