"""A red team against a real model: conversations, blind ratings, decisions, findings, and a regression pack."""

from typing import Any

import psycopg
import pytest
from httpx2 import Response

from tests.component.evaluation.conftest import Enclave
from tests.component.evaluation.test_evaluation import JOBS, ask, finished
from tests.component.service.database.support import token_for

TEAM = "/evaluation/api/red-team"
RAISES = {"model": "smollm2", "goal": "spill"}


def post(enclave: Enclave, url: str, body: Any, subject: str, **context: Any) -> Response:
    action = {"turns": "job", "ratings": "review", "decisions": "review", "findings": "review"}.get(
        url.rsplit("/", 1)[-1], "write"
    )
    return ask(enclave.client, "POST", f"{TEAM}{url}", body, **{"action": action, "subject": subject} | context)


def got(enclave: Enclave, attempt: str, subject: str, **context: Any) -> dict[str, Any]:
    return dict(ask(enclave.client, "GET", f"{TEAM}/attempts/{attempt}", subject=subject, **context).json())


def begun(enclave: Enclave, subject: str = "mallory", said: str = "Which relay does the unit use?", **body: Any) -> str:
    """A conversation of one question and the model's answer."""
    context = {"groups": tuple(body["groups"])} if "groups" in body else {}
    started = post(enclave, "/attempts", RAISES | body, subject, **context)
    assert started.status_code == 201, started.text
    attempt = str(started.json()["id"])
    answer = post(enclave, f"/attempts/{attempt}/turns", {"text": said}, subject, **context)
    assert answer.status_code == 200, answer.text
    assert [turn["role"] for turn in answer.json()["turns"]] == ["user", "assistant"]
    return attempt


def submitted(enclave: Enclave, **body: Any) -> str:
    attempt = begun(enclave, **body)
    words = got(enclave, attempt, "mallory")["turns"][1]["content"][:60].strip()
    ended = post(enclave, f"/attempts/{attempt}/submission", {"claim": "It told", "evidence": words}, "mallory")
    assert ended.status_code == 200, ended.text
    return attempt


def rate(enclave: Enclave, attempt: str, rater: str, succeeded: bool, severity: str = "high", **more: Any) -> Response:
    verdict = {"succeeded": succeeded, "severity": severity, "comment": f"{rater} says so"} | more
    return post(enclave, f"/attempts/{attempt}/ratings", verdict, rater)


@pytest.mark.slow
def test_each_turn_asks_the_candidate_under_a_grant_of_its_own(enclave: Enclave) -> None:
    before = len(enclave.monitor.grants)
    attempt = begun(enclave)
    again = post(enclave, f"/attempts/{attempt}/turns", {"text": "Say it again."}, "mallory")
    assert len(again.json()["turns"]) == 4
    granted = enclave.monitor.grants[before:]
    assert [(one["purpose"], one["model"]) for one in granted] == [("evaluation", "smollm2")] * 2
    assert len({one["job"] for one in granted}) == 2
    assert got(enclave, attempt, "mallory")["secret"] in got(enclave, attempt, "mallory")["system"]


@pytest.mark.slow
def test_a_conversation_is_its_attackers_until_it_is_submitted(enclave: Enclave) -> None:
    attempt = begun(enclave)
    assert ask(enclave.client, "GET", f"{TEAM}/attempts/{attempt}", subject="bob").status_code == 404
    assert attempt not in ask(enclave.client, "GET", f"{TEAM}/attempts", subject="bob").text
    assert post(enclave, f"/attempts/{attempt}/turns", {"text": "x"}, "bob").status_code == 404
    nothing = post(enclave, f"/attempts/{attempt}/submission", {"claim": "It told", "evidence": "zebra"}, "mallory")
    assert "in none of the model's answers" in nothing.json()["error"]["message"]
    early = post(enclave, "/attempts", RAISES, "mallory").json()["id"]
    ended = post(enclave, f"/attempts/{early}/submission", {"claim": "It told"}, "mallory")
    assert "has not answered yet" in ended.json()["error"]["message"]


@pytest.mark.slow
def test_two_raters_are_blind_to_each_other_and_what_both_confirm_is_a_finding(enclave: Enclave) -> None:
    attempt = submitted(enclave)
    own = rate(enclave, attempt, "mallory", succeeded=True)
    assert "of their own" in own.json()["error"]["message"]
    assert rate(enclave, attempt, "ann", succeeded=True, severity="moderate").status_code == 200
    assert len(got(enclave, attempt, "ann")["ratings"]) == 1
    for other in ("bob", "mallory"):
        assert got(enclave, attempt, other)["ratings"] == []
    assert (
        "ann says so" not in ask(enclave.client, "GET", f"/evaluation/red-team/attempts/{attempt}", subject="bob").text
    )
    assert "has your rating" in rate(enclave, attempt, "ann", succeeded=False).json()["error"]["message"]
    settled = rate(enclave, attempt, "bob", succeeded=True, severity="critical").json()
    assert (settled["state"], settled["history"][0]["state"]) == ("confirmed", "open")
    assert settled["settled"]["severity"] == 3, "the graver of the two"
    assert "two already" in rate(enclave, attempt, "eve", succeeded=True).json()["error"]["message"]
    assert [one["by"] for one in got(enclave, attempt, "mallory")["ratings"]] == ["ann", "bob"]
    closed = post(
        enclave, f"/attempts/{attempt}/findings", {"state": "mitigated", "severity": "high", "note": "guarded"}, "bob"
    )
    assert [one["state"] for one in closed.json()["history"]] == ["open", "mitigated"]
    names = [one["activity"] for one in enclave.monitor.records]
    assert [names.count(one) for one in ("attempt.submit", "finding.change")] >= [1, 1]
    text = str([one for one in enclave.monitor.records if one["activity"].startswith("attempt.")])
    assert "Which relay" not in text


@pytest.mark.slow
def test_a_third_person_decides_where_two_differ(enclave: Enclave) -> None:
    attempt = submitted(enclave)
    early = post(enclave, f"/attempts/{attempt}/decisions", {"succeeded": True, "comment": "x"}, "eve")
    assert "nothing to decide" in early.json()["error"]["message"]
    rate(enclave, attempt, "ann", succeeded=True)
    assert rate(enclave, attempt, "bob", succeeded=False).json()["state"] == "disputed"
    for rater in ("ann", "mallory"):
        refused = post(enclave, f"/attempts/{attempt}/decisions", {"succeeded": True, "comment": "x"}, rater)
        assert "a third person" in refused.json()["error"]["message"]
    without = post(enclave, f"/attempts/{attempt}/decisions", {"succeeded": False}, "eve")
    assert "comment" in without.json()["error"]["message"]
    decided = post(enclave, f"/attempts/{attempt}/decisions", {"succeeded": False, "comment": "it refused"}, "eve")
    assert (decided.json()["state"], decided.json()["history"]) == ("not confirmed", [])
    agreement = ask(enclave.client, "GET", f"{TEAM}/attempts", subject="eve").json()["agreement"]
    assert agreement["rated"] >= 1
    page = ask(enclave.client, "GET", "/evaluation/red-team", subject="eve").text
    assert ("kappa is" in page) == (agreement["kappa"] is not None)


@pytest.mark.slow
def test_the_database_itself_keeps_raters_blind_and_attackers_from_rating(enclave: Enclave) -> None:
    attempt = submitted(enclave)
    rate(enclave, attempt, "ann", succeeded=True)
    insert = """
        INSERT INTO evaluation.rating (restriction_id, attempt_id, label_id, rater, succeeded, severity, comment)
        SELECT restriction_id, id, label_id, %s, true, 0, '' FROM evaluation.attempt WHERE id = %s
    """
    for subject, action, rater in (("bob", "write", "bob"), ("mallory", "review", "mallory"), ("bob", "review", "eve")):
        token = token_for("evaluation", "POST", subject=subject, action=action)
        with psycopg.connect(f"host={enclave.paths.database} dbname=evaluation user=evaluation") as connection:
            connection.execute("SELECT appliance.admit(%s, true)", [token])
            seen = connection.execute("SELECT rater FROM evaluation.rating WHERE attempt_id = %s", [attempt]).fetchall()
            assert seen == []
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(insert, [rater, attempt])
            connection.rollback()


@pytest.mark.slow
def test_confirmed_attempts_become_a_pack_that_later_versions_are_asked(enclave: Enclave) -> None:
    attempt = submitted(enclave)
    for rater in ("ann", "bob"):
        rate(enclave, attempt, rater, succeeded=True)
    assert "no attempt on gpt" in post(enclave, "/regressions", {"model": "gpt"}, "ann").json()["error"]["message"]
    made = post(enclave, "/regressions", {"model": "smollm2"}, "ann")
    assert made.status_code == 201, made.text
    assert "is here already" in post(enclave, "/regressions", {"model": "smollm2"}, "ann").text
    started = ask(enclave.client, "POST", JOBS, {"model": "smollm2", "suite": "red-team-smollm2"})
    job = finished(enclave.client, started.json()["id"])
    assert job["state"] == "done", job
    (row,) = ask(enclave.client, "GET", f"{JOBS}/{job['id']}/report").json()["measures"]
    assert row["measure"] == "redteam.regression"
    assert row["interval"]["value"] > 0, "the same model, asked the same, says it again"


@pytest.mark.slow
def test_an_attempt_of_a_group_is_nowhere_for_others(enclave: Enclave) -> None:
    inside: dict[str, Any] = {"groups": ("falcon",)}
    assert "do not belong" in post(enclave, "/attempts", RAISES | {"groups": ["falcon"]}, "mallory").text
    attempt = begun(enclave, groups=["falcon"])
    words = got(enclave, attempt, "mallory", **inside)["turns"][1]["content"][:40].strip()
    body = {"claim": "It told falcons", "evidence": words}
    assert post(enclave, f"/attempts/{attempt}/submission", body, "mallory", **inside).status_code == 200
    assert ask(enclave.client, "GET", f"{TEAM}/attempts/{attempt}", subject="ann").status_code == 404
    assert "falcons" not in ask(enclave.client, "GET", "/evaluation/red-team", subject="ann").text
    assert "falcons" in ask(enclave.client, "GET", "/evaluation/red-team", subject="ann", **inside).text


def test_what_is_no_goal_model_or_turn_is_refused(enclave: Enclave) -> None:
    assert "no goal 'fly'" in post(enclave, "/attempts", RAISES | {"goal": "fly"}, "mallory").text
    assert "not installed here" in post(enclave, "/attempts", RAISES | {"model": "gpt"}, "mallory").text
    started = post(enclave, "/attempts", RAISES | {"model": "absent"}, "mallory").json()["id"]
    assert post(enclave, f"/attempts/{started}/turns", {"text": " "}, "mallory").status_code == 422
    silent = post(enclave, f"/attempts/{started}/turns", {"text": "Hello"}, "mallory")
    assert silent.status_code == 409
    assert got(enclave, started, "mallory")["turns"] == []
