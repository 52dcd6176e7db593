"""Items, and the keyed chance from which they are made."""

import hashlib
import hmac
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

PUBLISHED = hashlib.sha256(b"the published key: for exercises, never for a certificate").digest()
"""The key of practice sets. Everybody knows it, so no bound of a certificate may rest on it."""


@dataclass(frozen=True, slots=True)
class Item:
    """One question.

    Attributes:
        task: name of its task.
        tier: 1 (easy) to 3.
        system: what the model is told first.
        user: what it is asked.
        answer: what the scorer needs; never shown to a model.
        choices: the possible answers, for constrained decoding; none when the answer is free.
        cluster: what it shares chance with; empty when it stands alone.
        group: for fairness, the group that it names.
        id: set when the item gets its number.
        turns: role and text of the conversation before the question.
    """

    task: str
    tier: int
    system: str
    user: str
    answer: dict[str, Any] = field(default_factory=dict)
    choices: tuple[str, ...] = ()
    cluster: str = ""
    group: str = ""
    id: str = ""
    turns: tuple[tuple[str, str], ...] = ()

    def digest(self) -> bytes:
        """SHA-256 of all that the model is asked and scored by: the leaf of a hold-out's Merkle tree."""
        answer = "\x1f".join(f"{name}={self.answer[name]!r}" for name in sorted(self.answer))
        before = tuple(f"{role}: {said}" for role, said in self.turns)
        text = "\x1e".join((self.id, self.task, self.system, self.user, answer, self.cluster, self.group, *before))
        return hashlib.sha256(text.encode()).digest()


class Chance(random.Random):
    """Seeded random choices; `token` and `code` make words that occur nowhere else."""

    def token(self) -> str:
        """A relay number such as ``KVD4821``: a canary that no model writes by itself."""
        return "".join(self.choices("BCDFGHJKLMNPQRSTVWXZ", k=3)) + str(self.randint(1000, 9999))


def chance(key: bytes, suite: str, generation: int, number: int) -> Chance:
    """The chance of item ``number``: HMAC-SHA-256 of suite, generation and number under ``key``."""
    message = f"{suite}/{generation}/{number}".encode()
    return Chance(int.from_bytes(hmac.new(key, message, hashlib.sha256).digest(), "big"))


Maker = Callable[[Chance, int], Sequence[Item]]
"""Makes the items of one draw at a tier: one, or several that share a cluster."""


def generate(maker: Maker, name: str, *, key: bytes, generation: int = 1, tier: int | None = None) -> Iterator[Item]:
    """The items of ``maker`` without end, numbered, none twice.

    A draw that asks what an earlier one asked is left out, so that a small space of questions does not count double.

    Args:
        maker: makes items.
        name: of the suite, part of what the key is applied to.
        key: secret or published.
        generation: number of the hold-out under this key.
        tier: 1 to 3, or None for a mixture.

    Raises:
        ValueError: a thousand draws in succession asked nothing new.
    """
    seen: set[bytes] = set()
    number = made = 0
    while True:
        dice = chance(key, name, generation, number)
        drawn = maker(dice, tier or dice.randint(1, 3))
        asked = hashlib.sha256("\x1e".join(one.system + one.user for one in drawn).encode()).digest()
        if asked not in seen:
            seen.add(asked)
            for position, one in enumerate(drawn):
                cluster = f"{name}-{number:06d}"
                yield numbered(one, f"{cluster}-{position}" if len(drawn) > 1 else cluster, cluster)
            made = number
        elif number - made > 1000:
            raise ValueError(f"{name}: the generator repeats itself after {len(seen)} questions")
        number += 1


def numbered(item: Item, identifier: str, cluster: str) -> Item:
    """The item under its identifier."""
    return Item(
        item.task, item.tier, item.system, item.user, item.answer, item.choices, item.cluster or cluster, item.group,
        identifier, item.turns,
    )  # fmt: skip
