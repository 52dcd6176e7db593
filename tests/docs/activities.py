"""The page of all activities in the audit log, from the list in `appliance/audit/activities.py`."""

from appliance.audit.activities import HOST_ACTIVITIES, MONITOR_ACTIVITIES, SERVICE_ACTIVITIES, Activity
from appliance.enclave.site import SERVICES
from tests.docs.markdown import code, table

HEAD = """# Activities in the audit log

Each record names what was done as an activity. To search for one: `appliance audit show --activity evaluation.run`.

The activity of a decision about a request is the action that the access policy names: `read`, `write`, `run`,
`upgrade`, `export` or `review` ([routes](routes.md)). It is `session` for requests about sessions, and `request`
where no route matched.

Digests are `sha256:<hexadecimal>`. No record holds content of users: no prompt, no answer, no text of a task.

## By the services of an enclave

A service sends its record to the monitor and goes on when the record is durable. The monitor adds enclave and label
by the socket on which the record came, so that a service cannot speak for another enclave. The activity is the
service's own word: the monitor does not check it against this list.

"""
_MONITOR = """

## By the monitor

"""
_HOST = """

## By commands and parts of the host

These go into the spool, which the monitor takes into the log as soon as it runs.

"""


def page() -> str:
    """The page."""
    return (
        HEAD
        + _table(SERVICE_ACTIVITIES)
        + _MONITOR
        + _table(MONITOR_ACTIVITIES)
        + _HOST
        + _table(HOST_ACTIVITIES)
        + "\n"
    )


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
    return f"the {name} service" if name in SERVICES else f"the {name}"
