"""What an installation leaves on a host, made of real signed files: statements, certificates, keys, log, metadata."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from appliance.enclave.paths import CATALOGUE as CATALOGUE_FILE
from appliance.enclave.render import Images, manifests
from appliance.host.state import generation
from appliance.host.state.generation import Facts
from appliance.trust.certificates import issue_client, issue_server
from appliance.trust.keys import host_key
from appliance.trust.repository.client import read_repository, remember
from tests.catalogue import CATALOGUE
from tests.unit.bundle.sample import make_keys, sign
from tests.unit.monitor.gateway import SUBJECTS, Rig

BUNDLE = "1-sample"


class Host(Rig):
    """A host that runs generation 1 of a bundle without targets.

    Args:
        folder: empty; the state lies in ``folder/root``.
    """

    subjects = SUBJECTS

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        super().__init__(folder)
        self._stage()
        self._certify()
        host_key(self.paths.root / "secrets" / "host.pem", demo=True)
        self.policy = self.paths.root / "bundle" / BUNDLE / "targets" / "policies" / "calendar.yml"
        self.policy.parent.mkdir(parents=True)

    def _stage(self) -> None:
        """Put the site where a generation has it, and the metadata of its bundle where a host has them."""
        root = self.paths.root
        keys = self.makers = make_keys(self.folder / "keys")
        bundle = root / "bundle" / BUNDLE
        bundle.mkdir(parents=True)
        now = datetime.now(UTC).replace(microsecond=0)
        sign(bundle, {}, keys, created=now, expires=now + timedelta(days=365))
        remember(read_repository(bundle / "metadata", keys.fingerprint), root / "trusted" / "tuf")
        facts = Facts(BUNDLE, keys.fingerprint, Images({}, {}, {}, {}), {}, "1" * 64)
        for kind in ("subjects", "access"):  # a generation has the site alone; these are in the registries
            (root / "current" / "site" / f"{kind}.dsse.json").unlink()
        first = root / "generations" / "1"
        first.parent.mkdir()
        (root / "current").rename(first)
        (first / generation.FACTS).write_bytes(facts.encode())
        (first / CATALOGUE_FILE).write_bytes(CATALOGUE.encode())
        generation.switch(self.paths, first)
        generation.mark_healthy(first)

    def _certify(self) -> None:
        """Issue the certificates of the gateways and of the services that call others."""
        for enclave in self.site.enclaves:
            folder = self.paths.certificates / enclave.name
            issue_server(self.issuer, enclave.hostname, enclave=enclave.name).write(folder, "gateway")
            for service in manifests(enclave, CATALOGUE):
                if service.workload:
                    issued = issue_client(self.issuer, f"service:{service.name}", organisation=enclave.name)
                    issued.write(folder, service.name)
