"""Reading from a session at a higher level: a copy of what the service published, named here and sent by the gateway.

The service below is not asked and learns nothing: every byte of a request from above is a write, so none may reach it.
"""

import math
from dataclasses import dataclass, replace

from appliance.audit.review.summary import OVER_RATE
from appliance.enclave.site import Enclave
from appliance.monitor.decide.channel import Channel
from appliance.monitor.decide.decision import Decision, GatewayRequest, Person, Workload, deny
from appliance.monitor.serve.publications import Publications

NOT_PUBLISHED = "read-down.not-published"


@dataclass(frozen=True)
class Answer:
    """How a permitted read from above goes on.

    Attributes:
        decision: the permission, or why there is nothing to read now.
        file: what the gateway sends, below the enclave's folder of published pages.
        wait: in how many seconds the person can read on, where they read more than the channel allows.
    """

    decision: Decision
    file: str = ""
    wait: int = 0


class ReadDown:
    """Answers what was permitted from above.

    Args:
        publications: what may be read; nothing when None.
        channel: how much each person may read.
    """

    def __init__(self, publications: Publications | None, channel: Channel) -> None:
        self._publications = publications
        self._channel = channel

    def answer(
        self, enclave: Enclave, asked: GatewayRequest, who: Person | Workload, decision: Decision
    ) -> Answer | None:
        """The published page that ``asked`` names, within what ``who`` may choose in the time.

        Returns:
            None if it is refused anyway, or comes from no session at another level.
        """
        if not decision.allow or not isinstance(who, Person) or who.working == asked.label:
            return None
        published = self._publications
        file = published.find(enclave.name, asked.service, asked.path) if published else None
        if file is None or published is None:
            return Answer(deny(NOT_PUBLISHED, action=decision.action))
        wait = self._channel.take(who.name, published.choices(enclave.name, asked.service))
        if wait:
            return Answer(replace(deny(OVER_RATE, action=decision.action), status=503), wait=math.ceil(wait))
        return Answer(decision, file=file)
