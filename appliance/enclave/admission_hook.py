"""The OCI hook that admits a container only when it is exactly what the current generation says.

Standard library only, and little of it: it runs before every container (``python3 -I -S``). It reads the container's
final ``config.json`` and the image id in podman's store, reduces both to the facts below, and compares them with
``current/admission.json``. Whatever differs is a refusal that names it; so is anything it cannot read.
"""

import json
import os
import stat
import sys

RULE = "admission.differs-from-generation"
SHARES = 10  # shares of the processor for each unit of weight, as ``render.SHARES``
NOT_COMPARED = {
    "ociVersion": "the runtime reads it first and refuses what it does not know",
    "annotations/io.kubernetes.cri-o.Created": "the time at which podman made the container",
    "annotations/org.opencontainers.image.*": "what the image's manifest says of itself; no runtime acts on it",
    "annotations/appliance.classification": "the same: the marking on the image",
    "linux/resources/memory/swap, absent": "a kernel that does not count swap; a value is compared",
    "process/capabilities, absent": "says the same as none",
    "linux/namespaces, cgroup": "podman makes it where control groups are version 2 only",
}
"""What of ``config.json`` may be anything, and why. All else is a fact below, or refused as unknown."""

NOT_IN_CONFIGURATION = {
    "/etc/resolv.conf": "the host's, as podman copies it: no network of an enclave leads to a resolver",
    "health command, log driver and path, secrets": "podman's own affair: its guard has no such option on its list",
    "size of /dev/shm": "podman mounts it; what is in it counts as the container's memory",
    "layers of the image": "compared with the bundle when they were loaded; root can change them since",
}
"""What decides how a container runs and is in no ``config.json``."""

MAPPING = ("containerID", "hostID", "size")
OWN_FILES = ("hosts", "hostname", "resolv.conf", "shm")
OWN_OF_NODES = ("fileMode", "uid", "gid")  # of the node, which the kernel asks; the number says which device it is
MADE = "/etc/mtab"  # podman makes this link in every container
HARMLESS = ("trusted.overlay.origin", "trusted.overlay.impure", "trusted.overlay.uuid")  # of overlay's own bookkeeping


def ruled(rule):
    """What a rule of a profile says, and of which calls."""
    says = {key: value for key, value in rule.items() if key != "names" and value != []}
    return json.dumps(says, sort_keys=True), rule["names"]


def calls(seccomp):
    """What a seccomp profile lets through, in an order of its own; the runtime's form and the appliance's are alike."""
    rest = dict(seccomp)
    rules = {(name, how) for how, names in map(ruled, rest.pop("syscalls")) for name in names}
    machines = rest.pop("architectures", [])
    for entry in rest.pop("archMap", []):
        machines = [*machines, entry["architecture"], *entry["subArchitectures"]]
    return sorted(rules), sorted(machines), sorted(rest.items())


def taken(entry, *names):
    """The values of ``entry`` under ``names``, and whatever else it has."""
    return [*(entry.pop(name) for name in names), *sorted(entry.items())]


def mounts_of(config, own):
    """Every mount by its destination, as often as it is there; the order varies from start to start."""
    listed = []
    for mount in config.pop("mounts"):
        destination, kind, source = mount.pop("destination"), mount.pop("type", ""), mount.pop("source", "")
        if kind == "bind":
            source = os.path.realpath(source)
            folder, name = os.path.split(source)
            if folder in own and name in OWN_FILES:
                source = f"podman:{name}"
        options = sorted(mount.pop("options", None) or [])
        listed.append([destination, kind, source, *options, *([json.dumps(mount)] if mount else [])])
    return sorted(listed)


def devices_of(nodes, rules):
    """Every device node of a container and every rule that opens one; what a rule closes opens nothing."""
    own = [taken(node, "path", "type", "major", "minor") for node in nodes or []]
    opened = [taken(rule, "type", "major", "minor", "access") for rule in rules or [] if rule.pop("allow", True)]
    kept = [[*one[:4], *(more for more in one[4:] if more[0] not in OWN_OF_NODES)] for one in own]
    return sorted([["node", *one] for one in kept] + [["rule", *one] for one in opened], key=json.dumps)


def devices_at(paths):
    """What a container with the host's devices at ``paths`` has: the very nodes that are there, and no other number."""
    rows = []
    for path in paths:
        status = os.lstat(path)
        if not stat.S_ISCHR(status.st_mode):
            raise ValueError(f"{path} is no character device")
        number = [os.major(status.st_rdev), os.minor(status.st_rdev)]
        rows += [["node", path, "c", *number], ["rule", "c", *number, "rw"]]
    return sorted(rows, key=json.dumps)


def annotations_of(config):
    """Those that are compared."""
    return {
        name: value
        for name, value in (config.pop("annotations", None) or {}).items()
        if name not in ("io.kubernetes.cri-o.Created", "appliance.classification")
        and not name.startswith("org.opencontainers.image.")
    }


def unknown(sections):
    """What no fact was made of, apart from what is empty."""
    return {
        f"{name}{key}": value
        for name, section in sections.items()
        for key, value in section.items()
        if value not in (None, "", [], {}) and value is not False
    }


def facts(config, image, own, profile):
    """The facts of a container that decide: plain values that compare by equality. Takes ``config`` apart.

    Args:
        config: the container's ``config.json``.
        image: id of its image.
        own: folders where podman keeps the files it makes for this container itself.
        profile: the appliance's seccomp profile.
    """
    config.pop("ociVersion", None)
    process, linux, root = config.pop("process"), config.pop("linux"), config.pop("root")
    resources, user = linux.pop("resources", None) or {}, process.pop("user")
    memory, tasks = resources.pop("memory", None) or {}, resources.pop("pids", None) or {}
    capabilities = process.pop("capabilities", None) or {}
    namespaces = linux.pop("namespaces")
    seccomp, limit = linux.pop("seccomp", None), memory.pop("limit", None)
    swap = memory.pop("swap", None)
    return {
        "image": image,
        "root": root.pop("path"),
        "read_only": root.pop("readonly", False),
        "arguments": process.pop("args"),
        "environment": sorted(process.pop("env", None) or []),
        "folder": process.pop("cwd"),
        "user": [user.pop("uid"), user.pop("gid"), user.pop("umask", None), *(user.pop("additionalGids", None) or [])],
        "capabilities": sorted({name for names in capabilities.values() for name in names or []}),
        "limits": sorted(taken(one, "type", "soft", "hard") for one in process.pop("rlimits", None) or []),
        "no_new_privileges": process.pop("noNewPrivileges", False),
        "apparmor": process.pop("apparmorProfile", ""),
        "hostname": config.pop("hostname", ""),
        "mounts": mounts_of(config, own),
        "annotations": annotations_of(config),
        "hooks": config.pop("hooks", None),
        "uid_map": [taken(one, *MAPPING) for one in linux.pop("uidMappings", None) or []],
        "gid_map": [taken(one, *MAPPING) for one in linux.pop("gidMappings", None) or []],
        "namespaces": sorted(n["type"] for n in namespaces if n["type"] != "cgroup"),
        "joined": [one for one in namespaces if set(one) != {"type"}],
        "devices": devices_of(linux.pop("devices", None), resources.pop("devices", None)),
        "seccomp": "own" if seccomp and calls(seccomp) == calls(profile) else "another",
        "sysctl": linux.pop("sysctl", None) or {},
        "masked": sorted(linux.pop("maskedPaths", None) or []),
        "readonly_paths": sorted(linux.pop("readonlyPaths", None) or []),
        "control_group": linux.pop("cgroupsPath", ""),
        "memory": limit,
        "swap": "twice" if swap is None or (limit and swap == 2 * limit) else swap,
        "processes": tasks.pop("limit", None),
        "processor": resources.pop("cpu", None) or {},
        "disk": resources.pop("blockIO", None) or {},
        "unknown": unknown({
            "": config, "process/": process, "process/user/": user, "root/": root, "linux/": linux,
            "linux/resources/": resources, "linux/resources/memory/": memory, "linux/resources/pids/": tasks,
        }),
    }  # fmt: skip


def names_in(hosts, own):
    """What ``/etc/hosts`` says, sorted, a line each: without the loopback's name and the container's ``own`` two."""
    lines = [line.partition("#")[0].split() for line in hosts.splitlines()]
    lines = [line for line in lines if line and line not in (["127.0.0.1", "localhost"], ["::1", "localhost"])]
    return sorted({" ".join(line) for line in lines if line[1:] != own})


def written(layer, mounts):
    """What is in the container's writable layer and is no place for a mount: (``/path``, ...), sorted."""
    places = {MADE}
    for place in mounts:
        while place.strip("/"):  # of "x" and "//x" the last folders are "" and "//"
            places.add(place)
            place = os.path.dirname(place)  # noqa: PLW2901 - up to the root
    found, folders = [], [layer]
    while folders:
        folder = folders.pop()
        marks = [name for name in os.listxattr(folder) if name.startswith("trusted.overlay.")]
        found += [f"{folder[len(layer) :]}/ {name}" for name in marks if name not in HARMLESS]
        with os.scandir(folder) as entries:
            for entry in entries:
                path = entry.path[len(layer) :]
                if path in places and entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                elif path not in places or not is_empty(entry):
                    found.append(path)
    return sorted(found)


def is_empty(entry):
    """Whether what is in the writable layer says nothing: an empty file, or the link that podman makes."""
    if entry.is_symlink():
        return entry.path.endswith(MADE) and os.readlink(entry.path) == "/proc/mounts"
    return entry.is_file() and entry.stat().st_size == 0


def differences(expected, found):
    """What differs between two sets of facts, a line each."""
    reasons = []
    for name in sorted(set(expected) | set(found)):
        wanted, there = (json.dumps(facts.get(name), sort_keys=True) for facts in (expected, found))
        if wanted != there:  # as text, where true is not 1
            reasons.append(difference(name, expected.get(name), found.get(name)))
    return reasons


def difference(name, wanted, there):
    """One fact that differs; of a list only what is too much or is missing."""
    if isinstance(wanted, list) and isinstance(there, list):
        more, less = [one for one in there if one not in wanted], [one for one in wanted if one not in there]
        if more or less:
            return f"{name}: {json.dumps(more)} instead of {json.dumps(less)}"
    return f"{name}: {json.dumps(there)} instead of {json.dumps(wanted)}"


def stored(storage, identifier):
    """Name, image id and layer of a container in podman's store."""
    with open(os.path.join(storage, "overlay-containers", "containers.json"), encoding="utf-8") as file:
        for container in json.load(file):
            if container["id"] == identifier:
                return container["names"][0], container["image"], container["layer"]
    raise KeyError(f"container {identifier[:12]} is not in podman's store")


def limits_in(settings):
    """The limits that ``containers.conf`` gives to every container, as the runtime's configuration has them."""
    for line in settings.splitlines():
        name, _, value = line.partition(" = ")
        if name == "default_ulimits":
            pairs = [entry.split("=") for entry in json.loads(value)]
            return sorted([f"RLIMIT_{kind.upper()}", *map(int, numbers.split(":"))] for kind, numbers in pairs)
    return []


def read(*path):
    """The text of a file."""
    with open(os.path.join(*path), encoding="utf-8") as file:
        return file.read()


def expectation(root, storage, apparmor, identifier, layer, admitted):
    """What the facts of a container must be: those of the generation, and what follows from this host and podman.

    Args:
        root: state of the appliance.
        storage: podman's store.
        apparmor: the profile that a container must have; empty on a host without AppArmor.
        identifier: the container's.
        layer: its writable layer.
        admitted: what the generation says of it.
    """
    expected = dict(admitted)
    hosts, hostname = expected.pop("hosts"), expected["hostname"]
    expected["devices"] = devices_at(expected["devices"])
    expected["mounts"] = sorted(
        [target, kind, os.path.realpath(source) if source.startswith("/") else source, *options]
        for target, kind, source, *options in expected["mounts"]
    )
    hook = json.loads(read(root, "hooks.d", "admission.json"))["hook"]
    own = {
        "apparmor": apparmor,
        "root": os.path.join(storage, "overlay", layer, "merged"),
        "limits": limits_in(read(root, "etc", "containers.conf")),
        "hooks": {"createRuntime": [hook]},
        "written": [],
        "files": {"hosts": hosts, "hostname": hostname},
        "unknown": {},
    }
    # cgroupfs, and systemd
    groups = (f"/libpod_parent/libpod-{identifier}", f"machine.slice:libpod:{identifier}")
    return expected | own, groups


def judge(root, run, apparmor, state):
    """The container's name, the reasons to refuse it, and its shares of the processor.

    Args:
        root: state of the appliance.
        run: its sockets.
        apparmor: the profile that a container must have; empty on a host without AppArmor.
        state: the OCI runtime state.
    """
    name, identifier = state["id"][:12], state["id"]
    storage = os.path.join(root, "containers", "storage")
    own = tuple(
        os.path.join(os.path.realpath(folder), "overlay-containers", identifier, "userdata")
        for folder in (storage, f"{run}/containers")
    )
    try:
        config = json.loads(read(state["bundle"], "config.json"))
        name, image, layer = stored(storage, identifier)
        admitted = json.loads(read(root, "current", "admission.json"))
        profile = json.loads(read(root, "etc", "seccomp.json"))
        if name not in admitted:
            return name, ["no container of that name is in the current generation"], None
        expected, groups = expectation(root, storage, apparmor, identifier, layer, admitted[name])
        sources = {mount["destination"]: mount.get("source", "") for mount in config["mounts"]}
        found = facts(config, image, own, profile)
        found["files"] = {
            "hosts": names_in(read(sources["/etc/hosts"]), [found["hostname"], name]),
            "hostname": read(sources["/etc/hostname"]).strip(),
        }
        found["written"] = written(os.path.join(storage, "overlay", layer, "diff"), sources)
        expected["control_group"] = found["control_group"] if found["control_group"] in groups else groups[0]
        return name, differences(expected, found), found["processor"].get("shares")
    except Exception as error:  # noqa: BLE001 - what cannot be judged is refused
        return name, [f"cannot be judged: {type(error).__name__}: {error}"], None


def weigh(pid, shares, cgroups="/sys/fs/cgroup", proc="/proc"):
    """Give the container its weight on the disk: the file that was written, or None where the kernel offers none.

    Podman 4.3 discards the option where it does not find ``blkio.weight``, which kernels since 5.0 call otherwise.
    """
    with open(f"{proc}/{pid}/cgroup", encoding="utf-8") as file:
        groups = [line.rstrip("\n").split(":", 2)[1:] for line in file]
    for controllers, path in groups:
        names = ("io.bfq.weight", "io.weight") if not controllers else ("blkio.bfq.weight", "blkio.weight")
        if controllers and "blkio" not in controllers.split(","):
            continue
        for name in names:
            target = os.path.join(cgroups, *(["blkio"] if controllers else []), path.lstrip("/"), name)
            if os.path.exists(target):
                with open(target, "w", encoding="utf-8") as file:
                    file.write(str(max(1, min(1000, shares // SHARES))))
                return target
    return None


def leave_mark(bundle, name):
    """Leave beside ``config.json`` which one was admitted, for ``network_hook.py``."""
    status = os.stat(os.path.join(bundle, "config.json"))
    with open(os.path.join(bundle, "admitted"), "w", encoding="utf-8") as file:
        file.write(f"{name} {status.st_ino} {status.st_mtime_ns}\n")


def main():
    """Admit (exit 0) or refuse (exit 1, reasons on standard error and in the audit spool)."""
    root, run, apparmor = sys.argv[1:4]
    state = json.load(sys.stdin)
    name, reasons, shares = judge(root, run, apparmor, state)
    if not reasons:
        try:
            weigh(state["pid"], shares)
            leave_mark(state["bundle"], name)
        except OSError as error:
            reasons = [f"cannot be given its weight or mark: {error}"]
        else:
            return 0
    print(f"appliance: container {name} is not admitted: {'; '.join(reasons)}", file=sys.stderr)
    recorder = [os.path.join(root, "venv", "bin", "appliance"), "host", "decided", name, RULE, "--root", root]
    # Not by subprocess, whose import costs every start milliseconds.
    os.spawnv(os.P_WAIT, recorder[0], [*recorder, *(f"--reason={reason[:500]}" for reason in reasons[:5])])
    return 1


if __name__ == "__main__":
    sys.exit(main())
