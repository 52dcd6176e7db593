"""The board: ranks say that one model is better only where a test on the same items says so."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from appliance.contract.evaluation import HoldOut
from images.evaluation.app.model import Job
from images.evaluation.app.results.board import Table, paired, tables
from images.evaluation.app.results.report import Row
from images.evaluation.app.results.summary import Part, Summary
from workbench.statistics.intervals import proportion

PUBLIC = HoldOut(published=True, generation=1, commitment="a" * 64, root="b" * 64)
Answers = dict[str, bool]


def done(model: str, answers: Answers, *, bad: bool = False, hold_out: HoldOut = PUBLIC) -> tuple[Job, Summary]:
    found = proportion(sum(answers.values()), len(answers))
    row = Row("capability.x", "X", found, len(answers), len(answers), bad, None, 0.4, None, None, None, "x", "correct")
    part = Part(suite="x", sha256="c" * 64, items=len(answers), complete=True, hold_out=hold_out, slices=[], worst=[])
    job = Job(
        id=f"{abs(hash(model)):032x}"[:32], model=model, tier="T0-sandbox", evaluator="ann", queued=datetime.now(UTC)
    )
    digest = "d" * 64
    summary = Summary(model_sha256=digest, engine_image="", parameters={}, policy=digest, results_sha256=digest,
                      log_sha256=digest, rows=[row], suites=[part])  # fmt: skip
    return job, summary


def board(*models: tuple[str, Answers], bad: bool = False) -> Table:
    jobs = [done(name, answers, bad=bad) for name, answers in models]
    by_id = {job.id: answers for (job, _), (_, answers) in zip(jobs, models, strict=True)}
    (table,) = tables(jobs, lambda first, second, _suite, _score: paired(by_id[first], by_id[second]))
    return table


def answers(right: int, of: int = 100) -> Answers:
    return {str(number): number < right for number in range(of)}


def test_models_that_a_test_tells_apart_have_ranks_of_their_own() -> None:
    table = board(("low", answers(20)), ("high", answers(90)), ("middle", answers(55)))
    assert [(one.job.model, one.rank, one.alone) for one in table.entries] == [
        ("high", 1, True), ("middle", 2, True), ("low", 3, True),
    ]  # fmt: skip
    assert (table.pairs, table.least) == (3, 100)


def test_models_that_differ_by_noise_are_tied() -> None:
    table = board(("a", answers(50)), ("b", answers(53)), ("worst", answers(5)))
    assert [(one.job.model, one.rank, one.alone) for one in table.entries] == [
        ("b", 1, False), ("a", 1, False), ("worst", 3, True),
    ]  # fmt: skip


def test_of_what_should_not_happen_less_is_better() -> None:
    table = board(("leaks", answers(90)), ("keeps", answers(5)), bad=True)
    assert [one.job.model for one in table.entries] == ["keeps", "leaks"]


def test_models_that_were_asked_other_items_stand_in_other_tables() -> None:
    other = HoldOut(published=False, generation=2, commitment="e" * 64, root="b" * 64)
    found = tables([done("a", answers(9)), done("b", answers(9), hold_out=other)], lambda *_: (0.0, 0))
    assert [len(one.entries) for one in found] == [1, 1]


def test_the_newest_job_of_a_model_counts() -> None:
    (table,) = tables([done("a", answers(9)), done("a", answers(1))], lambda *_: (1.0, 0))
    assert [one.row.interval.value for one in table.entries] == [0.09]


def test_a_model_that_is_no_better_than_the_most_frequent_answer_is_named() -> None:
    table = board(("coin", answers(42)), ("good", answers(90)))
    assert [(one.job.model, one.row.idle) for one in table.entries] == [("good", False), ("coin", True)]


@given(st.lists(st.integers(0, 30), min_size=1, max_size=6))
def test_ranks_begin_at_one_never_fall_and_never_pass_the_place(rights: list[int]) -> None:
    table = board(*((f"m{number}", answers(right, 30)) for number, right in enumerate(rights)))
    ranks = [one.rank for one in table.entries]
    assert ranks[0] == 1
    assert all(rank <= place for place, rank in enumerate(ranks, 1))
