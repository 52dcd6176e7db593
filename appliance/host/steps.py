"""The steps of an installation that `install.yml` calls, each idempotent and telling whether it changed something."""

import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

from appliance.enclave.render import Bound, HostPaths, Images
from appliance.host import configuration, diversion, generation, hardening, places, stack
from appliance.host.platform import detect
from appliance.host.podman import Podman
from appliance.monitor.statements import installed_statements, read_statements

SITE_FILES = ("officers.json", "site.dsse.json", "subjects.dsse.json", "access.dsse.json")


def configure(paths: HostPaths) -> bool:
    """Write podman's configuration for what this host is, and guard the command ``podman``."""
    paths.run.mkdir(parents=True, exist_ok=True)
    changed = configuration.write(paths, detect())
    return diversion.install(paths) or changed


def _described(layout: Path) -> Images:
    """The images of a verified OCI layout, not loaded yet."""
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
    return Images({}, digests, identifiers, configs)


def load_images(paths: HostPaths, bundle: Path) -> bool:
    """Load every image of the staged bundle into podman's store and remember their references."""
    layout = bundle / "targets" / "images"
    described = _described(layout)
    record = paths.root / "images.json"
    known: dict[str, Any] = json.loads(record.read_text()) if record.exists() else {"digests": {}}
    podman = Podman(paths)
    for name, digest in sorted(described.digests.items()):
        if known["digests"].get(name) == digest:
            described.references[name] = known["references"][name]
        else:
            described.references[name] = podman.load_image(layout, name, described.identifiers[name])
    text = json.dumps(asdict(described), indent=2, sort_keys=True)
    if record.exists() and record.read_text() == text:
        return False
    record.write_text(text)
    return True


def install_site(paths: HostPaths, site: Path) -> bool:
    """Copy the verified site folder into place; True when something differed."""
    target = paths.root / "site"
    changed = False
    files = [site / name for name in SITE_FILES] + sorted((site / "certificates").rglob("*"))
    for source in files:
        destination = target / source.relative_to(site)
        if source.is_dir() or (destination.exists() and destination.read_bytes() == source.read_bytes()):
            continue
        destination.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        shutil.copyfile(source, destination)
        destination.chmod(0o600)
        changed = True
    return changed


def make_generation(paths: HostPaths, bundle: Path, site: Path, officers_fingerprint: str) -> bool:
    """Install the signed statements, render the next generation whole and switch to it."""
    statements = read_statements(site, officers_fingerprint)
    changed = install_site(paths, site)
    pinned = paths.root / "trusted" / "officers.sha256"
    pinned.parent.mkdir(parents=True, exist_ok=True)
    pinned.write_text(officers_fingerprint + "\n")
    for enclave in statements.site.enclaves:
        places.prepare_enclave(paths, enclave, paths.root / "site" / "certificates")
    places.host_key(paths, "grant.key")
    places.place_models(paths, statements.site, bundle / "targets" / "models")
    images = Images(**json.loads((paths.root / "images.json").read_text()))
    places.prepare_log(paths, statements.site)
    bound = Bound(statements.policy_digest, (paths.root / "log" / "log.vkey").read_text().strip())
    staged = generation.stage(paths, statements.site, images, bound)
    return generation.switch(paths, staged) or changed


def harden(paths: HostPaths, bundle: Path) -> bool:
    """Apply the bundle's table of controls, and keep it for `appliance host verify`."""
    source = bundle / "targets" / "policies" / "hardening.yml"
    exceptions = installed_statements(paths).site.hardening_exceptions
    changed = hardening.apply(hardening.read_table(source), exceptions)
    shutil.copyfile(source, hardening.installed_table(paths))
    return changed


def prepare_sockets(paths: HostPaths) -> bool:
    """Make the folders of the sockets, which no boot keeps, before systemd starts the monitor."""
    for enclave in installed_statements(paths).site.enclaves:
        places.prepare_sockets(paths, enclave)
    return False


def start_monitor(paths: HostPaths) -> bool:
    """Start the monitor unless it runs."""
    return stack.start_monitor(paths, installed_statements(paths).site)


def start_enclaves(paths: HostPaths) -> bool:
    """Converge networks, packet rules and containers to the current generation."""
    return stack.start(paths, Podman(paths), installed_statements(paths).site, lambda _: None)


def wait_healthy(paths: HostPaths) -> bool:
    """Wait until every gateway and service answers."""
    stack.wait_healthy(paths, Podman(paths), installed_statements(paths).site)
    return False
