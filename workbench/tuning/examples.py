"""What is learned from a record: an answer to a prompt, or the better of two."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from appliance.errors import ApplianceError
from workbench.exchange.record import Record
from workbench.tasks import kind_of
from workbench.tuning.configuration import Method

SUPERVISED = frozenset({"writing", "chat", "classification"})
PREFERENCE = frozenset({"pairwise", "ranking"})
_RULE = "a run learns from answers that differ (docs/tuning.md)"


@dataclass(frozen=True, slots=True)
class Example:
    """One sample.

    Attributes:
        record: the record that it comes from.
        prompt: role and content of each message before the answer.
        answer: what is learned; of two, the better one.
        rejected: the worse one, or None.
    """

    record: str
    prompt: tuple[tuple[str, str], ...]
    answer: str
    rejected: str | None = None


def method_of(kind: str) -> Method:
    """How a run learns from records of a kind.

    Raises:
        ApplianceError: nothing is learned from such records.
    """
    if kind in PREFERENCE:
        return "preference"
    if kind in SUPERVISED:
        return "supervised"
    raise ApplianceError(
        f"nothing is tuned with records of the kind {kind}",
        rule=f"kinds of records that answer something: {', '.join(sorted(SUPERVISED | PREFERENCE))}",
        remedy="choose a version of another project",
    )


def examples_of(kind: str, schema: dict[str, Any], records: Iterable[Record]) -> list[Example]:
    """The samples of ``records`` in their order; what is in dispute or without an answer teaches nothing.

    Args:
        kind: of their project.
        schema: of their project.
        records: the records.
    """
    behaviour = kind_of(kind)
    known = behaviour.read_schema(schema)
    found: list[Example] = []
    for record in records:
        settled = record.settled(behaviour, known)
        if kind == "chat":  # the conversation itself teaches; what people said of its turns is not learned
            found.extend(_turns(record))
        elif settled is not None:
            found.extend(_settled(kind, record, settled))
    return found


def refuse_useless(examples: Sequence[Example]) -> None:
    """Refuse what would teach nothing, or always the same.

    Raises:
        ApplianceError: there is no sample, or all have the same answer.
    """
    if not examples:
        raise ApplianceError("the version has no sample for training", rule=_RULE, remedy="label more records")
    if examples[0].rejected is None and len({one.answer.strip() for one in examples}) == 1 and len(examples) > 1:
        raise ApplianceError(
            "all samples have the same answer", rule=_RULE, remedy="take in records with other answers"
        )
    for one in examples:
        if one.rejected is not None and one.rejected == one.answer:
            raise ApplianceError(
                f"record {one.record}: both answers are the same", rule=_RULE, remedy="leave the record out"
            )


def _turns(record: Record) -> list[Example]:
    said = tuple((turn["role"], turn["content"]) for turn in record.data["messages"])
    return [
        Example(record.id, said[:number], content)
        for number, (role, content) in enumerate(said)
        if role == "assistant" and number
    ]


def _settled(kind: str, record: Record, settled: dict[str, Any]) -> list[Example]:
    if kind == "writing":
        return [Example(record.id, (("user", record.data["text"]),), settled["text"])]
    if kind == "classification":
        return [Example(record.id, (("user", record.data["text"]),), ", ".join(settled["labels"]))]
    prompt, answers = (("user", record.data["prompt"]),), record.data["answers"]
    if kind == "pairwise":
        if settled["choice"] == "tie":
            return []
        order = [0, 1] if settled["choice"] == "a" else [1, 0]
    else:
        order = settled["order"]
    return [Example(record.id, prompt, answers[better], answers[worse]) for better, worse in combinations(order, 2)]
