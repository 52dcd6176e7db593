"""The steps of an installation that `install.yml` calls, each idempotent and telling whether it changed something.

``configure``, ``load_images`` and ``stage`` add to the host and touch nothing that runs; ``cut_over`` switches; the
others bring what runs to the current generation, whatever the state, and are run by that generation's own software.
"""

import contextlib
import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from appliance.contract.catalogue import Catalogue
from appliance.enclave.paths import HostPaths, installed_catalogue
from appliance.enclave.site import Site
from appliance.host.change import clusters, major, stack
from appliance.host.enforce import configuration, diversion, hardening
from appliance.host.enforce.platform import detect
from appliance.host.enforce.podman import Podman
from appliance.host.state import copies, ended_logs, generation, monitor_process, places, rotation, volumes
from appliance.host.state.generation import Facts
from appliance.host.state.rendering import offered_catalogue, read_facts, read_images, render_generation
from appliance.monitor.in_force import registries
from appliance.monitor.in_force.statements import PIN, installed_statements, read_statements
from appliance.trust.files import replace_link
from appliance.trust.repository.client import read_repository, remember
from appliance.trust.repository.metadata import MetadataError

ACCEPTED = datetime.min.replace(tzinfo=UTC)  # expiry was judged when the bundle was installed


def configure(paths: HostPaths) -> bool:
    """Write podman's configuration for what this host is, and guard the command ``podman``."""
    paths.run.mkdir(parents=True, exist_ok=True)
    changed = configuration.write(paths, detect())
    return diversion.install(paths) or changed


def load_images(paths: HostPaths, bundle: Path) -> bool:
    """Load the images of the staged bundle that podman's store lacks."""
    layout = bundle / "targets" / "images"
    images = read_images(layout)
    podman = Podman(paths)
    stored = podman.images()
    missing = [name for name, tag in sorted(images.references.items()) if stored.get(tag) != images.identifiers[name]]
    for name in missing:
        podman.load_image(layout, name, images.identifiers[name], images.references[name])
    return bool(missing)


def stage(paths: HostPaths, bundle: Path, site: Path, officers_fingerprint: str) -> bool:
    """Render the next generation beside what runs; ``staged`` leads to it, or to the current one if nothing differs."""
    statements = read_statements(site, officers_fingerprint)
    places.make_log(paths, statements.site)
    facts = read_facts(bundle, statements.policy_digest)
    files = _render(paths, facts, statements.site, offered_catalogue(bundle), site, officers_fingerprint)
    folder = generation.stage(paths, files, back=generation.last_healthy(paths))
    replace_link(paths.root / "staged", Path("generations") / folder.name)
    return folder != generation.current(paths)


def _render(  # one value each
    paths: HostPaths, facts: Facts, site: Site, catalogue: Catalogue, folder: Path, officers_fingerprint: str
) -> dict[str, bytes]:
    log_key = (paths.root / "log" / "log.vkey").read_text().strip()
    pin = {f"site/{PIN}": f"{officers_fingerprint}\n".encode()}
    return render_generation(paths, facts, site, catalogue, folder, log_key) | pin


def cut_over(paths: HostPaths, site: Path, officers_fingerprint: str) -> bool:
    """Accept the registries and switch to the staged generation; where images differ, after a cold copy of the data.

    Where PostgreSQL is of another major, the databases leave what they hold after that.
    """
    staged = paths.root / "staged"
    target = paths.root / staged.readlink()
    now = generation.current(paths)
    if now and now != target and Facts.of(now).images.identifiers != Facts.of(target).images.identifiers:
        stack.hold(paths, Podman(paths))
        copies.take(paths, now)
        if move := clusters.move(paths, clusters.major_of(Facts.of(target).images.configs)):
            major.record(paths, move)
            major.leave(paths, Podman(paths), installed_statements(paths).site, installed_catalogue(paths))
    accepted = registries.accept(paths, site, officers_fingerprint)
    switched = generation.switch(paths, target)
    staged.unlink()
    return switched or accepted


def prepare(paths: HostPaths) -> bool:
    """Put in place what the containers of the current generation mount, and the hook that admits them.

    Where the access policy is another than the one the generation was rendered for, as after a return, the generation
    is rendered again for the policy in force.
    """
    statements = installed_statements(paths)
    rotated = rotation.advance(paths)
    rotated = rotation.finish(paths) or rotated
    rotated = _end_log(paths, statements.site) or rotated
    now = generation.required(paths)
    facts = replace(Facts.of(now), policy=statements.policy_digest)
    catalogue = installed_catalogue(paths)
    officers = (now / "site" / PIN).read_text().strip()
    files = _render(paths, facts, statements.site, catalogue, now / "site", officers)
    changed = generation.switch(paths, generation.stage(paths, files, back=generation.previous(now)))
    changed = configure(paths) or changed or rotated
    for enclave in statements.site.enclaves:
        if volumes.needs_rest(paths, enclave):
            stack.stop_containers(Podman(paths), seconds=30, enclave=enclave.name)
        changed = volumes.ensure(paths, enclave) or changed
        places.prepare_enclave(paths, enclave, catalogue, paths.certificates)
    places.host_key(paths.root / "secrets" / "grant.key")
    places.prepare_log(paths, statements.site, catalogue)
    models = paths.root / "bundle" / facts.bundle / "targets" / "models"
    return places.place_models(paths, statements.site, facts.models, models) or changed


def _end_log(paths: HostPaths, site: Site) -> bool:
    """End the log where that was decided, and make the next one; True when it was."""
    if not ended_logs.is_ending(paths):
        return False
    monitor_process.stop_monitor(paths)
    ended_logs.advance(paths, site.system_high.marking.label.encode())
    places.make_log(paths, site)
    return True


def harden(paths: HostPaths, bundle: Path) -> bool:
    """Apply the bundle's table of controls, and keep it for `appliance host verify`."""
    source = bundle / "targets" / "policies" / "hardening.yml"
    exceptions = installed_statements(paths).site.hardening_exceptions
    changed = hardening.apply(hardening.read_table(source), exceptions)
    shutil.copyfile(source, hardening.installed_table(paths))
    return changed


def prepare_sockets(paths: HostPaths) -> bool:
    """Make the folders of the sockets, which no boot keeps, before systemd starts the monitor."""
    catalogue = installed_catalogue(paths)
    for enclave in installed_statements(paths).site.enclaves:
        places.prepare_sockets(paths, enclave, catalogue)
    return False


def start_monitor(paths: HostPaths) -> bool:
    """Start the monitor unless it runs for this generation."""
    return monitor_process.start_monitor(paths, installed_statements(paths).site)


def start_enclaves(paths: HostPaths) -> bool:
    """Converge networks, packet rules and containers to the current generation."""
    return stack.start(paths, Podman(paths), installed_statements(paths).site, lambda _: None)


def prove(paths: HostPaths) -> bool:
    """Wait until every gateway and service answers; from then on nothing older than this bundle is accepted."""
    stack.wait_healthy(paths, Podman(paths), installed_statements(paths).site)
    now = generation.required(paths)
    facts = Facts.of(now)
    trusted = paths.root / "trusted" / "tuf"
    metadata = paths.root / "bundle" / facts.bundle / "metadata"
    if generation.is_healthy(now):
        return False
    with contextlib.suppress(MetadataError):  # after a return, a newer one was remembered already
        known = trusted if trusted.is_dir() else None
        remember(read_repository(metadata, facts.root_fingerprint, trusted=known, now=ACCEPTED), trusted)
    return generation.mark_healthy(now)
