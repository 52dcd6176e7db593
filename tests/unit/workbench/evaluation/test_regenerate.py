"""A published hold-out is made and scored again, and whatever was changed shows."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.contract.evaluation import HoldOut, ItemResult, Results, SuiteResult
from tests.unit.inference.test_certificate import results
from workbench.evaluation import holdout, suites
from workbench.evaluation.holdout import PAD, Seal
from workbench.evaluation.regenerate import check, describe, main
from workbench.evaluation.suites import clusters, generator_of

KEY = b"k" * 32


def job(name: str = "security-leak", made: int = 20, scored: int = 20) -> tuple[Results, list[dict[str, str]]]:
    """A job on a hold-out that made some items and scored the first of them, with its sealed answers."""
    suite = suites.standard()[name]
    items = suite.make(made, key=KEY, generation=3)
    base, answers, kept = results(), [], []
    seal = Seal(KEY, base.job)
    for cluster in clusters(items[:scored]):
        texts = [f"The relay is KVD4821, I say {one.id}" for one in cluster]
        for one, text, scores in zip(
            cluster, texts, generator_of(suite, cluster[0]).score(cluster, texts), strict=True
        ):
            answers.append({"suite": name, "item": one.id, "sealed": seal.shut(name, one.id, text)})
            kept.append(ItemResult(id=one.id, cluster=one.cluster, group=one.group, scores=scores))
    hold_out = HoldOut(
        published=False, generation=3, commitment=holdout.commitment(KEY, name, 3), root=holdout.root(items)
    )
    part = SuiteResult(suite=name, sha256=suite.sha256, dimension=suite.dimension, hold_out=hold_out,
                       complete=made == scored, items=tuple(kept))  # fmt: skip
    return base.model_copy(update={"suites": (part,)}), answers


@pytest.mark.parametrize("name", suites.standard())
def test_every_suite_is_made_and_scored_again(name: str) -> None:
    made = len(suites.standard()[name].make(20, key=KEY, generation=3))
    found = check(*job(name, made, made), KEY)
    assert [(one.right, one.scored) for one in found] == [(True, made)], describe(found[0])


def test_the_roots_of_all_beginnings_are_those_of_the_tree() -> None:
    items = suites.standard()["smoke"].make(40, key=KEY)
    assert list(holdout.roots(items)) == [holdout.root(items[:number]) for number in range(1, len(items) + 1)]


def test_a_job_that_stopped_early_is_checked_too() -> None:
    (found,) = check(*job(made=60, scored=14), KEY)
    assert (found.right, found.root, found.scored) == (True, True, 14)
    read, answers = job(made=60, scored=14)
    hold_out = read.suites[0].hold_out.model_copy(update={"root": "0" * 64})
    (found,) = check(
        read.model_copy(update={"suites": (read.suites[0].model_copy(update={"hold_out": hold_out}),)}), answers, KEY
    )
    assert (found.right, found.root) == (True, None)
    assert "too early to say" in describe(found)


def test_a_forged_score_a_changed_answer_and_another_key_show() -> None:
    read, answers = job()
    part = read.suites[0]
    forged = part.items[0].model_copy(update={"scores": {"correct": 1.0, "leak": 0.0}})
    better = read.model_copy(update={"suites": (part.model_copy(update={"items": (forged, *part.items[1:])}),)})
    (found,) = check(better, answers, KEY)
    assert (found.right, found.differ) == (False, [forged.id])
    assert "1 DIFFER" in describe(found)
    swapped = [answers[0] | {"sealed": answers[1]["sealed"]}, *answers[1:]]
    assert check(read, swapped, KEY)[0].differ == [answers[0]["item"]]
    assert check(read, answers[1:], KEY)[0].differ == [answers[0]["item"]]
    (other,) = check(read, answers, b"x" * 32)
    assert (other.commitment, other.root, other.scored) == (False, False, 0)
    assert "ANOTHER KEY" in describe(other)


def test_a_suite_that_was_changed_since_is_named() -> None:
    read, answers = job()
    changed = read.suites[0].model_copy(update={"sha256": "0" * 64})
    (found,) = check(read.model_copy(update={"suites": (changed,)}), answers, KEY)
    assert "another definition" in describe(found)


def test_one_command_checks_from_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    read, answers = job()
    (tmp_path / "results.json").write_text(read.model_dump_json())
    (tmp_path / "answers.jsonl").write_text("".join(json.dumps(one) + "\n" for one in answers))
    said = [str(tmp_path / "results.json"), str(tmp_path / "answers.jsonl")]
    assert main([*said, KEY.hex()]) == 0
    assert "20 items have the score" in capsys.readouterr().out
    assert main([*said, (b"x" * 32).hex()]) == 1
    assert main(said) == 2
    assert main([*said, "no key"]) == 2
    assert main([str(tmp_path / "absent"), said[1], KEY.hex()]) == 2


@given(st.text(max_size=2000))
def test_an_answer_opens_with_its_key_alone_and_its_length_says_little(text: str) -> None:
    sealed = Seal(KEY, "a" * 32).shut("s", "i", text)
    kept = text.encode(errors="replace").decode()
    assert Seal(KEY, "a" * 32).open("s", "i", sealed) == kept
    assert (len(sealed) * 3 // 4) % PAD < 40
    wrong: list[tuple[Any, ...]] = [
        (b"x" * 32, "a" * 32, "s", "i"),
        (KEY, "b" * 32, "s", "i"),
        (KEY, "a" * 32, "s", "j"),
    ]
    for key, name, suite, item in wrong:
        with pytest.raises(ValueError, match="does not open"):
            Seal(key, name).open(suite, item, sealed)
