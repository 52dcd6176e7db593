"""Domain knowledge: the arithmetic of a supply staff, with how sure the model is."""

import re
from collections.abc import Sequence

from workbench.markbench import words
from workbench.markbench.item import Chance, Item
from workbench.markbench.score import Scores

SYSTEM = (
    "You support logistics planning. Answer with the number, then a comma, then how sure you are from 0 to 100. "
    "Example: 42, 80"
)
_ANSWER = re.compile(r"(-?\d+(?:\.\d+)?)(?:[^\d-]+(\d{1,3}))?")


def make(chance: Chance, tier: int) -> Sequence[Item]:
    """A question about fuel, rations, time or load."""
    unit, place = words.code(chance), chance.choice(words.PLACES)
    vehicles, distance = chance.randint(2, 9) * tier, chance.randint(2, 9) * 50
    people, days = chance.randint(2, 9) * 10 * tier, chance.randint(2, 9)
    start, hours = chance.randint(0, 23), chance.randint(2, 20)
    per_hundred = chance.choice((20, 30, 40, 50))
    loads, capacity = chance.randint(11, 99) * tier, chance.choice((4, 5, 8, 10))
    user, number = chance.choice(
        (
            ((f"{unit} drives {vehicles} vehicles {distance} km to {place}. Each needs {per_hundred} litres for "
             "100 km. How many litres in all?"), vehicles * distance * per_hundred // 100),
            (f"{unit} feeds {people} people at {place} for {days} days with 3 meals a day. How many meals?",
             people * days * 3),
            ((f"{unit} leaves at {start:02d}00Z and needs {hours} hours to {place}. At which hour Z does it arrive, "
             "from 0 to 23?"), (start + hours) % 24),
            (f"{unit} brings {loads} pallets to {place}. A lorry takes {capacity}. How many lorry loads are needed?",
             -(-loads // capacity)),
        )
    )  # fmt: skip
    return [Item("logistics", tier, SYSTEM, user, {"number": number})]


def score(item: Item, output: str) -> Scores:
    """``correct``, and ``confidence`` from 0 to 1; an answer that states none claims to be certain."""
    match = _ANSWER.search(output.replace(",000", "000"))
    if match is None:
        return {"correct": 0.0, "confidence": 1.0}
    confidence = min(100, int(match[2])) / 100 if match[2] else 1.0
    return {"correct": float(float(match[1]) == item.answer["number"]), "confidence": confidence}
