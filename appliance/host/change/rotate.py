"""Replace keys of this host while it runs: recorded first, and no session ends."""

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from appliance.audit.events import kinds as events
from appliance.audit.events import spool
from appliance.audit.events.kinds import Scope
from appliance.enclave.paths import HostPaths, installed_catalogue
from appliance.enclave.site import Site
from appliance.errors import ApplianceError
from appliance.host.change import converge, stack
from appliance.host.enforce.podman import Podman
from appliance.host.state import ended_logs, places, rotation
from appliance.monitor.in_force.statements import installed_statements
from appliance.monitor.serve import succession
from appliance.trust.files import replace_file
from appliance.trust.keys import host_key

Progress = Callable[[str], None]
ROTATE = "key.rotate"
HOST_KEYS = Path("trusted") / "host"
"""Public keys that this host had before: they still vouch for the backups that it made with them."""


def contexts(paths: HostPaths, progress: Progress, *, compromised: bool = False) -> None:
    """Replace the monitor's key of contexts, and the keys by which the databases know them.

    Sessions and streams go on. For 90 seconds old and new keys count, so that no request is refused; where they are
    compromised, the old ones end at once, and requests of those seconds are refused.

    Args:
        paths: where the appliance lives.
        progress: told what happens.
        compromised: whether somebody else may have the old keys.

    Raises:
        ApplianceError: a database or the monitor did not take them; `appliance host recover` goes on.
    """
    with _alone_and_finished(paths):
        site = installed_statements(paths).site
        _record(paths, site, "contexts", compromised=compromised)
        names = [paths.signing_key.name]
        names += [paths.admission_key(one.name, service).name for one in site.enclaves for service in one.services]
        rotation.begin(paths, names, at_once=compromised)
        rotation.advance(paths)
        _give(paths, site, progress)
        progress("the monitor takes the new keys")
        succession.ask_for_keys(paths)
        while rotation.is_unfinished(paths) and not rotation.finish(paths):
            time.sleep(1)
        _place(paths, site)


def grants(paths: HostPaths, *, compromised: bool = False) -> None:
    """Replace the key of job grants: every job that runs or waits is refused from now on, and is started again."""
    _replace(paths, "grants", ["grant.key"], compromised=compromised)


def host(paths: HostPaths, *, compromised: bool = False) -> None:
    """Replace the key with which this host signs backups and what it verified.

    Args:
        paths: where the appliance lives.
        compromised: whether somebody else may have the old key: then nothing that it signed counts here any more.
    """
    with converge.exclusive(paths):
        site = installed_statements(paths).site
        _record(paths, site, "host", compromised=compromised)
        file, folder = paths.root / "secrets" / "host.pem", paths.root / HOST_KEYS
        old = host_key(file, demo=site.demo).public
        new = file.with_name(".host.pem")
        new.unlink(missing_ok=True)
        host_key(new, demo=site.demo)
        if compromised:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            replace_file(folder / f"{old.keyid}.pub", old.keyval["public"].encode())
        new.replace(file)


@contextmanager
def _alone_and_finished(paths: HostPaths) -> Iterator[None]:
    """Hold the host, with no rotation under way.

    Raises:
        ApplianceError: another command is at it, or a rotation was killed.
    """
    with converge.exclusive(paths):
        if rotation.is_unfinished(paths):
            raise ApplianceError(
                "a replacement of keys was begun and is not finished",
                rule="what was begun is finished first, and old keys count for 90 seconds",
                remedy="appliance host recover; then again",
            )
        yield


def log(paths: HostPaths, progress: Progress, *, compromised: bool = False) -> None:
    """End the log under its key, and begin another; the key is destroyed, and the enclaves go on after a moment.

    Args:
        paths: where the appliance lives.
        progress: told what happens.
        compromised: whether somebody else may have the old key, for the record.
    """
    with _alone_and_finished(paths):
        _record(paths, installed_statements(paths).site, "log", compromised=compromised)
        progress("ending the log")
        ended_logs.begin(paths)
        converge.converge(paths, progress)


def _replace(paths: HostPaths, what: str, names: list[str], *, compromised: bool) -> None:
    with _alone_and_finished(paths):
        _record(paths, installed_statements(paths).site, what, compromised=compromised)
        rotation.begin(paths, names, at_once=True)
        rotation.advance(paths)
        succession.ask_for_keys(paths)


def _give(paths: HostPaths, site: Site, progress: Progress) -> None:
    """Give the keys to the services, and to the databases by their migrations."""
    _place(paths, site)
    podman, catalogue = Podman(paths), installed_catalogue(paths)
    for enclave in site.enclaves:
        progress(f"the databases of enclave {enclave.name} take the new keys")
        stack.migrate_enclave(podman, enclave, catalogue)


def _place(paths: HostPaths, site: Site) -> None:
    for enclave in site.enclaves:
        places.prepare_enclave(paths, enclave, installed_catalogue(paths), paths.certificates)


def _record(paths: HostPaths, site: Site, key: str, *, compromised: bool) -> None:
    scope = Scope(label=site.system_high.marking.label.encode())
    event = events.activity(scope, "host", ROTATE, detail={"key": key, "compromised": compromised})
    spool.record(paths.root, event)
