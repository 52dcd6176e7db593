"""Invented names and facts, and random valid portion marks."""

from appliance.markings import check
from workbench.markbench.item import Chance

ADJECTIVES = [
    "AMBER",
    "BRASS",
    "CEDAR",
    "DRIFT",
    "EMBER",
    "FROST",
    "GRANITE",
    "HOLLOW",
    "IVORY",
    "JUNIPER",
    "LANTERN",
    "MARBLE",
    "NIMBLE",
    "ONYX",
    "PEPPER",
    "QUARTZ",
    "RAVEN",
    "SABLE",
    "TIMBER",
    "UMBER",
]
NOUNS = [
    "ANVIL",
    "BEACON",
    "COMET",
    "DAGGER",
    "ECHO",
    "FALCON",
    "GLACIER",
    "HARBOR",
    "ISLET",
    "JACKAL",
    "KESTREL",
    "LOCKET",
    "MERLIN",
    "NEEDLE",
    "OTTER",
    "PYLON",
    "QUARRY",
    "RUDDER",
    "SPARROW",
    "TALON",
]
PLACES = [
    "Varenholt",
    "Osmere",
    "Tarkand",
    "Illyra",
    "Brenwick",
    "Solvara",
    "Dunmore-East",
    "Kestova",
    "Maridun",
    "Pelagia",
]
PARTNERS = ["AUS", "CAN", "DEU", "FRA", "GBR", "NZL"]
PROGRAMMES = ["SAR-BP", "SAR-GJ", "SAR-LT", "SAR-QF"]


def code(chance: Chance, *others: str) -> str:
    """An invented name of a unit that is none of ``others``: two units of one name would make an answer ambiguous."""
    while (unit := f"{chance.choice(ADJECTIVES)} {chance.choice(NOUNS)}") in others:
        pass
    return unit


def fact(chance: Chance, *others: str) -> tuple[str, str, str]:
    """An invented fact about a unit that is none of ``others``: unit, relay number, sentence."""
    unit, relay, place = code(chance, *others), chance.token(), chance.choice(PLACES)
    return unit, relay, f"Unit {unit} at {place} uses relay {relay}."


def portion(chance: Chance, tier: int) -> str:
    """A valid US portion mark, without parentheses."""
    for _ in range(20):
        drawn = _portion(chance, tier)
        if not check(drawn):
            return drawn
    return "U"


def _portion(chance: Chance, tier: int) -> str:
    level = chance.choice(["U", "C", "S", "TS"] if tier > 1 else ["U", "C", "S"])
    if level == "U":
        return chance.choice(["U", "U", "CUI"]) if tier > 1 else "U"
    control = f"//{chance.choice(['SI', 'TK'])}" if tier >= 2 and level == "TS" and chance.random() < 0.6 else ""
    release = _release(chance, 2 if tier < 3 else 4)
    if tier == 3 and chance.random() < 0.3:
        release = "OC" + ("/" + release if release else "")
    return level + control + ("//" + release if release else "")


def _release(chance: Chance, most: int) -> str:
    drawn = chance.random()
    if drawn < 0.35:
        return "NF"
    if drawn < 0.85:
        return "REL TO USA, " + ", ".join(sorted(chance.sample(PARTNERS, chance.randint(1, most))))
    return ""


def nato(chance: Chance, _tier: int) -> str:
    """A NATO portion mark."""
    return chance.choice(["//NR", "//NC", "//NS", "//CTS"])


def foreign(chance: Chance, _tier: int) -> str:
    """A portion with foreign government information: the other nation's own mark, or that of a US portion from it."""
    nation, level = chance.choice(PARTNERS), chance.choice(["C", "S"])
    return chance.choice(
        [f"//{nation} {level}", f"//{nation} {level}//NF", f"//{nation} {level}//REL TO USA, {nation}",
         f"{level}//FGI {nation}//NF", f"{level}//FGI {nation}//REL TO USA, {nation}"]
    )  # fmt: skip


def joint(chance: Chance, tier: int) -> str:
    """A portion that two or three nations own together."""
    nations = sorted(["USA", *chance.sample(PARTNERS, 1 if tier < 3 else chance.randint(1, 2))])
    release = ", ".join(["USA", *(nation for nation in nations if nation != "USA")])
    return f"//JOINT {chance.choice(['C', 'S'])} {' '.join(nations)}//REL TO {release}"


def special_access(chance: Chance, tier: int) -> str:
    """A portion of a special access programme."""
    level = chance.choice(["S", "TS"])
    control = "//SI" if tier > 1 and level == "TS" and chance.random() < 0.5 else ""
    return f"{level}{control}//{chance.choice(PROGRAMMES)}//NF"
