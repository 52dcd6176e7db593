#!/usr/bin/python3 -IS
"""Stands in the place of the command ``podman``: what would go round admission is refused on an appliance's store.

``dpkg-divert`` moved podman itself to ``REAL``. For every other store this becomes that program, unchanged. On a store
of an appliance it needs the appliance's own settings, lets commands pass that only look or that the admission hooks
see, and records ``exec`` before it happens. Everything else is refused and recorded. Standard library only, as it runs
before every podman (``python3 -I -S``).
"""

import json
import os
import subprocess
import sys
import tomllib

RULE = "admission.command"
REAL = "/usr/libexec/appliance/podman"
STORES = "/etc/appliance/stores"

# Settings that choose another store, runtime, hook or network program, wherever they stand on the command line.
REFUSED_OPTIONS = (
    "--cgroup-manager",
    "--conmon",
    "--events-backend",
    "--hooks-dir",
    "--imagestore",
    "--module",
    "--network-cmd-path",
    "--network-config-dir",
    "--privileged",
    "--root",
    "--runroot",
    "--runtime",
    "--runtime-flag",
    "--storage-driver",
    "--storage-opt",
    "--tmpdir",
    "--transient-store",
    "--volumepath",
)
REFUSED_VARIABLES = ("CONTAINERS_CONF_OVERRIDE", "CONTAINERS_REGISTRIES_CONF", "STORAGE_DRIVER", "STORAGE_OPTS")
GROUPS = ("container", "image", "network", "volume", "system", "pod", "generate", "play", "kube", "machine", "manifest")
LOOKS = {
    "", "help", "version", "info", "ps", "images", "inspect", "logs", "top", "stats", "port", "events", "wait",
    "history",
    "container ls", "container list", "container ps", "container inspect", "container logs", "container top",
    "container stats", "container port", "container wait", "container exists",
    "image ls", "image list", "image inspect", "image history", "image exists", "image tree",
    "network ls", "network list", "network inspect", "network exists", "volume ls", "volume inspect",
    "system info", "system df", "system events", "system version",
}  # fmt: skip
ADMITTED = {
    "run", "create", "start", "restart", "stop", "kill", "rm", "init", "pause", "unpause",
    "container run", "container create", "container start", "container restart", "container stop", "container kill",
    "container rm", "container init", "container pause", "container unpause",
    "network disconnect", "network reload",
}  # fmt: skip
RECORDED = {"exec", "container exec"}


def stores():
    """Root and socket folder of each appliance on this host."""
    try:
        names = sorted(os.listdir(STORES))
    except FileNotFoundError:
        return []
    found = []
    for name in names:
        with open(os.path.join(STORES, name), encoding="utf-8") as file:
            found.append(json.load(file))
    return found


def texts(value):
    """Every text in a parsed TOML document."""
    if isinstance(value, str):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from texts(inner)


def settings_files(environment):
    """The configuration files that podman would read (containers.conf(5), storage.conf(5))."""
    for name, variable in (("containers.conf", "CONTAINERS_CONF"), ("storage.conf", "CONTAINERS_STORAGE_CONF")):
        if variable in environment:
            yield environment[variable]
        else:
            home = environment.get("XDG_CONFIG_HOME") or os.path.join(environment.get("HOME", "/"), ".config")
            yield from (os.path.join(folder, "containers", name) for folder in ("/usr/share", "/etc", home))
    yield from (environment[name] for name in ("CONTAINERS_CONF_OVERRIDE",) if name in environment)


def places(arguments, environment):
    """Every path that could choose a store: of the command line, and of the settings."""
    for argument in arguments:
        yield argument.partition("=")[2] if argument.startswith("--") else argument
    for path in settings_files(environment):
        yield path
        try:
            with open(path, "rb") as file:
                yield from texts(tomllib.load(file))
        except (OSError, tomllib.TOMLDecodeError):
            continue


def store_of(arguments, environment, known):
    """The appliance whose store a command is about, or None."""
    for place in places(arguments, environment):
        if place.startswith("/"):
            path = os.path.realpath(place) + "/"
            for store in known:
                if path.startswith((os.path.realpath(store["root"]) + "/", os.path.realpath(store["run"]) + "/")):
                    return store
    return None


def command_of(arguments):
    """The command's words, for example ``network connect``; options that take a value of their own aside."""
    words = []
    skip = False
    for argument in arguments:
        if skip or argument.startswith("-"):
            skip = argument == "--log-level" and not skip
            continue
        words.append(argument)
        if len(words) == 2 or words[0] not in GROUPS:
            break
    return " ".join(words)


def refusals(arguments, environment, store):
    """Why a command on the store of an appliance is refused; nothing when it is not."""
    reasons = []
    own = {name: f"{store['root']}/etc/{file}" for name, file in (
        ("CONTAINERS_CONF", "containers.conf"), ("CONTAINERS_STORAGE_CONF", "storage.conf"))}  # fmt: skip
    for name, path in own.items():
        if environment.get(name) != path:
            reasons.append(f"{name} is {environment.get(name, 'not set')} instead of {path}")
    reasons += [f"{name} is set" for name in REFUSED_VARIABLES if name in environment]
    given = {argument.partition("=")[0] for argument in arguments}
    reasons += [f"option {option}" for option in REFUSED_OPTIONS if option in given]
    command = command_of(arguments)
    if command not in LOOKS | ADMITTED | RECORDED:
        reasons.append(f"command {command}")
    return reasons


def record(store, arguments, reasons):
    """Record a decision in the appliance's log; True when it is durable."""
    command = [os.path.join(store["root"], "venv", "bin", "appliance"), "host", "decided", "podman", RULE]
    command += ["--root", store["root"]]
    command += [f"--reason=podman {' '.join(arguments)[:500]}"]
    command += [f"--reason={reason[:500]}" for reason in reasons[:5]] if reasons else ["--allowed"]
    try:
        return subprocess.run(command, check=False, timeout=30).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def main():
    """Become podman, or refuse with exit 125, which is podman's own for "the command did not run"."""
    arguments, environment = sys.argv[1:], dict(os.environ)
    store = store_of(arguments, environment, stores())
    if store:
        reasons = refusals(arguments, environment, store)
        recorded = record(store, arguments, reasons) if reasons or command_of(arguments) in RECORDED else True
        if not reasons and not recorded:
            reasons = ["it cannot be recorded"]
        if reasons:
            text = f"podman is refused on the store in {store['root']}: {'; '.join(reasons)}"
            print(f"appliance: {text}", file=sys.stderr)
            return 125
    os.execv(REAL, ["podman", *arguments])
    return None


if __name__ == "__main__":
    sys.exit(main())
