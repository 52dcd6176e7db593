"""Another major of PostgreSQL: the old image leaves what it holds, and after the switch the new one takes it over.

Both work in the container ``database`` of their own generation, as it was admitted; what the image does there is in
``images/database/carry``. The old cluster stays as it was, so whatever fails, the generation before goes on with it.
"""

import time

from appliance.audit.events import kinds as events
from appliance.audit.events import spool
from appliance.audit.events.kinds import Scope
from appliance.audit.events.text import printable
from appliance.contract.catalogue import Catalogue
from appliance.enclave.paths import HostPaths
from appliance.enclave.render import DATABASE_UID, manifests
from appliance.enclave.site import Enclave, Site
from appliance.errors import ApplianceError
from appliance.host.change import clusters
from appliance.host.change.clusters import Move
from appliance.host.enforce.podman import Podman
from appliance.monitor.in_force.statements import installed_statements

ACTIVITY = "database.upgrade"
UP = ("up", "-d", "--no-build", "--no-deps")
DOWN_SECONDS = 10.0  # longer than podman takes to start a container again


def record(paths: HostPaths, move: Move) -> None:
    """Record durably, before it begins, that the databases go to another major."""
    label = installed_statements(paths).site.system_high.marking.label.encode()
    event = events.activity(Scope(label=label), "host", ACTIVITY, detail={"from": move.old, "to": move.new})
    spool.record(paths.root, event)


def leave(paths: HostPaths, podman: Podman, site: Site, catalogue: Catalogue) -> None:
    """Have each database of the generation that runs leave its content; nothing else of the enclaves may run.

    Args:
        paths: where the appliance lives.
        podman: its store.
        site: what runs now.
        catalogue: the services of the generation that runs now.

    Raises:
        ApplianceError: one did not leave it whole; its own words are in the message.
    """
    for enclave in site.enclaves:
        keeps = any(service.database for service in manifests(enclave, catalogue))
        if not keeps or not clusters.held(paths, enclave.name):
            continue
        clusters.ask(paths, enclave.name, enclave.uids + DATABASE_UID)
        try:
            podman.compose(enclave.name, [*UP, clusters.SERVICE])
            podman.run(["wait", f"{enclave.name}-{clusters.SERVICE}"])
            if not clusters.has_left(paths, enclave.name):
                raise _refusal(podman, enclave, "did not leave what it holds")
        finally:
            clusters.forget(paths, enclave.name)
            podman.run(["rm", "--force", "--ignore", f"{enclave.name}-{clusters.SERVICE}"], check=False)


def start(podman: Podman, enclave: Enclave) -> None:
    """Start the database of ``enclave`` and wait until its cluster is made, perhaps of what another major left.

    Raises:
        ApplianceError: it stays down without one; its own words are in the message.
    """
    paths, name = podman.paths, f"{enclave.name}-{clusters.SERVICE}"
    if clusters.forget(paths, enclave.name):  # whoever asked was killed, and it may still be at it
        podman.run(["rm", "--force", "--ignore", "--time", "10", name])
    podman.compose(enclave.name, [*UP, clusters.SERVICE])
    major, ran = clusters.running_major(paths) or clusters.FIRST, time.monotonic()
    while major not in clusters.held(paths, enclave.name):
        state = podman.run(["inspect", "--format", "{{.State.Running}}", name], check=False).stdout.strip()
        if state == "true":
            ran = time.monotonic()
        elif time.monotonic() > ran + DOWN_SECONDS:
            raise _refusal(podman, enclave, "did not make its cluster")
        time.sleep(0.2)


def _refusal(podman: Podman, enclave: Enclave, what: str) -> ApplianceError:
    said = podman.run(["logs", "--tail", "20", f"{enclave.name}-{clusters.SERVICE}"], check=False)
    return ApplianceError(
        f"the database of enclave {enclave.name} {what}: {printable((said.stdout + said.stderr)[-1500:])}",
        rule="a database goes to another major of PostgreSQL whole, counted and compared, or stays where it is",
        remedy="the cluster before is as it was; correct what it says and install again",
    )
