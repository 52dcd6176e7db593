"""What was decided at a point of admission, for the log."""

from appliance.audit.events import kinds as events
from appliance.audit.events import spool
from appliance.audit.events.kinds import Entity, Scope, Verdict
from appliance.audit.events.text import printable
from appliance.enclave.paths import HostPaths
from appliance.monitor.in_force.statements import installed_statements


def record_decision(paths: HostPaths, name: str, rule: str, reasons: list[str], *, allowed: bool = False) -> None:
    """Append a decision, with its reasons, to the spool, which the monitor takes into the log.

    Args:
        paths: where the appliance lives.
        name: the container or command that it is about.
        rule: ``admission.differs-from-generation``, ``admission.network``, ``admission.command`` or the like.
        reasons: what differed.
        allowed: whether it may happen.
    """
    site = installed_statements(paths).site
    scope = Scope(label=site.system_high.marking.label.encode())
    verdict = Verdict(allowed=allowed, rule=rule, reason=printable("; ".join(reasons), 4000))
    shown = printable(name, 200)
    event = events.admission(scope, shown, Entity(kind="container", name=shown), verdict)
    spool.record(paths.root, event)
