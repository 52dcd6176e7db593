"""What people, other people and a taken-over worker can do with the queue, in a real PostgreSQL."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from psycopg.types.json import Jsonb

from appliance.service.settings import Paths
from tests.component.service.database.cluster import Cluster, Connection
from tests.component.service.database.support import token_for
from tests.component.service.jobs.counting import service
from tests.unit.service.support import LABEL, MARKING, Monitor, headers_for, settings_for

JOBS = "/notes/api/jobs"
ANN: dict[str, Any] = {"subject": "ann", "nationalities": ("USA",)}
FALCON: dict[str, Any] = {"subject": "bob", "groups": ("falcon",)}
SUBMIT = "SELECT appliance.submit_job(%s, %s, 'count', 'work', %s, 3, %s, 'grant')"


@pytest.fixture
def client(paths: Paths, monitor: Monitor) -> Iterator[TestClient]:
    with TestClient(service.build(settings_for("notes"), paths), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def role(cluster: Cluster, paths: Paths) -> Iterator[Connection]:
    """The service's own role, as a shell in its container has it; no worker runs."""
    with cluster.connect("notes", "notes") as connection:
        yield connection


def ask(client: TestClient, method: str, url: str, body: Any = None, /, **context: Any) -> Response:
    return client.request(method, url, json=body, headers=headers_for(method, url, **context))


def start(client: TestClient, /, **spec: Any) -> str:
    context = spec.pop("context", {})
    answer = ask(client, "POST", "/notes/count", {"name": "a", "steps": 2} | spec, action="job", **context)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def until(client: TestClient, job: str, good: Callable[[dict[str, Any]], bool], /, **context: Any) -> dict[str, Any]:
    end = time.monotonic() + 60
    while True:
        found: dict[str, Any] = ask(client, "GET", f"{JOBS}/{job}", **context).json()
        if good(found):
            return found
        assert time.monotonic() < end, found
        time.sleep(0.05)


def over(job: dict[str, Any]) -> bool:
    return job["state"] not in {"queued", "running"}


def admit(connection: Connection, /, **context: Any) -> None:
    """Admit the open transaction of ``connection`` for a request that the policy calls a job."""
    connection.execute("SELECT appliance.admit(%s, true)", [token_for("notes", "POST", action="job", **context)])


def submit(connection: Connection, groups: str = "", priority: int = 5, /, **context: Any) -> str:
    job = uuid4()
    with connection.transaction():
        admit(connection, **context)
        connection.execute(SUBMIT, [job, f"{LABEL}|{groups}|", priority, Jsonb({"name": "secret plan"})])
    return str(job)


def claim(connection: Connection) -> Any:
    return connection.execute("SELECT * FROM appliance.claim_job('work', 60)").fetchone()


def test_a_job_runs_for_its_person_and_says_how_far_it_is(client: TestClient, monitor: Monitor) -> None:
    job = start(client, context=ANN)
    done = until(client, job, over)
    assert (done["state"], done["done"], done["total"], done["result"]) == ("done", 2, 2, {"steps": 2})
    assert (done["subject"], done["attempts"]) == ("ann", 1)
    page = client.get("/notes/jobs", headers=headers_for("GET", "/notes/jobs"))
    assert "done" in page.text
    assert page.text.count(f">{MARKING}</div>") == 2
    (first, *_) = [one for one in monitor.records if one["activity"] == "job.context"]
    assert first["subject"] == "ann"


def test_nothing_starts_without_a_record(client: TestClient, monitor: Monitor, cluster: Cluster) -> None:
    """And what could not be recorded is tried again: the job waits until the log takes it."""
    job = start(client, steps=1, pause=0)
    until(client, job, over)
    monitor.refuse = True
    assert ask(client, "POST", "/notes/count", {"name": "b", "steps": 1}, action="job").status_code == 503
    monitor.refuse = False
    with cluster.connect("notes", "notes") as shell:
        monitor.refuse = True
        waiting = submit(shell)  # under a grant that the monitor does not know
        tried = until(client, waiting, lambda found: found["attempts"] > 0 and found["message"])
        assert "the monitor refused: status 503" in tried["message"]
        monitor.refuse = False
        refused = until(client, waiting, over)
    assert (refused["state"], refused["done"]) == ("failed", 0)
    with cluster.connect("notes", "postgres") as owner:
        assert owner.execute("SELECT body FROM notes.notes").fetchall() == [("a 0",)]


def test_a_job_whose_person_may_not_any_more_ends(client: TestClient, monitor: Monitor) -> None:
    monitor.revoked = True
    failed = until(client, start(client), over)
    assert failed["state"] == "failed"
    assert "may not start this job any more" in failed["message"]


def test_rights_are_looked_at_again_while_it_runs(client: TestClient, monitor: Monitor) -> None:
    job = start(client, steps=4000, pause=0.05)
    until(client, job, lambda found: found["done"] > 0)
    monitor.revoked = True
    assert until(client, job, over)["state"] == "failed"


def test_one_that_waits_and_one_that_runs_are_cancelled(client: TestClient) -> None:
    running = start(client, steps=4000, pause=0.05)
    until(client, running, lambda found: found["state"] == "running")
    waiting = start(client)
    assert ask(client, "POST", f"{JOBS}/{waiting}/cancel").json()["state"] == "cancelled"
    assert ask(client, "POST", f"{JOBS}/{running}/cancel").json()["state"] == "running"
    ended = until(client, running, over)
    assert (ended["state"], ended["cancelled_by"]) == ("cancelled", "analyst")
    assert ended["done"] < 4000
    assert ask(client, "POST", f"{JOBS}/{running}/cancel").status_code == 409


def test_a_job_of_a_group_changes_nothing_that_others_see(client: TestClient) -> None:
    own = start(client, context=ANN)
    until(client, own, over)
    before = ask(client, "GET", JOBS, **ANN).text
    hidden = start(client, groups=["falcon"], context=FALCON)
    assert until(client, hidden, over, **FALCON)["groups"] == ["falcon"]
    assert ask(client, "GET", JOBS, **ANN).text == before
    absent = ask(client, "GET", f"{JOBS}/{uuid4()}", **ANN)
    for method, url in (("GET", f"{JOBS}/{hidden}"), ("POST", f"{JOBS}/{hidden}/cancel")):
        answer = ask(client, method, url, **ANN)
        assert (answer.status_code, answer.content) == (404, absent.content)
    assert hidden not in client.get("/notes/jobs", headers=headers_for("GET", "/notes/jobs", **ANN)).text


def test_who_is_no_member_starts_no_job_of_a_group(role: Connection) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        submit(role, "falcon", **ANN)
    assert submit(role, "falcon", **FALCON)


def test_what_others_queue_does_not_count(role: Connection) -> None:
    for _ in range(20):
        submit(role, "falcon", **FALCON)
    with pytest.raises(psycopg.errors.ProgramLimitExceeded):
        submit(role, "", **FALCON)
    assert submit(role, "", **ANN)


def test_a_request_that_is_no_job_queues_none(role: Connection) -> None:
    values = [uuid4(), f"{LABEL}||", 5, Jsonb({})]
    with role.transaction(force_rollback=True):
        role.execute("SELECT appliance.admit(%s, true)", [token_for("notes", "POST", action="write")])
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            role.execute(SUBMIT, values)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):  # and without any context
        role.execute(SUBMIT, values)


def test_a_taken_over_worker_sees_of_a_job_that_it_waits_and_no_more(role: Connection) -> None:
    job = submit(role, "falcon", **FALCON)
    assert role.execute("SELECT count(*) FROM appliance.job").fetchone() == (0,)
    assert role.execute("SELECT count(*) FROM appliance.restriction").fetchone() == (0,)
    cursor = role.execute("SELECT * FROM appliance.claim_job('work', 60)")
    assert [column.name for column in cursor.description or ()] == [
        "restriction_id", "id", "label", "claim", "attempt", "job_grant",
    ]  # fmt: skip
    row: Any = cursor.fetchone()
    assert (str(row[1]), row[2], row[5]) == (job, LABEL, "grant")
    assert role.execute("SELECT spec FROM appliance.job").fetchall() == [], "claimed is not opened"


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT job_grant FROM appliance.job",
        "SELECT claim FROM appliance.job",
        "SELECT * FROM appliance.job",
        "UPDATE appliance.job SET state = 'done'",
        "DELETE FROM appliance.job",
        "INSERT INTO appliance.restriction (label_id, groups, controlled) VALUES (1, '{}', false)",
        "TRUNCATE appliance.job",
        "ALTER TABLE appliance.job DISABLE ROW LEVEL SECURITY",
        "SET ROLE migrate",
    ],
)
def test_it_cannot_go_round_the_functions(role: Connection, statement: str) -> None:
    submit(role)
    with role.transaction(force_rollback=True):
        admit(role)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            role.execute(statement.encode())


def test_a_claim_is_needed_to_end_a_job_and_serves_once(role: Connection) -> None:
    submit(role)
    place, job, _, own, *_ = claim(role)
    end = "SELECT appliance.end_job(%s, %s, %s, 'done', '', NULL, 0)"
    assert role.execute(end, [place, job, uuid4()]).fetchone() == (None,)
    assert role.execute("SELECT appliance.keep_job(%s, %s, %s, 60, 1, 2)", [place, job, own]).fetchone() == (False,)
    assert role.execute(end, [place, job, own]).fetchone() == ("done",)
    assert role.execute(end, [place, job, own]).fetchone() == (None,)
    assert claim(role) is None


def test_a_grant_is_gone_when_its_job_has_ended(role: Connection, cluster: Cluster) -> None:
    ended, cancelled = submit(role, "", 9), submit(role, "", 1)
    place, job, _, own, *_ = claim(role)
    assert str(job) == ended
    role.execute("SELECT appliance.end_job(%s, %s, %s, 'failed', '', NULL, 0)", [place, job, own])
    with role.transaction():
        admit(role)
        role.execute("SELECT appliance.cancel_job(%s)", [cancelled])
    with cluster.connect("notes", "postgres") as owner:
        assert owner.execute("SELECT DISTINCT job_grant FROM appliance.job").fetchall() == [("",)]


def test_urgent_jobs_go_first_and_otherwise_the_oldest(role: Connection) -> None:
    old, urgent, young = submit(role), submit(role, "", 9), submit(role)
    assert [str(claim(role)[1]) for _ in range(3)] == [urgent, old, young]


def test_no_two_workers_get_the_same_job(role: Connection, cluster: Cluster) -> None:
    wanted = {submit(role, "", 5, subject=f"person{number % 4}") for number in range(60)}
    taken: list[str] = []

    def work() -> None:
        with cluster.connect("notes", "notes") as connection:
            while row := claim(connection):
                taken.append(str(row[1]))

    workers = [threading.Thread(target=work) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert sorted(taken) == sorted(wanted)


def test_a_job_whose_worker_says_nothing_goes_to_another_until_its_attempts_are_used_up(
    role: Connection, cluster: Cluster
) -> None:
    job = submit(role)
    with cluster.connect("notes", "postgres") as owner:
        for attempt in (1, 2, 3):
            assert claim(role)[4] == attempt
            assert claim(role) is None
            owner.execute("UPDATE appliance.job SET lease = now() - interval '1 second'")
        assert claim(role) is None
        found = owner.execute("SELECT id::text, state, message FROM appliance.job").fetchone()
    assert found == (job, "interrupted", "the service was stopped while the job ran")


def test_a_person_begins_their_own_job_again_and_nobody_else_does(role: Connection) -> None:
    job = submit(role, **ANN)
    place, identifier, _, own, *_ = claim(role)
    role.execute("SELECT appliance.end_job(%s, %s, %s, 'failed', '', NULL, 0)", [place, identifier, own])
    for person, may in ((FALCON, False), (ANN, True), (ANN, False)):
        with role.transaction():
            admit(role, **person)
            again = role.execute("SELECT appliance.resubmit_job(%s, '{}', 'new')", [job]).fetchone()
        assert again == (may,)
    assert claim(role)[5] == "new"
