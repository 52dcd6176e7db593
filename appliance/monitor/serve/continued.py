"""A fresh context for a job: what its person may read now, together with its enclave and the groups of the job."""

import secrets
from datetime import datetime

from appliance.contract.context import LIFETIME, Context
from appliance.contract.grant import Grant, GrantError
from appliance.enclave.site import Enclave
from appliance.monitor.decide.decision import GatewayRequest, Person, decide
from appliance.monitor.decide.policy import JOB
from appliance.monitor.in_force.current import InForce


def continued(in_force: InForce, enclave: Enclave, grant: Grant, now: datetime) -> Context:
    """The context with which the service of ``grant`` works on, for a minute, in its own database.

    The request that started the job is decided again, for the person as officers have registered them now: who may not
    start it any more has none that goes on. The context is the service's and no person's: it holds the controls and
    nationalities that person and enclave have together, and of their groups those of the job.

    Raises:
        GrantError: the person may not start this job any more.
        IdentityError: the person is not registered any more.
    """
    subject = in_force.subject(grant.subject, now)
    label = enclave.lattice
    person = Person(subject.name, subject.holds(), subject.roles, subject.groups, label)
    asked = GatewayRequest(grant.method, grant.path, "", label, enclave.obligations, now.date(), enclave.models)
    decision = decide(asked, person, in_force.policy)
    service = asked.service
    if not decision.allow or decision.action != JOB or service != grant.service or grant.label != enclave.encoded:
        raise GrantError(f"{subject.name} may not start this job any more", rule="workload.job-no-more-permitted")
    if not set(grant.groups) <= set(subject.groups):
        raise GrantError(
            f"{subject.name} is no member of a group of the job any more", rule="workload.job-no-more-permitted"
        )
    decided = in_force.policy.originator_decision(subject.name, grant.path, now.date())
    return Context(
        request=secrets.token_hex(16),
        enclave=enclave.name,
        service=service,
        method=grant.method,
        path=grant.path,
        action=JOB,
        subject=f"service:{service}",
        on_behalf_of=subject.name,
        groups=grant.groups,
        level=label.level,
        need=tuple(sorted(person.clearance.need & label.need)),
        nationalities=tuple(sorted(person.clearance.nationalities)),
        label=enclave.encoded,
        working=enclave.encoded,
        job=grant.job,
        model=grant.model,
        purpose=grant.purpose,
        originator_decision=decided.reference if decided else None,
        expires=int(now.timestamp()) + LIFETIME,
    )
