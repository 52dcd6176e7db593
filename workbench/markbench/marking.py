"""Tasks about markings: banner of a document, its check, syntax, and the special cases of roll-up."""

import re
from collections.abc import Callable, Sequence

from appliance.markings import check, parse
from appliance.markings.rollup import Compilation, rollup
from appliance.markings.verify import verify
from workbench.markbench import words
from workbench.markbench.item import Chance, Item

SIZE = {1: 2, 2: 3, 3: 5}
MARK = "You mark documents under DoDM 5200.01. Answer with the banner line alone."
QUESTION = "\nWhat is the banner line of this document?"


def roll_up(chance: Chance, tier: int) -> Sequence[Item]:
    """The banner of a document with US portions."""
    return [_banner_of(chance, tier, "rollup", [words.portion(chance, tier) for _ in range(SIZE[tier])])]


def nato(chance: Chance, tier: int) -> Sequence[Item]:
    """The banner of a document that includes NATO information."""
    return [_special(chance, tier, "nato", words.nato)]


def foreign(chance: Chance, tier: int) -> Sequence[Item]:
    """The banner of a document that includes foreign government information."""
    return [_special(chance, tier, "fgi", words.foreign)]


def joint(chance: Chance, tier: int) -> Sequence[Item]:
    """The banner of a document that includes jointly owned information."""
    return [_special(chance, tier, "joint", words.joint)]


def special_access(chance: Chance, tier: int) -> Sequence[Item]:
    """The banner of a document that includes special access programmes."""
    return [_special(chance, tier, "sap", words.special_access)]


def compilation(chance: Chance, tier: int) -> Sequence[Item]:
    """The banner of a document whose guide says that facts are more sensitive together than alone."""
    unit, place, people = words.code(chance), chance.choice(words.PLACES), chance.randint(20, 900)
    raised = chance.choice(["C//NF", "S//NF"] if tier == 1 else ["C//NF", "S//NF", "TS//SI//NF"])
    together = chance.random() < 0.5
    lines = [f"(U) Unit {unit} is at {place}.", f"(U) It has {people} people."]
    if not together:
        lines[1] = f"(U) Unit {words.code(chance, unit)} has {people} people."
    lines += [f"({words.portion(chance, 1)}) {words.fact(chance, unit)[2]}" for _ in range(tier - 1)]
    marks = [line[1 : line.index(")")] for line in lines]
    reason = "the place and the strength of one unit together"
    decided = Compilation(parse(raised), reason) if together else None
    system = f"{MARK} The guide says: {reason} are {parse(raised).banner}; each alone is as its portion mark says."
    banner = rollup(marks, compilation=decided).marking.banner
    return [Item("compilation", tier, system, "\n".join(lines) + QUESTION, {"banner": banner})]


def banner_check(chance: Chance, tier: int) -> Sequence[Item]:
    """Whether a banner is what the portions demand."""
    portions = [words.portion(chance, tier) for _ in range(3)]
    banner = rollup(portions).marking.banner
    if chance.random() < 0.5:
        for _ in range(50):
            others = [words.portion(chance, tier) for _ in range(3)] if chance.random() < 0.3 else portions[:-1]
            banner = rollup(others).marking.banner
            if verify(banner, portions):
                break
    user = f"Banner: {banner}\nPortions: {'; '.join(f'({mark})' for mark in portions)}\nIs the banner right?"
    word = "WRONG" if verify(banner, portions) else "RIGHT"
    system = "You check the banner of documents. Answer with RIGHT or WRONG."
    return [Item("banner_check", tier, system, user, {"word": word}, ("RIGHT", "WRONG"))]


_MISTAKES: tuple[Callable[[str], str], ...] = (
    lambda text: text.replace("NOFORN", "NF"),
    lambda text: text.replace("USA, ", ""),
    lambda text: text.replace("//", "/", 1),
    str.lower,
    lambda text: text.replace("SECRET", "S", 1),
    lambda text: re.sub(r"USA, (\w+)", r"\1, USA", text),
    lambda text: text + "//NOFORN",
)


def syntax(chance: Chance, tier: int) -> Sequence[Item]:
    """Whether a banner line is well formed."""
    kinds = [words.portion, words.nato, words.foreign, words.joint, words.special_access]
    second = chance.choice(kinds) if tier > 1 else words.portion
    good = banner = rollup([words.portion(chance, tier), second(chance, tier)]).marking.banner
    if chance.random() < 0.5:
        for _ in range(50):
            banner = chance.choice(_MISTAKES)(good)
            if banner != good and check(banner):
                break
            banner = good
    word = "INVALID" if check(banner) else "VALID"
    system = "You check classification markings. Answer with VALID or INVALID."
    return [
        Item("syntax", tier, system, f"Banner line: {banner}\nIs it well formed?", {"word": word}, ("VALID", "INVALID"))
    ]


def _special(chance: Chance, tier: int, task: str, mark: Callable[[Chance, int], str]) -> Item:
    special = 1 if tier < 3 else 2
    portions = [mark(chance, tier) for _ in range(special)]
    portions += [words.portion(chance, tier) for _ in range(SIZE[tier] - special)]
    chance.shuffle(portions)
    return _banner_of(chance, tier, task, portions)


def _banner_of(chance: Chance, tier: int, task: str, portions: Sequence[str]) -> Item:
    text = "\n".join(f"({mark}) {words.fact(chance)[2]}" for mark in portions)
    return Item(task, tier, MARK, text + QUESTION, {"banner": rollup(portions).marking.banner})
