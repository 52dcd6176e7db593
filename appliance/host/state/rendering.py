"""From a verified bundle and signed statements to the files of a generation. Pure: nothing is written."""

import hashlib
import json
from pathlib import Path

from appliance.contract.catalogue import TARGET, Catalogue, no_catalogue, read_catalogue
from appliance.contract.manifest import Manifest
from appliance.enclave import admission, database, render
from appliance.enclave.paths import CATALOGUE, HostPaths
from appliance.enclave.render import Bound, Images, manifests
from appliance.enclave.site import Enclave, Site, check_services
from appliance.errors import ApplianceError
from appliance.host.state.generation import FACTS, Facts
from appliance.markings import dominates
from appliance.trust.officers import load_officers


def read_images(layout: Path) -> Images:
    """The images of a verified OCI layout, with the references that they have in podman's store."""
    index = json.loads((layout / "index.json").read_bytes())
    digests = {
        entry["annotations"]["org.opencontainers.image.ref.name"]: entry["digest"]
        for entry in index["manifests"]
        if "org.opencontainers.image.ref.name" in entry.get("annotations", {})
    }
    blobs = layout / "blobs" / "sha256"
    identifiers, configs = {}, {}
    for name, digest in digests.items():
        manifest = json.loads((blobs / digest.removeprefix("sha256:")).read_bytes())
        identifiers[name] = manifest["config"]["digest"].removeprefix("sha256:")
        configs[name] = json.loads((blobs / identifiers[name]).read_bytes())["config"]
    references = {name: f"localhost/appliance/{name}:{identifier[:12]}" for name, identifier in identifiers.items()}
    return Images(references, digests, identifiers, configs)


def read_facts(bundle: Path, policy: str) -> Facts:
    """The facts of a generation of the verified bundle in the folder ``bundle``.

    Args:
        bundle: the staged bundle.
        policy: SHA-256 of the signed access policy.
    """
    targets = json.loads((bundle / "metadata" / "targets.json").read_bytes())["signed"]["targets"]
    models = {Path(path).stem: target for path, target in targets.items() if path.endswith(".gguf")}
    return Facts(
        bundle=bundle.name,
        root_fingerprint=hashlib.sha256((bundle / "metadata" / "1.root.json").read_bytes()).hexdigest(),
        images=read_images(bundle / "targets" / "images"),
        models={name: target["hashes"]["sha256"] for name, target in models.items()},
        policy=policy,
    )


def offered_catalogue(bundle: Path) -> Catalogue:
    """The catalogue of the verified bundle in the folder ``bundle``.

    Raises:
        ApplianceError: it has none.
    """
    file = bundle / "targets" / TARGET
    try:
        return read_catalogue(file.read_bytes(), TARGET)
    except FileNotFoundError as error:
        raise no_catalogue(bundle) from error


def render_generation(  # one value each
    paths: HostPaths, facts: Facts, site: Site, catalogue: Catalogue, folder: Path, log_key: str
) -> dict[str, bytes]:
    """All files of a generation, by relative path.

    Args:
        paths: where the appliance lives on this host.
        facts: what runs.
        site: the signed site.
        catalogue: all services of the bundle.
        folder: where the site's statement, its officers and the certificates lie.
        log_key: verifier key of the log.

    Raises:
        ApplianceError: the site names a service, an image or a model that the bundle does not carry.
    """
    check_services(site, catalogue)
    people = load_officers(folder / "officers.json").officers
    bound = Bound(facts.policy, log_key, {name: key.keyval["public"] for name, key in people.items()})
    files = {FACTS: facts.encode(), CATALOGUE: catalogue.encode()}
    certificates = sorted(file for file in (folder / "certificates").rglob("*") if file.is_file())
    for file in (folder / "officers.json", folder / "site.dsse.json", *certificates):
        files[f"site/{file.relative_to(folder)}"] = file.read_bytes()
    for enclave in site.enclaves:
        for model in enclave.models:
            if model not in facts.models:
                raise ApplianceError(
                    f"site.yml: enclave {enclave.name!r} names model {model!r}, which the bundle does not carry",
                    remedy=f"one of {sorted(facts.models)}",
                )
        services = {service.name: service for service in manifests(enclave, catalogue)}
        below = [other.label for other in site.enclaves if dominates(enclave.lattice, other.lattice)]
        settings = {"gateway": render.gateway_config(enclave, catalogue, below)}
        for name, service in services.items():
            settings[name] = render.service_settings(site, enclave, service, catalogue, facts.images, bound)
        place = f"enclaves/{enclave.name}"
        for name, text in settings.items():
            files[f"{place}/{'nginx.conf' if name == 'gateway' else f'{name}.json'}"] = text.encode()
        digests = {
            name: _digest(files, enclave, name, services.get(name), facts, text) for name, text in settings.items()
        }
        served = database.database_files(services.values())
        for name, text in served.items():
            files[f"{place}/{database.FILES[name]}"] = text.encode()
        if served:
            digests["database"] = hashlib.sha256("".join(served.values()).encode()).hexdigest()
        files[f"{place}/compose.yml"] = render.compose_file(enclave, catalogue, facts.images, paths, digests).encode()
    for name, judge in (("admission.json", admission.expected), ("networks.json", admission.expected_networks)):
        files[name] = json.dumps(judge(site, catalogue, facts.images, paths), indent=2, sort_keys=True).encode()
    return files


def _digest(  # one value each
    files: dict[str, bytes], enclave: Enclave, name: str, service: Manifest | None, facts: Facts, settings: str
) -> str:
    """Digest of what a container mounts and reads when it starts, so that a change of it replaces the container.

    ``service`` is None for the gateway, whose certificate is its own too.
    """
    read = hashlib.sha256(settings.encode())
    own = f"site/certificates/{enclave.name}/{name}."
    shared = "site/certificates/ca.pem"
    for file in sorted(path for path in files if path.startswith(own) or path == shared):
        if service is None or service.workload or file == shared:
            read.update(files[file])
    if service and "models" in service.mounts:
        read.update(json.dumps([facts.models[model] for model in enclave.models]).encode())
    return read.hexdigest()
