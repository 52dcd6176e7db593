"""The sets of samples that jobs may use, as Inspect tasks: the examples inside the inspect_ai package (MIT).

Imported by the runner alone: Inspect takes seconds to import.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from inspect_ai import Task
from inspect_ai.dataset import FieldSpec, Sample, example_dataset
from inspect_ai.model import GenerateConfig
from inspect_ai.scorer import Scorer, f1, includes, match
from inspect_ai.solver import generate, system_message

from appliance.trust import canonical


@dataclass(frozen=True)
class Example:
    """One example set.

    Attributes:
        fields: how its records become samples.
        instruction: what the model is told.
        maximum_tokens: tokens of an answer.
        scorer: how answers are scored.
    """

    fields: FieldSpec | Callable[[dict[str, Any]], Sample] | None
    instruction: str
    maximum_tokens: int
    scorer: Callable[[], Scorer]


def _popularity(record: dict[str, Any]) -> Sample:
    return Sample(input=record["question"], target=record["answer_matching_behavior"].strip())


EXAMPLES = {
    "bias_detection": Example(None, "Answer with the kind of the statement in square brackets.", 8, includes),
    "biology_qa": Example(FieldSpec(input="question", target="answer"), "Answer in a few words.", 16, includes),
    "popularity": Example(_popularity, "Answer with a single word, Yes or No.", 4, lambda: match(location="begin")),
    "security_guide": Example(None, "Give the one best measure in a short sentence.", 48, f1),
    "theory_of_mind": Example(None, "Answer with the place alone.", 8, includes),
}


def load(name: str, limit: int) -> tuple[Task, str, int]:
    """The task over the first ``limit`` samples of the set ``name``, the digest of the samples, and their number.

    The digest is the SHA-256 of the canonical JSON of ``[input, target]`` of each sample in order.
    """
    example = EXAMPLES[name]
    samples = list(example_dataset(name, example.fields))[:limit]
    content = [[_plain(sample.input), sample.target] for sample in samples]
    digest = hashlib.sha256(canonical.encode(content)).hexdigest()
    task = Task(
        name=name,
        dataset=samples,
        solver=[system_message(example.instruction), generate()],
        scorer=example.scorer(),
        config=GenerateConfig(max_tokens=example.maximum_tokens, temperature=0.0, seed=1),
        metadata={"dataset_sha256": digest},
    )
    return task, digest, len(samples)


def _plain(value: Any) -> Any:
    return value if isinstance(value, str) else [[message.role, message.text] for message in value]
