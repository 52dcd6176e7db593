"""The jobs that the monitor granted: one for each request that started one, and how many calls each has left.

Kept in one small file, so that a restart gives no job more than was granted. Calls are written down in blocks before
they are made: after a restart a job has lost at most the rest of a block, and a job that the file does not name has
nothing left.
"""

from collections.abc import Callable
from pathlib import Path

import structlog
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from appliance.contract.grant import Grant, GrantError
from appliance.trust.files import replace_file

BLOCK = 64
log = structlog.get_logger()


class Granted(BaseModel):
    """A job.

    Attributes:
        request: identifier of the request that started it.
        made: calls that were made, or that are written down as made.
        expires: when the grant ends, in seconds since the epoch.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    request: str
    made: int = 0
    expires: int


_Jobs = TypeAdapter(dict[str, Granted])


class Jobs:
    """All granted jobs that have not ended.

    Args:
        file: where they are kept; none are known when it is absent or cannot be read.
        clock: seconds since the epoch.
    """

    def __init__(self, file: Path, clock: Callable[[], float]) -> None:
        self._file = file
        self._clock = clock
        self._jobs: dict[str, Granted] = {}
        try:
            self._jobs = _Jobs.validate_json(file.read_bytes())
        except FileNotFoundError:
            pass
        except (OSError, ValidationError) as error:
            log.error("the granted jobs are lost", file=str(file), problem=str(error))  # noqa: TRY400
        self._left = dict.fromkeys(self._jobs, 0)

    def add(self, grant: Grant, request: str) -> None:
        """Count ``grant`` as what ``request`` started.

        Raises:
            GrantError: the request started a job before, or there is a job of this name.
        """
        now = self._clock()
        name = _name(grant)
        known = {job: granted for job, granted in self._jobs.items() if granted.expires >= now}
        if name in known:
            raise GrantError("there is a job of this name", rule="workload.job-twice")
        if any(granted.request == request for granted in known.values()):
            raise GrantError("the request has started a job before", rule="workload.grant-twice")
        self._keep(known | {name: Granted(request=request, expires=grant.expires)})
        self._left[name] = 0

    def call(self, grant: Grant) -> None:
        """Take one of the calls of ``grant``.

        Raises:
            GrantError: none is left, or the monitor knows of no such job.
        """
        name = _name(grant)
        granted = self._jobs.get(name)
        if granted is None:
            raise GrantError("the monitor knows of no such job", rule="workload.grant-unknown")
        if self._left.get(name, 0) == 0:
            block = min(BLOCK, grant.calls - granted.made)
            if block <= 0:
                raise GrantError("the job has made all its calls", rule="workload.grant-used-up")
            self._keep(self._jobs | {name: granted.model_copy(update={"made": granted.made + block})})
            self._left[name] = block
        self._left[name] -= 1

    def _keep(self, jobs: dict[str, Granted]) -> None:
        replace_file(self._file, _Jobs.dump_json(jobs))
        self._jobs = jobs
        self._left = {name: left for name, left in self._left.items() if name in jobs}


def _name(grant: Grant) -> str:
    return f"{grant.enclave}/{grant.service}/{grant.job}"
