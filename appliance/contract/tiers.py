"""Whether results reach a tier, and if not, why: a pure function of policy and item results.

`appliance model certify` asks it before a person signs and `appliance model install` again, so that no metric is
believed that was only written down.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from appliance.contract.bounds import (
    Bound,
    BoundError,
    Observation,
    Side,
    calibration_bound,
    gap_bound,
    mean_bound,
    rate_bound,
)
from appliance.contract.certification import BUNDLED, Certification, Measured, Threshold
from appliance.contract.evaluation import Results, SuiteResult

SMOKE = "smoke"
SMOKE_ITEMS = 10


@dataclass(frozen=True, slots=True)
class BoundResult:
    """What one bound of a tier came to.

    Attributes:
        measure: its name.
        threshold: what the tier demands.
        bound: what the items prove, or None when they prove nothing.
        met: whether that is enough.
        reason: in words.
    """

    measure: str
    threshold: Threshold
    bound: Bound | None
    met: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a tier is reached.

    Attributes:
        tier: its name.
        reached: whether everything was shown.
        reasons: what is missing, in words; empty when it is reached.
        findings: each bound.
        alpha: what the attempt spends.
    """

    tier: str
    reached: bool
    reasons: tuple[str, ...]
    findings: tuple[BoundResult, ...]
    alpha: float


def decide(policy: Certification, tier: str, results: Results, evidence: Mapping[str, str] | None = None) -> Decision:
    """Decide whether ``results`` reach ``tier``.

    Args:
        policy: the certification policy in force.
        tier: name of the tier.
        results: the item results.
        evidence: digests of what was presented besides, by name.

    Raises:
        CertificationError: there is no such tier, or no such attempt.
    """
    demanded, alpha = policy.effective(tier), policy.alpha(results.attempt)
    findings = tuple(
        examine(policy, measure, threshold, results, tier=tier, alpha=alpha)
        for measure, threshold in demanded.bounds.items()
    )
    reasons = [finding.reason for finding in findings if not finding.met]
    if results.tier != tier:
        reasons.append(f"the evaluation tried {results.tier}, not {tier}: its attempt was counted there")
    if results.policy != policy.digest:
        reasons.append("the evaluation was made under another certification policy")
    given = BUNDLED | set(evidence or ()) | ({SMOKE} if _answered(results) else set())
    reasons += [f"evidence: {name} is missing" for name in demanded.evidence if name not in given]
    return Decision(tier, not reasons, tuple(reasons), findings, alpha)


def examine(
    policy: Certification, measure: str, threshold: Threshold, results: Results, *, tier: str, alpha: float
) -> BoundResult:
    """What the items prove of one measure."""
    measured, short = policy.measures[measure], tier.split("-", maxsplit=1)[0]
    side: Side = "upper" if threshold.upper is not None else "lower"
    limit = percent(threshold.upper or threshold.lower or 0)
    demand = f"{short} {'allows' if side == 'upper' else 'demands'} {limit}"
    suite = next((suite for suite in results.suites if suite.suite == measured.suite), None)
    if suite is None:
        return BoundResult(measure, threshold, None, met=False, reason=f"{measure}: not measured; {demand}")
    observations = observed(suite, measured)
    try:
        bound = bound_of(measured, side, observations, alpha)
    except BoundError as error:
        why = f"{measure}: {error.message}: {error.rule}; {demand}"
        return BoundResult(measure, threshold, None, met=False, reason=why)
    reason = f"{measure}: {side} bound {percent(bound.bound)} over {bound.n} items"
    if suite.hold_out.published:
        reason += f" under the published key, {demand} and counts committed hold-outs alone"
        return BoundResult(measure, threshold, bound, met=False, reason=reason)
    if bound.n < threshold.n and threshold.meets(bound.bound):
        return BoundResult(
            measure, threshold, bound, met=False, reason=f"{reason}; {short} demands {threshold.n} items"
        )
    return BoundResult(measure, threshold, bound, met=threshold.meets(bound.bound), reason=f"{reason}, {demand}")


def bound_of(measured: Measured, side: Side, observations: list[Observation], alpha: float) -> Bound:
    """The bound of a measure on one side; a gap and a calibration error have an upper one alone.

    Raises:
        BoundError: the observations do not allow one.
    """
    if not observations:
        raise BoundError("no item has this score", rule="a bound needs items")
    if measured.kind == "gap":
        return gap_bound(observations, alpha)
    if measured.kind == "calibration":
        return calibration_bound(observations, alpha)
    return rate_bound(observations, alpha, side) if measured.kind == "rate" else mean_bound(observations, alpha, side)


def observed(suite: SuiteResult, measured: Measured) -> list[Observation]:
    """The observations of a measure among the items of a suite."""
    found = []
    for item in suite.items:
        if measured.score in item.scores:
            confidence = item.scores.get("confidence", 1.0)
            found.append(Observation(item.cluster, item.scores[measured.score], item.group, confidence))
    return found


def percent(value: float) -> str:
    """A proportion for people."""
    hundredths = 100 * value
    return f"{round(hundredths, 1):g} %" if hundredths >= 1 else f"{hundredths:.2g} %"


def _answered(results: Results) -> bool:
    return any(suite.suite == SMOKE and len(suite.items) >= SMOKE_ITEMS for suite in results.suites)
