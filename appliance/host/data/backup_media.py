"""Backups on their media: read back whole, listed for a disc or a tape, and deleted when newer ones are there."""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from appliance.audit.events import kinds as events
from appliance.audit.events import spool
from appliance.audit.events.kinds import Scope
from appliance.enclave.paths import HostPaths
from appliance.enclave.site import Enclave
from appliance.host.data import objects
from appliance.host.data.backup import KIND, MAXIMUM_SIZE, Backup, Source, blobs_of, needed, read
from appliance.host.data.objects import Store
from appliance.monitor.in_force.statements import installed_statements
from appliance.trust.dsse import payload_of
from appliance.trust.files import read_limited
from appliance.trust.officers import payload_type

DELETE = "backup.delete"
STATEMENTS = "*.dsse.json"


@dataclass(frozen=True)
class Verified:
    """What was read of a backup: the parts of objects that are damaged or missing are named."""

    backup: Backup
    damaged: tuple[str, ...]


def verify(paths: HostPaths, source: Source) -> Verified:
    """Read every byte of a backup back from its media; no key is needed, as the host signed what lies there.

    Args:
        paths: where the appliance lives.
        source: the backup.

    Raises:
        ApplianceError: the statement is not the host's, or archive or list are not what it signed.
    """
    found = read(paths, source.statement, source.signer)
    return Verified(found, tuple(objects.damaged(needed(source.statement, found), source.stores)))


def files(paths: HostPaths, source: Source, since: Sequence[Path] = ()) -> list[str]:
    """The files that belong to a backup, by their names in its folder, without the parts that others have.

    Args:
        paths: where the appliance lives.
        source: the backup.
        since: statements of backups that are on other media already.

    Raises:
        ApplianceError: as :func:`verify`.
    """
    statement = source.statement
    found = read(paths, statement, source.signer)
    elsewhere = {digest for one in since for digest in needed(one, read(paths, one, source.signer, archive=False))}
    store = Store(Path(objects.FOLDER))
    names = [statement.name, found.archive, *([blobs_of(statement).name] if found.blobs else [])]
    return [*names, *(str(store.place(digest)) for digest in needed(statement, found) if digest not in elsewhere)]


@dataclass(frozen=True)
class Pruned:
    """What was deleted of a folder of backups: statements, parts of objects that none of the others needs, bytes."""

    statements: tuple[str, ...]
    parts: int
    bytes: int

    def as_dict(self) -> dict[str, Any]:
        """For ``--json``."""
        return asdict(self)


def prune(paths: HostPaths, name: str, folder: Path, keep: int, *, dry_run: bool = False) -> Pruned:
    """Delete all but the newest ``keep`` backups of an enclave in ``folder``, and the parts that no backup there needs.

    Args:
        paths: where the appliance lives.
        name: of the enclave.
        folder: with backups, perhaps of other enclaves too.
        keep: how many stay, at least one.
        dry_run: say it, and delete nothing.

    Raises:
        ApplianceError: a statement in the folder is not this host's, or its list is damaged: then nobody knows which
            parts it needs, and nothing is deleted.
    """
    store = Store(folder / objects.FOLDER)
    with store.locked() if store.folder.is_dir() else nullcontext():
        return _prune(paths, installed_statements(paths).site.enclave(name), folder, keep, dry_run=dry_run)


def _prune(paths: HostPaths, enclave: Enclave, folder: Path, keep: int, *, dry_run: bool) -> Pruned:
    statements = [file for file in sorted(folder.glob(STATEMENTS)) if _is_backup(file)]
    backups = {file: read(paths, file, None, archive=False) for file in statements}
    mine = [file for file in statements if backups[file].enclave == enclave.name]
    mine.sort(key=lambda file: backups[file].taken)
    going = mine[: max(len(mine) - keep, 0)]
    wanted = {digest for file, one in backups.items() if file not in going for digest in needed(file, one)}
    parts = [file for file in Store(folder / objects.FOLDER).digests() if file.name not in wanted]
    gone = [one for file in going for one in (file.with_name(backups[file].archive), blobs_of(file), file)]
    length = sum(file.stat().st_size for file in (*gone, *parts) if file.exists())
    pruned = Pruned(tuple(file.name for file in going), len(parts), length)
    if dry_run or not (gone or parts):
        return pruned
    detail: dict[str, JsonValue] = {"files": [backups[file].archive for file in going]}
    detail |= {"parts": len(parts), "bytes": length}
    scope = Scope(label=enclave.marking.label.encode(), enclave=enclave.name)
    spool.record(paths.root, events.activity(scope, "host", DELETE, detail=detail))
    for file in (*reversed(gone), *parts):  # a statement goes first: what it names is then no backup any more
        file.unlink(missing_ok=True)
    return pruned


def _is_backup(statement: Path) -> bool:
    """Whether it says that it is of an enclave: backups of the host may lie in the same folder."""
    return payload_of(read_limited(statement, MAXIMUM_SIZE), str(statement))[0] == payload_type(KIND)
