"""The page of all activities in the audit log, from manifests and `appliance/audit/events/activities.py`."""

from appliance.audit.events.activities import HOST_ACTIVITIES, MONITOR_ACTIVITIES, Activity
from tests.catalogue import CATALOGUE
from tests.docs.markdown import code, table

HEAD = """# Activities in the audit log

Each record names what was done as an activity. To search for one: `appliance audit show --activity evaluation.run`.

The activity of a decision about a request is the action that the access policy names: `read`, `write`, `run`,
`upgrade`, `export` or `review` ([routes](routes.md)). It is `session` for requests about sessions, and `request`
where no route matched.

Digests are `sha256:<hexadecimal>`. No record holds content of users: no prompt, no answer, no text of a task.

## By the services of an enclave

A service sends its record to the monitor and goes on when the record is durable. Each service has a socket of its own,
by which the monitor knows enclave, label and service. It takes the subject from the request's context or the job's
grant, which it made itself, and accepts only the activities below, which are those of the service's manifest
(`images/<name>/service.yml`). It refuses everything else and records that as `record.unattributed`, a finding of the
next review.

"""
SERVICES = tuple(
    Activity(one.activity, (manifest.name,), one.meaning, one.inputs, one.outputs)
    for manifest in CATALOGUE
    for one in manifest.records
)
"""What the services may record, by their manifests."""
_MONITOR = """

## By the monitor

"""
_HOST = """

## By commands and parts of the host

These go into the spool, which the monitor takes into the log as soon as it runs.

"""


def page() -> str:
    """The page."""
    return HEAD + _table(SERVICES) + _MONITOR + _table(MONITOR_ACTIVITIES) + _HOST + _table(HOST_ACTIVITIES) + "\n"


def _table(activities: tuple[Activity, ...]) -> str:
    return table(
        ["activity", "recorded by", "meaning", "inputs", "outputs"],
        (
            (code(one.name), ", ".join(map(_recorder, one.recorders)), one.meaning, one.inputs, one.outputs)
            for one in activities
        ),
    )


def _recorder(name: str) -> str:
    if name.startswith("appliance "):
        return code(name)
    return f"the {name} service" if name in CATALOGUE else f"the {name}"
