"""Whose a device is: each change of its owner is an event of its own in the log."""

from appliance.audit.events import kinds as events
from appliance.audit.events import spool
from appliance.audit.events.kinds import Entity, Scope, Verdict
from appliance.enclave.paths import HostPaths
from appliance.enclave.site import Site

RULE = "site.devices"


def record_owners(paths: HostPaths, before: Site | None, after: Site) -> None:
    """Record, before the site ``after`` takes effect, which devices it gives to an enclave and which it takes away."""
    had, has = before.owners if before else {}, after.owners
    scope = Scope(label=after.system_high.marking.label.encode())
    for device in sorted({*had, *has}):
        if had.get(device) == has.get(device):
            continue
        reason = f"given to {has[device]}" if device in has else f"taken from {had[device]}"
        entity, verdict = Entity(kind="device", name=device), Verdict(allowed=True, rule=RULE, reason=reason)
        event = events.configuration(scope, "host", "install", entity, verdict)
        spool.record(paths.root, event)
