"""Attempts at the host: by who carries media, and by a sysadmin who is careless with podman."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from demo import people
from demo.instance import appliance
from tests.attack.row import Actor, Kind, Row, Seen
from tests.attack.world import World
from tests.forgery import second_form
from tests.integration.podman import MIGRATION, created, facts_named, podman, started_with

NOTHING = "a medium that is refused changes nothing; the command names what is wrong"
DOORS = (
    "cp secret-gateway:/etc/passwd .",
    "exec --privileged secret-gateway true",
    "--hooks-dir /nowhere run --rm x",
    "--runtime /bin/true ps",
    "--network-cmd-path /bin/true ps",
    "volume export any",
    "volume import any /tmp/x",
    "commit secret-database",
    "export secret-database",
    "mount secret-database",
    "save any",
    "build .",
    "attach secret-labeling",
    "container checkpoint secret-gateway",
    "network connect unclassified-inner secret-labeling",
    "unshare ls",
    "system service",
    "--identity ps exec secret-gateway sh",
    "-c ps exec secret-gateway sh",
    "--version ps exec secret-gateway sh",
    "--url unix:///run/podman/podman.sock ps",
    "secret create context /etc/hostname",
    "top secret-gateway -- aux",
    "top secret-gateway aux",
    "start --attach secret-gateway",
    "exec --user 0 secret-gateway true",
    "exec --env LD_PRELOAD=/tmp/x.so secret-gateway true",
    "create --pull=never --log-opt path=/tmp/x x",
    "create --pull=never --health-cmd id x",
    "create --pull=never --secret context,target=/usr/lib/x x",
    "create --pull=never -v /srv/x:/x:U x",
    "create x",
)
LOOKS = (
    "exec secret-gateway true",
    "logs --tail 1 secret-gateway",
    "inspect --format {{.Id}} secret-gateway",
    "top secret-gateway",
)
"""Show what is inside: they pass, and are in the log before they happen."""
DISK = "/dev/DISK"
"""Stands for a disk of the host."""

CHANGES = (
    # What a container is started with instead, and the fact that the hook names.
    (["--read-only=false"], "read_only"),
    (["--cap-add", "NET_ADMIN"], "capabilities"),
    (["-v", "/etc:/host:ro"], "mounts"),
    (["--env", "LD_PRELOAD=/tmp/x.so"], "environment"),
    (["--entrypoint", "/bin/sh"], "arguments"),
    (["--pid", "host"], "namespaces"),
    (["--security-opt", "seccomp=unconfined"], "seccomp"),
    (["--user", "0:0"], "user"),
    (["--memory", "64g"], "memory"),
    (["--pids-limit", "-1"], "processes"),
    (["--cpu-shares", "100000"], "processor"),
    (["--device-write-bps", f"{DISK}:1gb"], "disk"),
    (["--sysctl", "net.ipv4.ip_forward=1"], "sysctl"),
    (["--group-add", "0"], "user"),
    (["--umask", "0000"], "user"),
    (["--env", "HOME=/srv"], "environment"),
    (["--tmpfs", "/opt"], "mounts"),
    (["--security-opt", "unmask=ALL"], "masked"),
    (["--security-opt", "unmask=/proc/sys"], "readonly_paths"),
    (["--security-opt", "mask=/opt"], "masked"),
    (["--add-host", "gateway.internal:192.0.2.1"], "files"),
    (["--hostname", "other"], "hostname"),
    (["--annotation", "run.oci.keep_original_groups=1"], "annotations"),
    (["--workdir", "/opt"], "folder"),
    (["--ulimit", "nofile=1024:1024"], "limits"),
    (["--memory", "1g", "--memory-swap", "64g"], "swap"),
    (["--cgroup-parent", "/other"], "control_group"),
    (["--oom-score-adj", "500"], "unknown"),
    (["--systemd", "always"], "mounts"),
)


def sysadmin() -> list[Row]:
    """Podman on the appliance's store, as it is typed without thinking."""
    rows = []
    for number, words in enumerate(DOORS):

        def do(world: World, words: str = words) -> Seen:
            answer = podman(world.site, *words.split(), program="podman")
            return Seen("refused" if answer.returncode == 125 else f"exit {answer.returncode}: {answer.stderr[-200:]}")

        record = f"podman {words}"
        rows.append(Row(Actor.SYSADMIN, Kind.PODMAN, f"podman {words}", do, "refused", record, quick=number < 2))
    for words in LOOKS:

        def look(world: World, words: str = words) -> Seen:
            answer = podman(world.site, *words.split(), program="podman")
            return Seen("done" if answer.returncode == 0 else f"exit {answer.returncode}: {answer.stderr[-200:]}")

        rows.append(Row(Actor.SYSADMIN, Kind.PODMAN, f"podman {words}", look, "done", f"podman {words}"))
    rows.append(
        Row(
            Actor.SYSADMIN, Kind.PODMAN, "podman ps with CONTAINER_HOST", _elsewhere, "refused", "CONTAINER_HOST is set"
        )
    )
    for change, named in CHANGES:

        def start(world: World, change: list[str] = change, named: str = named) -> Seen:
            answer = started_with(world.site, [word.replace(DISK, _disk()) for word in change])
            return _told(answer, named)

        kind = Kind.ENVIRONMENT if named == "environment" else Kind.IMAGES
        rows.append(
            Row(
                Actor.SYSADMIN,
                kind,
                f"starts a container with {' '.join(change)}",
                start,
                "refused",
                "admission.differs-from-generation",
                quick=named == "environment",
            )
        )
    rows.append(
        Row(Actor.SYSADMIN, Kind.IMAGES, "starts a container that no generation has", _stowaway, "refused", "stowaway")
    )
    differs = "admission.differs-from-generation"
    for attempt, started in (
        ("lays podman's own secret on a module of the migration", _secret),
        ("copies a module into the migration's container before it starts", _copied),
    ):
        rows.append(Row(Actor.SYSADMIN, Kind.IMAGES, attempt, started, "refused", differs, quick=True))
    return rows


def _secret(world: World) -> Seen:
    """What made the migration turn row-level security off: the mount is podman's own, below ``userdata/``."""
    podman(world.site, "secret", "create", "attack", "/etc/hostname")
    try:
        answer = started_with(world.site, ["--secret", "attack,target=/opt/appliance/app/migrate.py"])
    finally:
        podman(world.site, "secret", "rm", "attack")
    return _told(answer, "mounts")


def _copied(world: World) -> Seen:
    words = created(world.site)
    podman(world.site, "rm", "--force", "--time", "0", MIGRATION)
    podman(world.site, *words)
    podman(world.site, "cp", "/etc/hostname", f"{MIGRATION}:/opt/appliance/app/migrate.py")
    answer = podman(world.site, "start", "--attach", MIGRATION)
    podman(world.site, "rm", "--force", "--time", "0", MIGRATION)
    return _told(answer, "written")


def _told(answer: subprocess.CompletedProcess[str], named: str) -> Seen:
    """Whether the hook refused, and named that fact."""
    told = answer.returncode != 0 and named in facts_named(answer)
    return Seen("refused" if told else f"exit {answer.returncode}: {answer.stderr[-200:]}")


def _elsewhere(world: World) -> Seen:
    """Podman's own program asks whoever serves that socket, without the appliance's store or hooks."""
    answer = podman(world.site, "CONTAINER_HOST=unix:///run/podman/podman.sock", "podman", "ps", program="env")
    return Seen("refused" if answer.returncode == 125 else f"exit {answer.returncode}: {answer.stderr[-200:]}")


def _disk() -> str:
    """A disk of this host, because podman starts nothing with a limit on a device that is none."""
    return f"/dev/{min(disk.name for disk in Path('/sys/block').iterdir() if (disk / 'device').exists())}"


def _stowaway(world: World) -> Seen:
    image = podman(world.site, "inspect", "--format", "{{.Image}}", "secret-gateway").stdout.strip()
    answer = podman(world.site, "run", "--rm", "--name", "stowaway", "--network", "none", image, "true")
    return Seen(
        "refused" if answer.returncode and "no container of that name" in answer.stderr else answer.stderr[-200:]
    )


def carrier() -> list[Row]:
    """A medium that was changed on its way."""
    tries: list[tuple[str, Callable[[Path], object]]] = [
        (f"flips a bit in {name}", lambda bundle, name=name: _flip(bundle / "metadata" / name))  # type: ignore[misc]
        for name in ("1.root.json", "root.json", "targets.json", "snapshot.json", "timestamp.json", "hybrid.dsse.json")
    ]
    tries += [
        (f"flips a bit in a target of the kind {kind}", lambda bundle, kind=kind: _flip(_target(bundle, kind)))  # type: ignore[misc]
        for kind in ("image", "model", "deb", "wheel", "policy", "attestation", "bootstrap")
    ]
    tries += [
        ("takes a target away", lambda bundle: _target(bundle, "policy").unlink()),
        ("makes a target longer", lambda bundle: _append(_target(bundle, "policy"))),
        (
            "adds a target that nobody signed",
            lambda bundle: (bundle / "targets" / "policies" / "extra.yml").write_text("x"),
        ),
        ("puts a link in a target's place", lambda bundle: _link(_target(bundle, "policy"))),
        ("swaps two targets", lambda bundle: _swap(_target(bundle, "policy"), _target(bundle, "wheel"))),
        ("takes the second signature away", lambda bundle: (bundle / "metadata" / "hybrid.dsse.json").unlink()),
        ("empties the metadata", lambda bundle: _replace(bundle / "metadata" / "timestamp.json", b"{}")),
        ("names a field of the metadata twice", lambda bundle: _twice(bundle / "metadata" / "timestamp.json")),
        ("brings keys of its own", _resign),
        ("puts the signatures in another order", lambda bundle: _signatures(bundle, lambda found: found[::-1])),
        ("brings the second form of a signature", lambda bundle: _signatures(bundle, second_form)),
        (
            "calls a file so that a terminal obeys",
            lambda bundle: (bundle / "targets" / "\x1b[2J").write_text("x"),
        ),
        ("cuts a name as Joliet does", _cut),
    ]
    rows = []
    for number, (attempt, change) in enumerate(tries):

        def do(world: World, change: Callable[[Path], object] = change) -> Seen:
            return _verify(world, change)

        rows.append(Row(Actor.CARRIER, Kind.MEDIA, attempt, do, "refused", unrecorded=NOTHING, quick=number in (2, 4)))
    for attempt, prints in (("prints another root on paper", "root"), ("prints other officers on paper", "officers")):

        def install(world: World, prints: str = prints) -> Seen:
            return _install(world, prints)

        rows.append(Row(Actor.CARRIER, Kind.MEDIA, attempt, install, "refused", unrecorded=NOTHING))
    return rows


def _verify(world: World, change: Callable[[Path], object]) -> Seen:
    scratch = world.site.build / "scratch-attack"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    copy = scratch / "bundle"
    subprocess.run(["cp", "-al", str(world.site.bundle), str(copy)], check=True)
    try:
        change(copy)
        prints = ("--root-fingerprint", people.fingerprint(world.site))
        answer = appliance(world.site, "bundle", "verify", copy, *prints, check=False)
    finally:
        shutil.rmtree(scratch)
    crashed = "Traceback" in answer.stderr
    return Seen(
        "refused" if answer.returncode == 1 and not crashed else f"exit {answer.returncode}: {answer.stderr[-300:]}"
    )


def _install(world: World, wrong: str) -> Seen:
    prints = {"root": people.fingerprint(world.site), "officers": people.officers_fingerprint(world.site)}
    prints[wrong] = "0" * 64
    given = ("--root-fingerprint", prints["root"], "--officers-fingerprint", prints["officers"])
    where = ("--root", world.site.root, "--run", world.site.run)
    before = (world.site.root / "current").resolve()
    answer = appliance(
        world.site,
        "host",
        "install",
        world.site.bundle,
        "--site",
        world.site.site,
        *given,
        *where,
        inside=True,
        check=False,
    )
    same = (world.site.root / "current").resolve() == before
    return Seen("refused" if answer.returncode == 1 and same else f"exit {answer.returncode}: {answer.stderr[-300:]}")


def _target(bundle: Path, kind: str) -> Path:
    signed = json.loads((bundle / "metadata" / "targets.json").read_bytes())["signed"]["targets"]
    name = next(name for name, value in sorted(signed.items()) if kind in str(value["custom"]["kind"]))
    return bundle / "targets" / str(name)


def _replace(file: Path, data: bytes) -> None:
    """Another file of that name; the original shares its blocks with the copy."""
    file.unlink()
    file.write_bytes(data)


def _flip(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 0x10
    _replace(file, bytes(data))


def _append(file: Path) -> None:
    _replace(file, file.read_bytes() + b"\n")


def _link(file: Path) -> None:
    file.unlink()
    file.symlink_to("/etc/passwd")


def _swap(one: Path, other: Path) -> None:
    first, second = one.read_bytes(), other.read_bytes()
    _replace(one, second)
    _replace(other, first)


def _twice(file: Path) -> None:
    _replace(file, file.read_bytes().replace(b'{"signatures"', b'{"signatures":[],"signatures"', 1))


def _signatures(bundle: Path, change: Callable[[list[dict[str, str]]], list[dict[str, str]]]) -> None:
    file = bundle / "metadata" / "hybrid.dsse.json"
    envelope = json.loads(file.read_bytes())
    envelope["signatures"] = change(envelope["signatures"])
    _replace(file, json.dumps(envelope, separators=(",", ":"), sort_keys=True).encode())


def _cut(bundle: Path) -> None:
    """Cut the name of the file that has the longest."""
    file = max((path for path in (bundle / "targets").rglob("*") if path.is_file()), key=lambda path: len(path.name))
    file.rename(file.with_name(file.name[:64] if len(file.name) > 64 else file.name[:-1]))


def _resign(bundle: Path) -> None:
    """Replace the root by one of the attacker's keys."""
    file = bundle / "metadata" / "1.root.json"
    document = json.loads(file.read_bytes())
    for key in document["signed"]["keys"].values():
        key["keyval"]["public"] = key["keyval"]["public"][::-1]
    _replace(file, json.dumps(document, separators=(",", ":"), sort_keys=True).encode())


def rows() -> list[Row]:
    """All of them."""
    return [*sysadmin(), *carrier()]
