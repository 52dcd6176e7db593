#!/usr/bin/python3 -IS
"""Stands in the place of the command ``podman``: what would go round admission is refused on an appliance's store.

``dpkg-divert`` moved podman itself to ``REAL``. For every other store this becomes that program, unchanged. On a store
of an appliance it needs the appliance's own settings. It reads the command line as podman does (each option with its
arity) and lets pass what is on its lists: commands, for each its options, and for some their values. Whatever is not is
refused and recorded; what passes is recorded before it happens, apart from lists that show nothing of a container's
inside. Standard library only, as it runs before every podman (``python3 -I -S``).
"""

import json
import os
import re
import subprocess
import sys
import tomllib

RULE = "admission.command"
REAL = "/usr/libexec/appliance/podman"
STORES = "/etc/appliance/stores"
SHOWN = 2000  # characters of a command line that its record has
LONGEST = 4096  # characters of a path (PATH_MAX)

# Variables that make podman another one begin so; these two are wanted, and must lead to the appliance's settings.
VARIABLES = ("CONTAINER_", "CONTAINERS_", "_CONTAINERS_", "PODMAN_", "STORAGE_", "LISTEN_", "NOTIFY_SOCKET")
WANTED = {"CONTAINERS_CONF": "containers.conf", "CONTAINERS_STORAGE_CONF": "storage.conf"}

ALONE = ("--help", "-h", "--version", "-v")
"""May be the one word of the command line: before a command, podman's own parser would take the command for a value."""
GLOBAL = "--log-level="
CREATE = (
    "--name= --security-opt= --read-only --label= -l= --cap-drop= --tmpfs= --volume= -v= --network= --publish= -p="
    " --add-host= --user= -u= --hostname= -h= --sysctl= --pull= --restart= --cpu-shares= -c= --memory= -m="
    " --pids-limit= --entrypoint= --shm-size= --uidmap= --gidmap="
)
PS = "--all -a --format= --no-trunc --quiet -q --noheading --filter= -f= --sort= --size -s --last= -n="
IMAGES = "--all -a --format= --no-trunc --quiet -q --noheading --filter= -f= --sort= --digests"
NETWORKS = "--format= --no-trunc --quiet -q --noheading --filter= -f="
# Shows nothing of a container's inside, and leaves no record.
LOOKS = {
    "": "", "help": "", "version": "--format= -f=", "info": "--format= -f=", "ps": PS, "images": IMAGES, "wait": "",
    "port": "--all -a", "stats": "--all -a --no-stream --format= --no-reset --interval= -i=",
    "container ls": PS, "container list": PS, "container ps": PS, "container exists": "", "container wait": "",
    "container port": "--all -a", "image ls": IMAGES, "image list": IMAGES, "image exists": "", "image tree": "",
    "network ls": NETWORKS, "network exists": "", "network inspect": "--format= -f=",
    "volume ls": "--format= --quiet -q --noheading --filter= -f=", "volume inspect": "--format= -f= --all -a",
    "system info": "--format= -f=", "system df": "--verbose -v --format=",
}  # fmt: skip
LOGS = "--follow -f --since= --until= --tail= --timestamps -t --names -n"
INSPECT = "--format= -f= --size -s"
STOP = "--time= -t="
# Shows what is inside, or changes what runs; the admission hooks see what starts.
RECORDED = {
    "run": f"{CREATE} --rm --detach -d", "create": CREATE, "start": "", "restart": STOP, "stop": f"{STOP} --ignore -i",
    "kill": "--signal= -s=", "rm": f"{STOP} --ignore -i --force -f --volumes -v", "pause": "", "unpause": "",
    "init": "", "exec": "--interactive -i --tty -t", "inspect": f"{INSPECT} --type= -t=", "logs": LOGS, "top": "",
    "history": "--format=", "events": "--filter= -f= --format= --since= --until= --no-trunc",
    "image inspect": "--format= -f=", "image history": "--format=", "network disconnect": "--force -f",
    "network reload": "",
}  # fmt: skip
RECORDED |= {
    f"container {name}": RECORDED[name]
    for name in ("run", "create", "start", "restart", "stop", "kill", "rm", "pause", "unpause", "init", "exec")
} | {"container inspect": INSPECT, "container logs": LOGS, "container top": ""}
COMMANDS = LOOKS | RECORDED
GROUPS = {name.split()[0] for name in COMMANDS if " " in name}
OPAQUE = (["run"], ["create"], ["exec"])
"""After the first word that is no option, the rest is the container's command (pflag: not interspersed)."""

STARTS = (["run"], ["create"])

DESCRIPTORS = {
    "capbnd", "capeff", "capinh", "capprm", "comm", "etime", "group", "hgroup", "hpid", "huser", "label", "nice",
    "pcpu", "pgid", "pid", "ppid", "rgroup", "rss", "ruser", "seccomp", "state", "stime", "time", "tty", "user", "vsz",
}  # fmt: skip
"""Of ``top``; at any other word podman runs ``ps`` in the container (podman-top(1))."""

# Options whose values decide something that is not in the runtime configuration, which the hook compares.
SHORT = {"-l": "--label", "-v": "--volume"}
VALUES = {
    "--log-level": "trace|debug|info|warn|warning|error|fatal|panic",
    "--security-opt": "no-new-privileges",
    "--pull": "never",
    "--restart": "no|on-failure(:[0-9]+)?",
    "--network": r"none|[a-z0-9-]+-(inner|outer)(:(ip|alias)=[A-Za-z0-9.-]+(,(ip|alias)=[A-Za-z0-9.-]+)*)?",
    # no ``U`` and ``idmap``, which change owners on the host, ``O``, which adds a layer, nor names of volumes
    "--volume": r"/[^:,]+:/[^:,]+:(ro|rw|noexec|nosuid|nodev)(,(ro|rw|noexec|nosuid|nodev))*",
    "--label": r"(appliance|io\.podman\.compose|com\.docker\.compose)\..*|PODMAN_SYSTEMD_UNIT=[a-z0-9@.-]+",
}


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
            continue
        home = environment.get("XDG_CONFIG_HOME") or os.path.join(environment.get("HOME", "/"), ".config")
        for folder in ("/usr/share", "/etc", home):
            file = os.path.join(folder, "containers", name)
            yield file
            if os.path.isdir(f"{file}.d"):
                yield from (os.path.join(f"{file}.d", entry) for entry in sorted(os.listdir(f"{file}.d")))
    yield from (environment[name] for name in ("CONTAINERS_CONF_OVERRIDE",) if name in environment)


def places(arguments, environment):
    """Every path that could choose a store: of the command line, of settings, and of variables that podman reads."""
    variables = [value for name, value in environment.items() if name.startswith(VARIABLES)]
    for text in (*arguments, *variables):
        for part in (text, *re.split("[=,:@]", text)):
            yield from (part, part[part.find("/") :])  # -v/srv, unix:///run
    for path in settings_files(environment):
        yield path
        try:
            with open(path, "rb") as file:
                data = file.read()
        except OSError:
            continue
        try:
            yield from texts(tomllib.loads(data.decode()))
        except ValueError:  # podman may read what this does not
            yield from re.split(r"[\s\"'=,\[\]]+", data.decode(errors="replace"))


def inside(place, folder):
    """Whether a path is a folder or below it, under whatever name: links, ``..`` and bind mounts followed."""
    path, folder = os.path.realpath(place), os.path.realpath(folder)
    if f"{path}/".startswith(f"{folder}/"):
        return True
    try:
        wanted = os.stat(folder)
    except OSError:
        return False
    while True:
        try:
            if os.path.samestat(os.stat(path), wanted):
                return True
        except (OSError, ValueError):
            pass
        if path == os.path.dirname(path):
            return False
        path = os.path.dirname(path)


def store_of(arguments, environment, known):
    """The appliance whose store a command is about, or None."""
    for place in dict.fromkeys(places(arguments, environment) if known else ()):
        if 0 < len(place) <= LONGEST and "\0" not in place:
            for store in known:
                if inside(place, store["root"]) or inside(place, store["run"]):
                    return store
    return None


class NotListedError(Exception):
    """Something on the command line that is on no list."""


def take(arguments, specification, end):
    """Options, as pairs with their values, and the words beside them, as pflag reads a command line.

    Args:
        arguments: what is left of the command line.
        specification: the options that may be there; those that take a value end in ``=``. Others have the value None.
        end: whether options end with the first word, and the rest is returned unread.

    Raises:
        NotListedError: an option that is not there, or one that has a value too much or too little.
    """
    flags = {name for name in specification.split() if not name.endswith("=")}
    valued = {name[:-1] for name in specification.split() if name.endswith("=")}
    options, words, rest = [], [], list(arguments)
    while rest:
        word = rest.pop(0)
        if not word.startswith("-") or word == "-":
            words.append(word)
            if end:
                break
            continue
        name, equals, value = word.partition("=")
        while not name.startswith("--") and len(name) > 2 and name[:2] in flags:  # -it is -i -t
            options.append((name[:2], None))
            name = "-" + name[2:]
        if not name.startswith("--") and len(name) > 2 and name[:2] in valued:  # -n3 is -n 3
            name, equals, value = name[:2], "=", name[2:] + equals + value
        if name in valued and (equals or rest):
            options.append((name, value if equals else rest.pop(0)))
        elif name in flags and (not equals or value == "true"):
            options.append((name, None))
        else:
            raise NotListedError(f"option {name}")
    return options, words, rest


def command_of(arguments):
    """The command's words, its options with their values, and the words after it.

    Raises:
        NotListedError: there is something that is on no list.
    """
    if len(arguments) == 1 and arguments[0] in ALONE:
        return "", [], []
    options, words, rest = take(arguments, GLOBAL, True)
    if words and words[0] in GROUPS:
        _, more, rest = take(rest, "", True)
        words += more
    command = " ".join(words)
    if len(rest) == 1 and rest[0] == "--help" and words:
        return "help", options, []
    if command not in COMMANDS:
        raise NotListedError(f"command {command}")
    more, words, rest = take(rest, COMMANDS[command], command.split()[-1:] in OPAQUE)
    return command, options + more, words + rest


def wrong_values(command, options, words):
    """What a listed option or command may not have, or lacks."""
    for name, value in options:
        pattern = VALUES.get(SHORT.get(name, name))
        if value is not None and pattern and not re.fullmatch(pattern, value):
            yield f"value {value} of option {name}"
    if command.split()[-1:] in STARTS and ("--pull", "never") not in options:
        yield f"command {command} without --pull=never"
    if command.split()[-1:] == ["top"]:
        asked = [part for word in words[1:] for part in word.split(",")]
        yield from (f"descriptor {part} of command top" for part in asked if part.lower() not in DESCRIPTORS)


def refusals(arguments, environment, store):
    """Why a command on the store of an appliance is refused; nothing when it is not."""
    reasons = []
    for name, file in WANTED.items():
        path = f"{store['root']}/etc/{file}"
        if environment.get(name) != path:
            reasons.append(f"{name} is {environment.get(name, 'not set')} instead of {path}")
    reasons += [f"{name} is set" for name in sorted(environment) if name.startswith(VARIABLES) and name not in WANTED]
    try:
        reasons += wrong_values(*command_of(arguments))
    except NotListedError as error:
        reasons.append(str(error))
    return reasons


def is_recorded(arguments):
    """Whether a command that passes leaves a record."""
    return command_of(arguments)[0] in RECORDED


def record(store, arguments, reasons):
    """Record a decision in the appliance's log; True when it is durable."""
    command = [os.path.join(store["root"], "venv", "bin", "appliance"), "host", "decided", "podman", RULE]
    command += ["--root", store["root"]]
    line = f"podman {' '.join(arguments)}"
    command += [f"--reason={line[:SHOWN]}" + (f" and {len(line) - SHOWN} characters more" if line[SHOWN:] else "")]
    command += [f"--reason={reason[:500]}" for reason in reasons[:5]] if reasons else ["--allowed"]
    try:
        return subprocess.run(command, check=False, timeout=30).returncode == 0
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return False


def main():
    """Become podman, or refuse with exit 125, which is podman's own for "the command did not run"."""
    arguments, environment = sys.argv[1:], dict(os.environ)
    store = store_of(arguments, environment, stores())
    if store:
        reasons = refusals(arguments, environment, store)
        recorded = record(store, arguments, reasons) if reasons or is_recorded(arguments) else True
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
