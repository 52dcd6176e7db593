"""Jobs of a service: a durable queue in its database, and the worker that runs what people put there.

Whoever holds the service's process sees which jobs wait (identifier, state, resource class, label) and nothing of them.
What a job says is in its row, which opens for a context; a worker gets one for the job's grant, from the monitor, which
looks again at the rights of the person and writes it into the log. So nothing starts without a record.
"""

from appliance.service.jobs.model import Job, State
from appliance.service.jobs.queue import CurrentQueue, NoJobError, Queue
from appliance.service.jobs.worker import Handler, JobStoppedError, Work, Worker

__all__ = [
    "CurrentQueue",
    "Handler",
    "Job",
    "JobStoppedError",
    "NoJobError",
    "Queue",
    "State",
    "Work",
    "Worker",
]
