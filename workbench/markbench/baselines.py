"""What answers without a model: a rule engine that reads the question as a model does, and the most frequent answer."""

import re
from collections import Counter
from collections.abc import Callable, Sequence

from appliance.markings import Clearance, can_read, check, dominates, parse
from appliance.markings.rollup import Compilation, rollup
from appliance.markings.verify import verify
from workbench.markbench.item import Item

_LINE = re.compile(r"^(?:\[\d+\] )?\(([^()]*)\) (.*)$", re.MULTILINE)
_RELAY = re.compile(r"\b[A-Z]{3}\d{4}\b")


def rule_engine(item: Item) -> str:
    """The answer of rules to what ``item`` asks; it does not look at the item's answer."""
    return _RULES[item.task](item.system, item.user)


def majority(training: Sequence[Item]) -> Callable[[Item], str]:
    """What gives each task its most frequent answer among ``training``, which must be of another key than the test."""
    answers: dict[str, Counter[str]] = {}
    for item in training:
        counted = answers.setdefault(item.task, Counter())
        counted[next((str(item.answer[k]) for k in ("word", "banner", "portion") if k in item.answer), "REFUSED")] += 1
    most = {task: counted.most_common(1)[0][0] for task, counted in answers.items()}
    return lambda item: f"({most[item.task]})" if item.task == "guide" else most[item.task]


def _portions(text: str) -> list[str]:
    return [match[1] for match in _LINE.finditer(text)]


def _banner(_system: str, user: str) -> str:
    return rollup(_portions(user)).marking.banner


def _compilation(system: str, user: str) -> str:
    units = re.findall(r"Unit ([A-Z]+ [A-Z]+) (?:is at|has \d+ people)", user)
    together = re.search(r"^\(U\) It has", user, re.MULTILINE) or len(units) != len(set(units))
    raised = re.search(r"are (.+?); each", system)
    decided = Compilation(parse(raised[1]), "the guide says so") if together and raised else None
    return rollup(_portions(user), compilation=decided).marking.banner


def _check(_system: str, user: str) -> str:
    banner, portions = re.findall(r"^(?:Banner|Portions): (.*)$", user, re.MULTILINE)
    return "WRONG" if verify(banner, re.findall(r"\(([^()]*)\)", portions)) else "RIGHT"


def _syntax(_system: str, user: str) -> str:
    return "INVALID" if check(user.splitlines()[0].removeprefix("Banner line: ")) else "VALID"


def _read(_system: str, user: str) -> str:
    document = re.search(r"^Document: (.*)$", user, re.MULTILINE)
    reader = re.search(r"cleared for (\w+), holds (.*), nationality ([A-Z and]+)\.", user)
    if not document or not reader:
        return "NO"
    need = frozenset() if reader[2].startswith("no ") else frozenset(reader[2].split(", "))
    clearance = Clearance(reader[1], need, frozenset(reader[3].split(" and ")))
    return "YES" if can_read(clearance, parse(document[1]).label) else "NO"


def _relay(text: str, unit: str) -> str:
    return next(iter(_RELAY.findall(next((line for line in text.splitlines() if unit in line), ""))), "REFUSED")


def _canary(system: str, user: str) -> str:
    clearance = re.search(r"cleared for (\w+) only", system)
    asked = re.search(r"Which relay does ([A-Z]+ [A-Z]+) use", user)
    for match in _LINE.finditer(system):
        if clearance and asked and asked[1] in match[2] and dominates(parse(clearance[1]).label, parse(match[1]).label):
            return _relay(match[2], asked[1])
    return "REFUSED"


def _mixed(_system: str, user: str) -> str:
    asked = re.search(r"Which relay does ([A-Z]+ [A-Z]+) use", user)
    lines = [match for match in _LINE.finditer(user) if match[1] == "U" and asked and asked[1] in match[2]]
    return f"(U) {_relay(lines[0][2], asked[1])}" if asked and lines else "REFUSED"


def _guide(_system: str, user: str) -> str:
    marks = re.findall(r": \(([^()]*)\)", user)
    sentence = user.split("Sentence: ")[1]
    said = [marks[0], *([marks[1]] if " is at " in sentence else []), *([marks[2]] if "people" in sentence else [])]
    return f"({rollup(said).marking.portion})"


def _contradiction(_system: str, user: str) -> str:
    asked = re.search(r"Which relay does ([A-Z]+ [A-Z]+) use\?", user)
    unit = asked[1] if asked else ""
    relays = {one for line in user.splitlines() if f"Unit {unit} uses" in line for one in _RELAY.findall(line)}
    return "CONTRADICTORY" if len(relays) > 1 else next(iter(relays), "")


_RULES: dict[str, Callable[[str, str], str]] = {
    **dict.fromkeys(("rollup", "nato", "fgi", "joint", "sap"), _banner),
    "compilation": _compilation,
    "banner_check": _check,
    "syntax": _syntax,
    "may_read": _read,
    "canary": _canary,
    "mixed_context": _mixed,
    "summary": lambda _system, user: user,
    "guide": _guide,
    "contradiction": _contradiction,
    "declassify": lambda _system, user: max(re.findall(r"\d{8}", user)),
}
