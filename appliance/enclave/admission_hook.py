"""The OCI hook that admits a container only when it is exactly what the current generation says.

Standard library only, and little of it: it runs before every container (``python3 -I -S``). It reads the container's
final ``config.json`` and the image id in podman's store, reduces both to the facts below, and compares them with
``current/admission.json``. Whatever differs is a refusal that names it; so is anything it cannot read.
"""

import json
import os
import sys

RULE = "admission.differs-from-generation"
SHARES = 10  # shares of the processor for each unit of weight, as ``render.SHARES``
# Podman sets these itself; their values depend on the container's name or on the terminal.
OWN_ENVIRONMENT = ("HOSTNAME", "HOME", "TERM", "container")


def calls(seccomp):
    """What a seccomp profile lets through, in an order of its own: (call, action, arguments)."""
    rules = {
        (name, rule["action"], json.dumps(rule.get("args") or [], sort_keys=True))
        for rule in seccomp["syscalls"]
        for name in rule["names"]
    }
    return seccomp["defaultAction"], sorted(rules)


def facts(config, image, own, profile):
    """The facts of a container that decide: plain values that compare by equality.

    Args:
        config: the container's ``config.json``.
        image: id of its image.
        own: folders where podman keeps the files it makes for this container itself.
        profile: the appliance's seccomp profile.
    """
    process, linux = config["process"], config["linux"]
    resources = linux.get("resources") or {}
    capabilities = process.get("capabilities") or {}
    environment = dict(entry.split("=", 1) for entry in process.get("env") or [])
    binds = {}
    for mount in config["mounts"]:
        source = os.path.realpath(mount.get("source", ""))
        if mount.get("type") == "bind" and not source.startswith(own):
            binds[mount["destination"]] = [source, "ro" if "ro" in mount.get("options", []) else "rw"]
    return {
        "image": image,
        "arguments": process["args"],
        "environment": {name: value for name, value in environment.items() if name not in OWN_ENVIRONMENT},
        "user": [process["user"]["uid"], process["user"]["gid"]],
        "capabilities": sorted({name for names in capabilities.values() for name in names or []}),
        "no_new_privileges": bool(process.get("noNewPrivileges")),
        "read_only": bool(config["root"].get("readonly")),
        "binds": binds,
        "uid_map": [[m["containerID"], m["hostID"], m["size"]] for m in linux.get("uidMappings") or []],
        "gid_map": [[m["containerID"], m["hostID"], m["size"]] for m in linux.get("gidMappings") or []],
        "namespaces": sorted(n["type"] for n in linux["namespaces"] if n["type"] != "cgroup"),
        "joined": sorted(n["type"] for n in linux["namespaces"] if n.get("path") and n["type"] != "network"),
        "devices": sorted(device["path"] for device in linux.get("devices") or []),
        "seccomp": "own" if linux.get("seccomp") and calls(linux["seccomp"]) == calls(profile) else "another",
        "apparmor": process.get("apparmorProfile", ""),
        "sysctl": linux.get("sysctl") or {},
        "masked": bool(linux.get("maskedPaths")),
        "memory": (resources.get("memory") or {}).get("limit"),
        "processes": (resources.get("pids") or {}).get("limit"),
        "processor": resources.get("cpu") or {},
        "disk": resources.get("blockIO") or {},
    }


def differences(expected, found):
    """What differs between two sets of facts, a line each."""
    return [
        f"{name}: {json.dumps(found.get(name))} instead of {json.dumps(expected.get(name))}"
        for name in sorted(set(expected) | set(found))
        if expected.get(name) != found.get(name)
    ]


def image_of(storage, identifier):
    """Name and image id of a container in podman's store."""
    with open(os.path.join(storage, "overlay-containers", "containers.json"), encoding="utf-8") as file:
        for container in json.load(file):
            if container["id"] == identifier:
                return container["names"][0], container["image"]
    raise KeyError(f"container {identifier[:12]} is not in podman's store")


def judge(root, run, apparmor, state):
    """The container's name and the reasons to refuse it.

    Args:
        root: state of the appliance.
        run: its sockets.
        apparmor: the profile that a container must have; empty on a host without AppArmor.
        state: the OCI runtime state.
    """
    name = state["id"][:12]
    own = tuple(
        f"{os.path.realpath(folder)}/overlay-containers/{state['id']}/userdata/"
        for folder in (f"{root}/containers/storage", f"{run}/containers")
    )
    try:
        with open(os.path.join(state["bundle"], "config.json"), encoding="utf-8") as file:
            config = json.load(file)
        name, image = image_of(os.path.join(root, "containers", "storage"), state["id"])
        with open(os.path.join(root, "current", "admission.json"), encoding="utf-8") as file:
            admitted = json.load(file)
        with open(os.path.join(root, "etc", "seccomp.json"), encoding="utf-8") as file:
            profile = json.load(file)
        if name not in admitted:
            return name, ["no container of that name is in the current generation"]
        expected = admitted[name] | {"apparmor": apparmor}
        expected["binds"] = {t: [os.path.realpath(s), mode] for t, (s, mode) in expected["binds"].items()}
        found = facts(config, image, own, profile)
        if reasons := differences(expected, found):
            return name, reasons
        weigh(state["pid"], found["processor"]["shares"])
    except Exception as error:  # noqa: BLE001 - what cannot be judged is refused
        return name, [f"cannot be judged: {type(error).__name__}: {error}"]
    return name, []


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
    name, reasons = judge(root, run, apparmor, state)
    if not reasons:
        leave_mark(state["bundle"], name)
        return 0
    print(f"appliance: container {name} is not admitted: {'; '.join(reasons)}", file=sys.stderr)
    recorder = [os.path.join(root, "venv", "bin", "appliance"), "host", "decided", name, RULE, "--root", root]
    # Not by subprocess, whose import costs every start milliseconds.
    os.spawnv(os.P_WAIT, recorder[0], [*recorder, *(f"--reason={reason[:500]}" for reason in reasons[:5])])
    return 1


if __name__ == "__main__":
    sys.exit(main())
