"""What the admission hook refused, for the log."""

import os

from appliance.audit import events, spool
from appliance.audit.events import Entity, Scope, Verdict
from appliance.audit.text import printable
from appliance.enclave.render import HostPaths
from appliance.monitor.statements import installed_statements


def record_refusal(paths: HostPaths, container: str, reasons: list[str]) -> None:
    """Append a refused container, with the reasons, to the spool, which the monitor takes into the log."""
    site = installed_statements(paths).site
    scope = Scope(label=site.system_high.marking.label.encode())
    reason = printable("; ".join(reasons), 4000)
    verdict = Verdict(allowed=False, rule="admission.differs-from-generation", reason=reason)
    name = printable(container, 200)
    event = events.admission(scope, name, Entity(kind="container", name=name), verdict)
    spool.append(os.fspath(paths.root / "spool"), event.record()[1])
