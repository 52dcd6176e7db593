"""What pages and board need of results, made once when a job ends: a hundred thousand items are not read for a page."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

from appliance.contract.certification import Certification
from appliance.contract.evaluation import HoldOut, Results
from workbench.evaluation.suites import Suite

from . import report

WORST = 3


class Part(BaseModel):
    """One suite.

    Attributes:
        suite: its name.
        sha256: digest of its definition.
        items: how many items were scored.
        complete: whether every item was asked.
        hold_out: where they come from.
        slices: its first measure by kind of item.
        worst: identifiers of items that went wrong.
    """

    model_config = ConfigDict(frozen=True)

    suite: str
    sha256: str
    items: int
    complete: bool
    hold_out: HoldOut
    slices: list[report.Slice]
    worst: list[str]


class Summary(BaseModel):
    """The results of one job without their items; see :class:`appliance.contract.evaluation.Results` for the fields."""

    model_config = ConfigDict(frozen=True, protected_namespaces=())

    model_sha256: str
    engine_image: str
    parameters: dict[str, Any]
    policy: str
    results_sha256: str
    log_sha256: str
    rows: list[report.Row]
    suites: list[Part]


def summarise(results: Results, policy: Certification, known: Mapping[str, Suite]) -> Summary:
    """What pages show of ``results`` of the suites ``known``."""
    parts = []
    for part in results.suites:
        score = report.main_score(known.get(part.suite))
        parts.append(
            Part(
                suite=part.suite,
                sha256=part.sha256,
                items=len(part.items),
                complete=part.complete,
                hold_out=part.hold_out,
                slices=report.slices(part, score, WORST) if score else [],
                worst=report.failures(part.items, WORST),
            )
        )
    return Summary(
        model_sha256=results.model.sha256,
        engine_image=results.engine_image,
        parameters=results.parameters,
        policy=results.policy,
        results_sha256=results.sha256,
        log_sha256=results.log_sha256,
        rows=report.rows(results, policy, known),
        suites=parts,
    )
