"""Checks of the monitor and of the audit log."""

from datetime import timedelta

from appliance.audit.log.storage import Storage
from appliance.audit.review.query import lines
from appliance.audit.review.summary import last_review, unreviewed_break_glass
from appliance.host.report.evidence.checks.looking import Found, Host, holds, nothing
from appliance.host.report.evidence.controls import State
from appliance.host.state import clock


def refusal(host: Host) -> Found:
    """A stranger asks, is refused, and the log has it."""
    refused = host.refused
    record = f"record {refused.record.index}" if refused.record else "no record of it"
    told = f"a stranger asked the gateway of {refused.enclave} and got {refused.status}; {record}"
    return holds(refused.holds, told)


def statements(host: Host) -> Found:
    """Site, subjects and access rules have their signatures, and the log names the rules that decide."""
    told = ", ".join(f"{kind} version {host.statements.version(kind)}" for kind in ("site", "subjects", "access"))
    digest = f"sha256:{host.statements.policy_digest}".encode()
    recorded = any(digest in line for line in lines(host.log_folder))
    words = "the log names the access rules" if recorded else "the log does not name the access rules"
    return holds(recorded, f"signed by two officers and verified now: {told}; {words}")


def log(host: Host) -> Found:
    """The whole log is what was signed, and nothing else lies beside it."""
    wrong = [f"{finding.file}: {finding.problem}" for finding in host.log.findings]
    return nothing(wrong, f"{host.log.size} records recomputed up to the signature, root {host.log.root}")


def storage(host: Host) -> Found:
    """The log has room."""
    return holds(host.state.storage is Storage.GOOD, f"the disk of the log: {host.state.storage}")


def review(host: Host) -> Found:
    """The officers' quorum cosigned within seven days."""
    if host.policy is None:
        return State.NOT_SATISFIED, "no policy says who must cosign: appliance audit policy"
    when = f"{host.state.reviewed:%Y-%m-%d}" if host.state.reviewed else "never"
    good = host.state.reviewed is not None and not host.state.overdue
    return holds(good, f"the quorum {host.policy.quorum} cosigned last: {when}; {host.state.unreviewed} records since")


def anchor(host: Host) -> Found:
    """The log's commitment left the host within a day."""
    when = f"{host.state.anchored:%Y-%m-%d %H:%M} UTC" if host.state.anchored else "never"
    good = host.state.anchored is not None and not host.state.anchor_due
    return holds(good, f"last anchor: {when}; {host.state.unanchored} records since")


def break_glass(host: Host) -> Found:
    """Each use of break-glass has an officer's note, or none was made."""
    last = last_review(host.log_folder, host.policy) if host.policy else None
    without = unreviewed_break_glass(host.log_folder, last.checkpoint.size if last else 0, host.state.size)
    return nothing([f"record {index} waits for a note" for index in without], "no use waits for a note")


def time(host: Host) -> Found:
    """The clock is not behind what the log and the officers say."""
    latest = clock.latest(host.log_folder)
    told = f"the greatest time that is known is {latest:%Y-%m-%d %H:%M} UTC, the host's clock {host.now:%Y-%m-%d %H:%M}"
    return holds(latest - host.now < timedelta(minutes=10), told)
