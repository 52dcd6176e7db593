"""The table of MarkBench: rule engine, most frequent answer, and a model on its engine.

python -m tests.bench.markbench MODEL.gguf [items a task]
"""

import asyncio
import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

from images.evaluation.app.asking import choice_of
from images.inference.app.engine import Engine
from images.inference.app.settings import EngineParameters
from images.inference.app.wire import Answer
from workbench.markbench.baselines import majority, rule_engine
from workbench.markbench.item import PUBLISHED, Item
from workbench.markbench.score import Scores, score
from workbench.markbench.tasks import TASKS, items
from workbench.statistics.intervals import proportion

KEY = b"majority"
TOKENS = 64


async def main(model: Path, count: int) -> None:
    """Print the table as Markdown."""
    found: dict[str, dict[str, list[Scores]]] = {}
    async with Engine(model.parent, model.stem, EngineParameters(slots=2, context=2048)) as engine:
        for task in TASKS:
            asked = items(task, count, key=PUBLISHED)
            most = majority(items(task, 200, key=KEY))
            said = await asyncio.gather(*(_answer(engine, item) for item in asked))
            found[task] = {
                "rule engine": [score(item, rule_engine(item)) for item in asked],
                "majority": [score(item, most(item)) for item in asked],
                model.stem: [score(item, text) for item, text in zip(asked, said, strict=True)],
            }
            print(_row(task, found[task]), flush=True)
    print(_total(found))


async def _answer(engine: Engine, item: Item) -> str:
    messages = [{"role": "system", "content": item.system}, {"role": "user", "content": item.user}]
    body: dict[str, Any] = {
        "messages": messages,
        "max_tokens": TOKENS,
        "temperature": 0.0,
        "seed": 1,
        "cache_prompt": False,
    }
    if item.choices:
        body["response_format"] = choice_of(item)
    answer = await Answer.to(engine.socket, "/v1/chat/completions", json.dumps(body).encode())
    return str((await answer.json())["choices"][0]["message"]["content"])


def _row(task: str, columns: dict[str, list[Scores]]) -> str:
    rules, most, model = (_mean(column, "correct") for column in columns.values())
    last = next(reversed(columns.values()))
    events = [f"{name.replace('_', ' ')} {_mean(last, name)}" for name in ("undermark", "leak", "over_refusal")]
    bad = ", ".join(text for text in events if not text.endswith(" -"))
    return f"| {task} | {rules} | {most} | {model} | {bad} |"


def _mean(scored: list[Scores], name: str) -> str:
    values = [one[name] for one in scored if name in one]
    return f"{sum(values) / len(values):.2f}" if values else "-"


def _total(found: dict[str, dict[str, list[Scores]]]) -> str:
    right: dict[str, list[float]] = defaultdict(list)
    for columns in found.values():
        for name, scored in columns.items():
            right[name] += [one["correct"] for one in scored]
    texts = []
    for values in right.values():
        spread = proportion(int(sum(values)), len(values))
        texts.append(f"{spread.value:.2f} ({spread.low:.2f} to {spread.high:.2f})")
    return f"| all, 95 % | {' | '.join(texts)} | |"


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 20))
