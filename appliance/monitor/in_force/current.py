"""What two officers signed, with the monitor's own keys: all that a decision rests on."""

from dataclasses import dataclass, field
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from appliance.contract.catalogue import Catalogue
from appliance.contract.context import Verifies
from appliance.enclave.site import Site
from appliance.markings import Label
from appliance.monitor.decide.identity import CertificateVerifier, Identity, IdentityError
from appliance.monitor.decide.policy import AccessPolicy
from appliance.monitor.decide.registry import Registry, Subject
from appliance.monitor.decide.renewals import Renewals


@dataclass(frozen=True)
class InForce:
    """Site, subjects and access policy in force, never changed but replaced whole.

    Attributes:
        site: the enclaves.
        registry: the subjects.
        policy: stage two of each decision.
        policy_digest: SHA-256 of the signed access policy, hexadecimal.
        authority: judges certificates.
        catalogue: the services of the current generation.
        signing_key: signs contexts; services have its public half.
        admission_keys: 32 bytes for each enclave and service, which the service's database has too, and no service.
        grant_key: the monitor's own 32 bytes.
        digest_keys: 32 bytes for each enclave, for the digests of what could be guessed.
        context_keys: verifies the contexts that services send back; None takes the public half of ``signing_key``.
        renewals: which certificates were used, and so when the overlap of a renewal ends.
    """

    site: Site
    registry: Registry
    policy: AccessPolicy
    policy_digest: str
    authority: CertificateVerifier
    catalogue: Catalogue
    signing_key: Ed25519PrivateKey
    admission_keys: dict[tuple[str, str], bytes]
    grant_key: bytes
    digest_keys: dict[str, bytes]
    context_keys: Verifies | None = None
    renewals: Renewals = field(default_factory=Renewals)

    def identify(self, certificate: str, now: datetime) -> tuple[Identity, Subject | None]:
        """Who a request's URL-escaped certificate stands for; no subject for a workload.

        Raises:
            IdentityError: the certificate does not hold, is revoked or renewed, or its subject is not registered now.
        """
        identity = self.authority.identify(certificate, now, self.registry.called)
        if identity.workload:
            return identity, None
        subject = self.subject(identity.name, now)
        if identity.serial in subject.revoked:
            raise IdentityError(
                f"the certificate of {identity.name} is revoked", rule="identity.revoked", name=identity.name
            )
        self.renewals.require_current(identity, subject, self.policy.renewal_overlap_days, now)
        return identity, subject

    def subject(self, name: str, now: datetime) -> Subject:
        """The subject ``name``, registered and not expired.

        Raises:
            IdentityError: nobody is.
        """
        subject = self.registry.find(name)
        if subject is None:
            raise IdentityError(f"{name} is not registered", rule="identity.not-registered", name=name)
        if subject.expired(now):
            raise IdentityError(
                f"the registration of {name} has expired", rule="identity.registration-expired", name=name
            )
        return subject

    def label(self, enclave: str) -> Label:
        """The label of the enclave that a workload's certificate names.

        Raises:
            IdentityError: there is no such enclave.
        """
        for known in self.site.enclaves:
            if known.name == enclave:
                return known.lattice
        raise IdentityError(f"no enclave {enclave!r}", rule="identity.workload-of-no-enclave")
