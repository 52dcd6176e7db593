"""Stands before netavark, podman's network program: a container joins a network only when both are of one label.

The OCI hook sees no network names, and podman calls this program after it. Podman gives the container and its networks
on standard input; the container must carry the mark that the hook left when it admitted exactly this start of it, and
every network must be, in all facts, one that the current generation gives this container. Whatever differs is a refusal
that names it; so is anything that cannot be read. Standard library only (``python3 -I -S``).
"""

import json
import os
import sys

RULE = "admission.network"
LABEL_KEY = "appliance.classification"


def admitted_name(userdata):
    """The name under which the hook admitted this start of a container.

    Args:
        userdata: podman's folder of the container. Podman writes ``config.json`` anew before each start, so the mark
            holds for the one that the hook read and for no other.

    Raises:
        PermissionError: the hook did not admit this start.
    """
    try:
        with open(os.path.join(userdata, "admitted"), encoding="utf-8") as file:
            name, inode, modified = file.read().split()
    except FileNotFoundError:
        raise PermissionError("the admission hook has not admitted it") from None
    status = os.stat(os.path.join(userdata, "config.json"))
    if (int(inode), int(modified)) != (status.st_ino, status.st_mtime_ns):
        raise PermissionError("it was started again without the admission hook")
    return name


def facts(options, name):
    """The facts of one network that a container is to join, from what podman gives to netavark."""
    network = options["network_info"][name]
    return {
        "label": (network.get("labels") or {}).get(LABEL_KEY),
        "addresses": options["networks"][name].get("static_ips") or [],
        "subnets": [subnet["subnet"] for subnet in network.get("subnets") or []],
        "driver": network.get("driver"),
        "internal": bool(network.get("internal")),
        "names": bool(network.get("dns_enabled")),
    }


def ports(options):
    """The ports of the host that lead to the container, as compose writes them: address, host's port, own port."""
    return sorted(
        f"{port.get('host_ip', '')}:{port['host_port']}:{port['container_port']}"
        + (f"/{port['protocol']}" if port["protocol"] != "tcp" or port.get("range", 1) != 1 else "")
        for port in options.get("port_mappings") or []
    )


def differences(admitted, options):
    """What differs between the networks to join and those of the generation, a line each."""
    reasons = []
    expected = admitted["networks"]
    if ports(options) != admitted["ports"]:
        reasons.append(f"ports: {json.dumps(ports(options))} instead of {json.dumps(admitted['ports'])}")
    for network in sorted(options["networks"]):
        found = facts(options, network)
        if network not in expected:
            reasons.append(f"network {network} ({found['label'] or 'without a label'}) is not one of its networks")
            continue
        reasons += [
            f"network {network}: {fact}: {json.dumps(value)} instead of {json.dumps(expected[network].get(fact))}"
            for fact, value in found.items()
            if value != expected[network].get(fact)
        ]
    return reasons


def judge(root, options):
    """The container's name and the reasons to refuse it."""
    name = options["container_name"]
    try:
        userdata = os.path.join(root, "containers/storage/overlay-containers", options["container_id"], "userdata")
        name = admitted_name(userdata)
        with open(os.path.join(root, "current", "networks.json"), encoding="utf-8") as file:
            return name, differences(json.load(file)[name], options)
    except PermissionError as error:
        return name, [str(error)]
    except Exception as error:  # noqa: BLE001 - what cannot be judged is refused
        return name, [f"cannot be judged: {type(error).__name__}: {error}"]


def hand_over(program, arguments, data):
    """Become netavark, with ``data`` on its standard input."""
    descriptor = os.memfd_create("netavark")
    os.write(descriptor, data)
    os.lseek(descriptor, 0, os.SEEK_SET)
    os.dup2(descriptor, 0)
    os.execv(program, [program, *arguments])


def main():
    """Hand over to netavark, or refuse as netavark does (an error as JSON, exit 1) and record it."""
    root, program, *arguments = sys.argv[1:]
    if "setup" not in arguments:
        os.execv(program, [program, *arguments])
    data = sys.stdin.buffer.read()
    options = json.loads(data)
    name, reasons = judge(root, options)
    if not reasons:
        hand_over(program, arguments, data)
    print(json.dumps({"error": f"appliance: container {name} may not join: {'; '.join(reasons)}"}), flush=True)
    recorder = [os.path.join(root, "venv", "bin", "appliance"), "host", "decided", name, RULE, "--root", root]
    # Not by subprocess, whose import costs every start milliseconds.
    os.spawnv(os.P_WAIT, recorder[0], [*recorder, *(f"--reason={reason[:500]}" for reason in reasons[:5])])
    return 1


if __name__ == "__main__":
    sys.exit(main())
