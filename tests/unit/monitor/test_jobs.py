"""A job makes the calls that were granted and no more, whatever restarts between them."""

from pathlib import Path

import pytest

from appliance.contract.grant import Grant, GrantError, open_grant, seal_grant
from appliance.monitor.decide.jobs import BLOCK, Jobs

KEY = b"g" * 32


def grant(job: str = "1", calls: int = 3, expires: int = 100) -> Grant:
    return Grant(
        job=job, service="evaluation", enclave="secret", model="m", purpose="evaluation", subject="anna",
        label="S;;*", calls=calls, expires=expires,
    )  # fmt: skip


def made(jobs: Jobs, one: Grant, most: int = 1000) -> int:
    """How many calls the job makes until it is refused."""
    for number in range(most):
        try:
            jobs.call(one)
        except GrantError:
            return number
    return most


def test_a_job_makes_its_calls_and_no_more(tmp_path: Path) -> None:
    jobs = Jobs(tmp_path / "jobs.json", lambda: 0)
    for calls in (1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK):
        one = grant(str(calls), calls)
        jobs.add(one, str(calls))
        assert made(jobs, one) == calls


def test_a_restart_gives_no_call_back(tmp_path: Path) -> None:
    jobs = Jobs(tmp_path / "jobs.json", lambda: 0)
    one = grant(calls=2 * BLOCK)
    jobs.add(one, "request")
    assert made(jobs, one, most=5) == 5
    assert made(Jobs(tmp_path / "jobs.json", lambda: 0), one) == BLOCK
    assert made(Jobs(tmp_path / "jobs.json", lambda: 0), one) == 0


def test_a_request_starts_one_job_and_a_name_is_used_once(tmp_path: Path) -> None:
    jobs = Jobs(tmp_path / "jobs.json", lambda: 0)
    jobs.add(grant("1"), "request")
    for one, request in ((grant("2"), "request"), (grant("1"), "another")):
        with pytest.raises(GrantError):
            jobs.add(one, request)
        with pytest.raises(GrantError):
            Jobs(tmp_path / "jobs.json", lambda: 0).add(one, request)


def test_a_job_that_was_never_granted_or_is_forgotten_makes_no_call(tmp_path: Path) -> None:
    file = tmp_path / "jobs.json"
    jobs = Jobs(file, lambda: 0)
    assert made(jobs, grant()) == 0
    jobs.add(grant(), "request")
    file.write_text("[damaged")
    assert made(Jobs(file, lambda: 0), grant()) == 0


def test_what_has_ended_is_forgotten(tmp_path: Path) -> None:
    now = 0.0
    jobs = Jobs(tmp_path / "jobs.json", lambda: now)
    jobs.add(grant("1", expires=10), "request")
    now = 11.0
    jobs.add(grant("2", expires=20), "another")
    assert "secret/evaluation/1" not in (tmp_path / "jobs.json").read_text()
    assert made(jobs, grant("1", expires=10)) == 0


@pytest.mark.parametrize(
    ("token", "rule"),
    [
        (seal_grant(grant(), b"x" * 32), "workload.grant-forged"),
        (seal_grant(grant(), KEY).replace("v2.", "v1."), "workload.grant-forged"),
        (seal_grant(grant(expires=1), KEY), "workload.grant-expired"),
        (seal_grant(grant().model_copy(update={"service": "labeling"}), KEY), "workload.grant-of-another"),
        (seal_grant(grant().model_copy(update={"enclave": "top"}), KEY), "workload.grant-of-another"),
        ("", "workload.grant-forged"),
    ],
)
def test_a_grant_that_does_not_hold_is_refused(token: str, rule: str) -> None:
    with pytest.raises(GrantError) as refusal:
        open_grant(token, KEY, service="evaluation", enclave="secret", now=50)
    assert refusal.value.rule == rule
