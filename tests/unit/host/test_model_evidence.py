"""A certificate is installed when a real log vouches for its item results; forged ones are refused and named."""

from pathlib import Path
from typing import Any

import pytest

from appliance.audit.events import kinds as events
from appliance.audit.events.kinds import Entity, Lineage, Scope
from appliance.audit.events.ocsf import Event
from appliance.audit.log.writer import Log
from appliance.contract.certification import standard
from appliance.contract.evaluation import Results
from appliance.errors import ApplianceError
from appliance.host.state.model_evidence import ASKED, RUN, check_log
from tests.unit.contract.test_certification import t1
from tests.unit.inference.test_certificate import results

SCOPE = Scope(label="S;;GBR,USA", enclave="secret", service="evaluation")
OTHER_JOB = "f" * 32


def ended(done: Results, *, subject: str = "analyst", **detail: Any) -> Event:
    """What the monitor records when an evaluation says that it ended."""
    facts: dict[str, Any] = {"job": done.job, "tier": done.tier, "generation": 1} | detail
    lineage = Lineage(inputs=(f"sha256:{done.model.sha256}",), outputs=(f"sha256:{done.sha256}",))
    return events.activity(SCOPE, subject, RUN, lineage, detail=facts)


def answered(done: Results, number: int, **detail: Any) -> list[Event]:
    """What the monitor records when inference says that it was asked under a job."""
    digest = f"sha256:{done.model.sha256}"
    model, lineage = Entity(kind="model", name="smollm2", digest=digest), Lineage(inputs=(digest,))
    facts = {"job": done.job} | detail
    return [
        events.inference(SCOPE, "service:evaluation", model, lineage, operation=ASKED, detail=facts)
        for _ in range(number)
    ]


async def _write(folder: Path, written: list[Event]) -> Path:
    path, key = folder / "log", folder / "secrets" / "log.key"
    Log.create(path, key, "site.example/audit")
    log = Log.open(path, key, checkpoint_interval=0.01)
    await log.append([event.record() for event in written])
    await log.close()
    return path


def check(folder: Path, done: Results, written: list[Event]) -> None:
    import asyncio  # noqa: PLC0415

    check_log(asyncio.run(_write(folder, written)), done, standard())


def test_results_that_the_log_vouches_for_are_accepted(tmp_path: Path) -> None:
    done = results()
    check(
        tmp_path, done, [*answered(done, 5), *answered(done, 7, job=f"{done.job}.1"), ended(done, job=f"{done.job}.1")]
    )


def test_a_hand_written_results_document_is_refused(tmp_path: Path) -> None:
    done = results()
    with pytest.raises(ApplianceError, match="no record of an evaluation by analyst names the results"):
        check(tmp_path, done, answered(done, 12))


def test_results_that_were_improved_after_they_were_recorded_are_refused(tmp_path: Path) -> None:
    done = results()
    better = done.model_copy(update={"evaluator": "analyst", "attempt": 1, "tools": {"appliance": "better"}})
    with pytest.raises(ApplianceError, match="no record of an evaluation"):
        check(tmp_path, better, [*answered(done, 12), ended(done)])


def test_a_record_of_another_person_does_not_vouch(tmp_path: Path) -> None:
    done = results()
    with pytest.raises(ApplianceError, match="no record of an evaluation by analyst"):
        check(tmp_path, done, [*answered(done, 12), ended(done, subject="eve")])


def test_more_results_than_the_model_gave_answers_are_refused(tmp_path: Path) -> None:
    """A taken-over evaluation records its own results; it cannot record that the model was asked."""
    done = results()
    written = [*answered(done, 11), *answered(done, 50, job=OTHER_JOB), ended(done, note=f"{ASKED} {done.job}")]
    with pytest.raises(ApplianceError, match="12 items have results, the log has 11 answers of the model"):
        check(tmp_path, done, written)


def test_an_attempt_that_was_left_out_is_noticed(tmp_path: Path) -> None:
    done = results(tier="T1-administrative", suites=t1())
    first = results(tier="T1-administrative", suites=t1(), job=OTHER_JOB)
    practice = results(tier="T1-administrative", suites=t1(), job="e" * 32)
    written = [ended(first), ended(practice, generation=0), *answered(done, done.items), ended(done)]
    with pytest.raises(ApplianceError, match="says attempt 1, the log has 1 earlier ones"):
        check(tmp_path, done, written)
    second = done.model_copy(update={"attempt": 2})
    (tmp_path / "second").mkdir()
    check(tmp_path / "second", second, [ended(first), *answered(second, second.items), ended(second)])
