"""Keys of hold-outs: two custodians enter a half each, for one job; both live in this process's memory alone.

The commitments enter the audit log when the second half arrives, before any model is asked under the key, and the
exposure of a hold-out to a model before the first request. After one job the key is forgotten, and that generation is
burnt for the model. Then the two may publish the key: anybody makes the items again and scores the answers again.
"""

import ctypes
import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from appliance.errors import ApplianceError
from appliance.service.monitor import MonitorClient
from workbench.evaluation import holdout, suites

PR_SET_DUMPABLE = 4
RULE = "two custodians, who are neither evaluator nor model owner, hold half a key each"


class Half(BaseModel):
    """What a custodian enters.

    Attributes:
        generation: number of the hold-out.
        half: 32 bytes in hexadecimal.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    generation: Annotated[int, Field(ge=1, le=10**9)]
    half: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


@dataclass
class _Holding:
    halves: dict[str, bytes]
    committed: bool = False


def undumpable() -> None:
    """Let no other process of this user read this one's memory, and the kernel write no core of it (prctl(2))."""
    ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)


class Custody:
    """The keys that custodians entered, and the hold-outs that are used up.

    Args:
        ledger: file of the exposures, so that a restart forgets none.
        monitor: for records.
    """

    def __init__(self, ledger: Path, monitor: MonitorClient) -> None:
        self._ledger = ledger
        self._monitor = monitor
        self._keys = ledger.with_name("published-keys.json")
        self._holdings: dict[int, _Holding] = {}
        self._parting: dict[int, dict[str, bytes]] = {}
        undumpable()

    async def enter(self, half: Half, custodian: str, context: str) -> list[str]:
        """Take a half; with the second one commit to every suite. Return the custodians who have entered.

        Raises:
            ApplianceError: the generation is used up, both halves are one person's, or nothing could be recorded.
        """
        if any(generation == half.generation for generation, _ in self._exposed()):
            raise ApplianceError(
                f"generation {half.generation} is used up", rule="a hold-out is used once", remedy="take another number"
            )
        holding = self._holdings.setdefault(half.generation, _Holding({}))
        if holding.committed:
            raise ApplianceError(f"generation {half.generation} has both halves", rule=RULE)
        entered = {**holding.halves, custodian: bytes.fromhex(half.half)}
        if len(entered) == 2:
            key = self._whole(half.generation, list(entered.values()))
            await self._monitor.record(
                "holdout.commit",
                context,
                outputs=[f"sha256:{one}" for one in commitments(key, half.generation).values()],
                detail={"generation": half.generation, "custodians": sorted(entered)},
            )
            holding.committed = True
        holding.halves = entered
        return sorted(entered)

    def check(self, generation: int, evaluator: str, model_sha256: str = "") -> None:
        """Refuse a job that may not use a hold-out.

        Raises:
            ApplianceError: its key is not there, the evaluator is a custodian, or the model has seen it.
        """
        if model_sha256 and (generation, model_sha256) in self._exposed():
            raise ApplianceError(
                f"generation {generation} is burnt for this model",
                rule="a model sees a hold-out once: who asks again knows it",
                remedy="have two custodians enter a new generation",
            )
        holding = self._holdings.get(generation)
        if holding is None or not holding.committed:
            raise ApplianceError(
                f"the key of generation {generation} has not been entered", rule=RULE,
                remedy="two custodians enter their halves on the page of hold-outs",
            )  # fmt: skip
        if evaluator in holding.halves:
            raise ApplianceError(f"{evaluator} is a custodian of generation {generation}", rule=RULE)

    async def expose(self, generation: int, model_sha256: str, job: str, grant: str) -> bytes:
        """Record that a model is about to see a hold-out, and give its key to the one job.

        Raises:
            ApplianceError: nothing could be recorded, or the model has seen it.
        """
        holding = self._holdings[generation]
        key = holdout.combine(list(holding.halves.values()))
        earlier = (generation, model_sha256, job)
        if earlier not in self._lines():
            if (generation, model_sha256) in self._exposed():
                raise ApplianceError(f"generation {generation} is burnt for this model", rule="a hold-out is used once")
            await self._monitor.record(
                "holdout.expose",
                grant=grant,
                inputs=[f"sha256:{model_sha256}", *(f"sha256:{c}" for c in commitments(key, generation).values())],
                detail={"generation": generation},
            )
            with self._ledger.open("a") as file:
                file.write(json.dumps(earlier) + "\n")
        return key

    async def publish(self, half: Half, custodian: str, context: str, committed: Collection[str]) -> bool:
        """Take a half of a burnt hold-out's key; with the second one publish it. Return whether it is published now.

        Args:
            half: the half.
            custodian: who enters it.
            context: of the request.
            committed: the commitments that results under this hold-out name.

        Raises:
            ApplianceError: the hold-out is not burnt, the key is another one, or nothing could be recorded.
        """
        if half.generation in self._holdings or not any(half.generation == one for one, _ in self._exposed()):
            raise ApplianceError(
                f"generation {half.generation} is not burnt", rule="a key is published after its hold-out was used",
                remedy="wait until the job under it has ended",
            )  # fmt: skip
        entered = {**self._parting.get(half.generation, {}), custodian: bytes.fromhex(half.half)}
        if len(entered) == 2:
            key = self._whole(half.generation, list(entered.values()))
            made = commitments(key, half.generation)
            if not committed or not set(committed) <= set(made.values()):
                self._parting.pop(half.generation, None)
                raise ApplianceError(
                    f"generation {half.generation}: these halves are not the key that was committed",
                    rule="a key is what its commitment says", remedy="enter both halves again",
                )  # fmt: skip
            await self._monitor.record(
                "holdout.publish", context, outputs=[f"sha256:{one}" for one in made.values()],
                detail={"generation": half.generation, "custodians": sorted(entered)},
            )  # fmt: skip
            self._keep(self.published() | {half.generation: key.hex()})
            self._parting.pop(half.generation, None)
            return True
        self._parting[half.generation] = entered
        return False

    def published(self) -> dict[int, str]:
        """The keys that were published, in hexadecimal, by generation."""
        try:
            return {int(number): key for number, key in json.loads(self._keys.read_bytes()).items()}
        except FileNotFoundError:
            return {}

    def burnt(self) -> dict[int, list[str]]:
        """The jobs of each hold-out that is used up and whose job has ended."""
        found: dict[int, list[str]] = {}
        for generation, _, job in self._lines():
            if generation not in self._holdings:
                found.setdefault(generation, []).append(job)
        return found

    def _keep(self, keys: dict[int, str]) -> None:
        temporary = self._keys.with_suffix(".new")
        temporary.write_text(json.dumps(keys))
        temporary.rename(self._keys)

    @staticmethod
    def _whole(generation: int, halves: list[bytes]) -> bytes:
        try:
            return holdout.combine(halves)
        except ValueError as error:
            raise ApplianceError(f"generation {generation}: {error}", rule=RULE) from error

    def forget(self, generation: int) -> None:
        """Forget a key: its job ended."""
        self._holdings.pop(generation, None)

    def entered(self) -> dict[int, list[str]]:
        """The generations whose halves are here, with who entered them."""
        return {number: sorted(holding.halves) for number, holding in sorted(self._holdings.items())}

    def _lines(self) -> list[tuple[int, str, str]]:
        if not self._ledger.exists():
            return []
        return [tuple(json.loads(line)) for line in self._ledger.read_text().splitlines()]

    def _exposed(self) -> set[tuple[int, str]]:
        return {(generation, model) for generation, model, _ in self._lines()}


def commitments(key: bytes, generation: int) -> dict[str, str]:
    """The commitment of every suite."""
    return {name: holdout.commitment(key, name, generation) for name in suites.standard()}
