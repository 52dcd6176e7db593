"""Following instructions: form that a program can check."""

import json
import re
from collections.abc import Sequence

from workbench.markbench import words
from workbench.markbench.item import Chance, Item
from workbench.markbench.score import Scores

_TOPICS = (
    "a checklist before a long drive", "the advantages of a spare wheel", "how to store drinking water",
    "why equipment is inspected", "how to plan a route on foot", "what a logbook is for", "how to keep tools dry",
    "why radios need spare batteries", "how to prepare a handover", "what a good meeting needs",
)  # fmt: skip
_RULES = ("lines", "words", "capitals", "contains", "begins", "ends", "json", "without")


def make(chance: Chance, tier: int) -> Sequence[Item]:
    """A topic and one to three demands on the form of the answer."""
    wanted = chance.sample(_RULES[1:6] if tier > 1 else _RULES, 1 if tier == 1 else 2)
    demands: dict[str, object] = {}
    texts = []
    for rule in sorted(wanted):
        argument, text = _demand(chance, rule)
        demands[rule] = argument
        texts.append(text)
    user = f"Write about {chance.choice(_TOPICS)} for unit {words.code(chance)}. {' '.join(texts)}"
    return [Item("instruction", tier, "Follow the instructions exactly.", user, {"demands": demands})]


def score(item: Item, output: str) -> Scores:
    """1 when every demand is met."""
    text = output.strip()
    met = bool(text) and all(_met(rule, argument, text) for rule, argument in item.answer["demands"].items())
    return {"correct": float(met)}


def _demand(chance: Chance, rule: str) -> tuple[object, str]:
    number, word = chance.randint(2, 4), words.code(chance).split()[1].lower()
    if rule == "json":
        keys = sorted(chance.sample(["unit", "place", "time", "task", "count"], 2))
        return keys, f"Answer with a JSON object alone that has exactly the keys {keys[0]} and {keys[1]}."
    texts = {
        "lines": (number, f"Write exactly {number} lines."),
        "words": (number * 10, f"Use at most {number * 10} words."),
        "capitals": (True, "Write in capital letters only."),
        "contains": (word, f"Use the word {word}."),
        "begins": (word, f"Begin with the word {word}."),
        "ends": (word, f"End with the word {word}."),
        "without": (",", "Do not use any comma."),
    }
    return texts[rule]


def _met(rule: str, argument: object, text: str) -> bool:
    found = re.findall(r"[A-Za-z0-9'-]+", text)
    plain = [word.lower() for word in found]
    if rule == "json":
        try:
            document = json.loads(text)
        except ValueError:
            return False
        return isinstance(document, dict) and sorted(document) == argument
    return {
        "lines": lambda: len([line for line in text.splitlines() if line.strip()]) == argument,
        "words": lambda: len(found) <= int(str(argument)),
        "capitals": lambda: text == text.upper() and any(one.isalpha() for one in text),
        "contains": lambda: argument in plain,
        "begins": lambda: plain[:1] == [argument],
        "ends": lambda: plain[-1:] == [argument],
        "without": lambda: str(argument) not in text,
    }[rule]()
