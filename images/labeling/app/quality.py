"""The quality of a project's answers, for each restriction by itself and never across.

What is said about the records of one restriction comes from these records alone.
"""

from collections import defaultdict
from itertools import combinations
from typing import Any
from uuid import UUID

import numpy as np

from appliance.service.database import Row
from workbench.quality import agreement, dawid_skene, matching, suspicion
from workbench.tasks import kind_of
from workbench.tasks.kind import AnyKind, Value

CLASSES = 200
"""Classes up to which truth is inferred."""

MOST = 200_000
"""Answers of one restriction up to which a report is made."""

Answers = dict[UUID, dict[str, Any]]


def reports(project: Row, rows: list[Row], gold: dict[UUID, dict[str, Any]]) -> list[dict[str, Any]]:
    """A report for each restriction that the reader may read, in the order of their markings."""
    grouped: dict[tuple[str, tuple[str, ...]], list[Row]] = defaultdict(list)
    for row in rows:
        grouped[row["marking"], tuple(row["groups"])].append(row)
    return [
        {"marking": marking, "groups": list(groups)} | _report(project, own, gold)
        for (marking, groups), own in sorted(grouped.items())
    ]


def _report(project: Row, rows: list[Row], gold: dict[UUID, dict[str, Any]]) -> dict[str, Any]:
    kind = kind_of(project["kind"])
    schema = kind.read_schema(project["schema"])
    parsed, table, names = read(kind, schema, rows)
    right: dict[str, list[bool]] = defaultdict(list)
    for row in rows[:MOST]:
        if row["id"] in gold:
            data = kind.read_data(row["data"])
            known = kind.units(schema, data, kind.answer_model.model_validate(gold[row["id"]]))
            for who, answer in parsed[row["id"]].items():
                right[who].append(kind.units(schema, data, answer) == known)
    inferred = inferred_from(table)
    return {
        "tasks": len(rows),
        "answers": sum(len(given) for given in parsed.values()),
        "alphas": _alphas(kind, names, table),
        "pairs": _pairs(table, parsed),
        "annotators": [
            {
                "name": who,
                "answers": sum(who in given for given in parsed.values()),
                "skill": inferred["skill"].get(who),
                "gold": {"right": sum(right[who]), "of": len(right[who])} if who in right else None,
            }
            for who in sorted({who for given in parsed.values() for who in given})
        ],
        "suspects": inferred["suspects"],
        "disputed": [
            str(task)
            for task, given in parsed.items()
            if len({repr(answer) for answer in given.values()}) > 1 and len(given) > 1
        ][:200],
        "distribution": _distribution(table),
    }


def read(kind: AnyKind, schema: Any, rows: list[Row]) -> tuple[Answers, list[dict[str, Value]], list[tuple[UUID, str]]]:
    """Answers that were not rejected, by task and person; and for each unit what people gave, with task and name."""
    parsed: Answers = {}
    table: list[dict[str, Value]] = []
    names: list[tuple[UUID, str]] = []
    for row in rows[:MOST]:
        data = kind.read_data(row["data"])
        given = {
            one["annotator"]: kind.answer_model.model_validate(one["value"])
            for one in row["answers"]
            if not any(review["verdict"] == "reject" for review in one["reviews"])
        }
        parsed[row["id"]] = given
        units = {who: kind.units(schema, data, answer) for who, answer in given.items()}
        for name in sorted({name for one in units.values() for name in one}):
            table.append({who: one[name] for who, one in units.items() if name in one})
            names.append((row["id"], name))
    return parsed, table, names


def _alphas(kind: AnyKind, names: list[tuple[UUID, str]], table: list[dict[str, Value]]) -> list[dict[str, Any]]:
    """Krippendorff's alpha with its interval; of scores for each criterion, since their scales are not one."""
    groups: dict[str, list[dict[str, Value]]] = defaultdict(list)
    for (_, name), unit in zip(names, table, strict=True):
        groups[name if kind.scale != "nominal" else ""].append(unit)
    measured = {name: agreement.krippendorff(group, kind.scale) for name, group in sorted(groups.items())}
    return [
        {"of": name, "value": alpha.value, "low": alpha.low, "high": alpha.high} for name, alpha in measured.items()
    ]


def _pairs(table: list[dict[str, Value]], parsed: Answers) -> list[dict[str, Any]]:
    """Cohen's kappa of each pair of annotators; of spans and shapes the F1 of what they marked, too."""
    both: dict[tuple[str, str], list[tuple[Value, Value]]] = defaultdict(list)
    for unit in table:
        for one, other in combinations(sorted(unit), 2):
            both[one, other].append((unit[one], unit[other]))
    matched: dict[tuple[str, str], list[matching.Matched]] = defaultdict(list)
    for given in parsed.values():
        for one, other in combinations(sorted(given), 2):
            left, right = given[one], given[other]
            if hasattr(left, "spans"):
                matched[one, other].append(matching.spans(left.spans, right.spans))
            elif hasattr(left, "shapes"):
                matched[one, other].append(matching.shapes(left.shapes, right.shapes))
    return [
        {
            "annotators": list(pair),
            "units": len(values),
            "same": sum(one == other for one, other in values) / len(values),
            "kappa": agreement.cohen(values),
            "f1": _f1(matched[pair]) if pair in matched else None,
        }
        for pair, values in sorted(both.items())
    ]


def _f1(found: list[matching.Matched]) -> float:
    total = matching.Matched(
        sum(one.common for one in found), sum(one.left for one in found), sum(one.right for one in found)
    )
    return total.f1


def inferred_from(table: list[dict[str, Value]]) -> dict[str, Any]:
    """Skill of each annotator and who to look at (Dawid and Skene over the units that several answered)."""
    units = [unit for unit in table if len(unit) > 1]
    values = sorted({value for unit in units for value in unit.values()}, key=str)
    people = sorted({who for unit in units for who in unit})
    if not 2 <= len(values) <= CLASSES or len(people) < 2:
        return {"skill": {}, "suspects": []}
    value_at = {value: place for place, value in enumerate(values)}
    person_at = {who: place for place, who in enumerate(people)}
    entries = [(n, person_at[w], value_at[v]) for n, unit in enumerate(units) for w, v in unit.items()]
    task, who, what = (np.array(column, dtype=np.int64) for column in zip(*entries, strict=True))
    found = dawid_skene.infer(task, who, what, len(values))
    suspects = suspicion.saboteurs(task, who, what, found)
    named = frozenset(one.annotators[0] for one in suspects)
    pairs = suspicion.colluders(task, who, what, found, without=named)
    return {
        "skill": {name: float(skill) for name, skill in zip(people, found.skill, strict=True)},
        "suspects": [
            {
                "annotators": [people[place] for place in one.annotators],
                "score": one.score,
                "reason": _reason(one.reason, [str(value) for value in values]),
            }
            for one in [*suspects, *pairs]
        ],
    }


def _reason(reason: str, values: list[str]) -> str:
    true, _, given = reason.partition(">")
    if not given:
        return "both give the same wrong answer more often than chance explains"
    return f"answers {values[int(given)]!r} where {values[int(true)]!r} is probably true, far more often than others"


def _distribution(table: list[dict[str, Value]]) -> list[dict[str, Any]]:
    counts: dict[str, int] = defaultdict(int)
    for unit in table:
        for value in unit.values():
            counts[str(value)] += 1
    most = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:20]
    return [{"value": value[:80], "count": count} for value, count in most]
