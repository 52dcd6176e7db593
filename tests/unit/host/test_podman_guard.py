"""The guarded command `podman`: whose store a command line is about, and what is refused there."""

import os
import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from appliance.enclave.paths import HostPaths
from appliance.host.enforce import podman_guard
from appliance.host.enforce.diversion import real_podman
from appliance.host.enforce.podman import Podman

Store = dict[str, str]
REAL = real_podman()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    root = tmp_path / "appliance"
    (root / "etc").mkdir(parents=True)
    (root / "etc" / "containers.conf").write_text('[engine]\nruntime = "runc"\n')
    (root / "etc" / "storage.conf").write_text(f'[storage]\ngraphroot = "{root}/containers/storage"\n')
    return {"root": str(root), "run": str(tmp_path / "run")}


def own(store: Store) -> dict[str, str]:
    etc = Path(store["root"]) / "etc"
    return {
        "CONTAINERS_CONF": str(etc / "containers.conf"),
        "CONTAINERS_STORAGE_CONF": str(etc / "storage.conf"),
        "HOME": "/nonexistent",
    }


def listed(text: str) -> list[str]:
    return [entry for line in text.strip().splitlines() for entry in line.split(" ; ")]


CREATE = (
    "create --name=secret-labeling --security-opt no-new-privileges --read-only"
    " --label appliance.classification=SECRET//REL_TO_USA --label io.podman.compose.project=secret"
    " --label PODMAN_SYSTEMD_UNIT=podman-compose@secret.service --cap-drop ALL"
    " --tmpfs /tmp:rw,nosuid,nodev,noexec,size=256m,mode=1777 -v /srv/a.json:/run/appliance/service.json:ro"
    " -v /srv/b:/var/lib/appliance:rw,noexec,nosuid,nodev --network=secret-inner:ip=10.78.2.10,alias=labeling"
    " --add-host gateway.internal:10.78.2.2 -u 1101:1101 --hostname labeling --shm-size 128m -p 10.77.0.12:443:443"
    " --sysctl net.ipv4.ip_unprivileged_port_start=0 --pull=never --restart on-failure:5 --cpu-shares 1000 -m 1g"
    " --pids-limit 256 --uidmap 0:1100000:65536 --gidmap 0:1100000:65536 localhost/appliance/labeling:1"
)
"""What podman-compose makes of the appliance's compose files."""


LISTED = """
ps -a ; ps -aq ; ps --format json ; run --rm --pull=never x ; --log-level debug ps ; --log-level=debug ps ; network ls
exec x true ; exec -it x sh -c anything --privileged ; logs --tail 20 x ; logs x -f ; inspect --format {{.Image}} x
rm --force --time 0 x ; rm -ft0 x ; rm -f -t=0 x ; top x ; top x pid,comm ; start x ; container rm -f x ; version
--help ; -v ; --version ; exec --help ; container ls --help
"""


@pytest.mark.parametrize("command", [*listed(LISTED), CREATE])
def test_what_is_on_the_lists_passes(store: Store, command: str) -> None:
    assert podman_guard.refusals(command.split(), own(store), store) == []


@pytest.mark.parametrize(
    ("command", "kept"),
    [("exec x true", True), ("start x", True), ("inspect x", True), ("logs x", True), ("top x", True), (CREATE, True),
     ("container exec x true", True), ("stop x", True), ("rm x", True), ("ps", False), ("images", False),
     ("--version", False), ("exec --help", False)],
)  # fmt: skip
def test_what_shows_or_changes_the_inside_is_recorded(command: str, kept: bool) -> None:
    assert podman_guard.is_recorded(command.split()) is kept


DOORS = """
--hooks-dir /empty run x ; run --hooks-dir=/empty x ; --runtime /tmp/runc run x ; --network-cmd-path /tmp/x run x
run --privileged x ; exec --privileged x sh ; exec --privileged=true x sh ; cp x:/etc/passwd .
container cp x:/etc/passwd . ; volume export v ; commit x ; mount x ; container mount x ; unshare ; save x
export x ; container export x ; container checkpoint x ; container restore -i f ; --log-level debug commit x
system service ; system reset ; tag a b ; load -i x ; rename a b ; image mount x ; network connect low high-labeling
--identity ps exec x sh ; --url ps exec x sh ; --connection ps exec x sh ; -c ps exec x sh ; -r ps ; --remote ps
--ssh ps exec x sh ; --namespace ps exec x sh ; --log-level ps exec x sh ; --noout ps ; --log-level --help exec x sh
--help exec x sh ; -h ps exec x sh ; -v ps exec x sh ; --version ps exec x ; --syslog exec x sh ; --log-level
container --help exec x ; container -x exec x sh ; secret create k /etc/shadow ; secret ls ; secret inspect k
top x -- aux ; top x aux ; top x -eo,args ; top -l ; start --attach x ; start -a x ; start -ai x ; start --all
attach x ; diff x ; healthcheck run x ; generate kube x ; generate systemd x ; kube play f ; play kube f
pod create ; init -l ; image save x ; image scp a b ; manifest create m ; container clone x y ; container update x
update x ; login r ; push x ; pull x ; import x ; rmi x ; system connection add a b ; system prune ; machine init
volume create v ; volume mount v ; network create n ; container runlabel x y ; auto-update ; __complete exec x
exec --env A=B x sh ; exec --user 0 x sh ; exec -u0 x sh ; exec -w / x sh ; exec -d x sh
exec --preserve-fds 3 x sh ; exec --latest sh ; exec -l sh ; exec --detach-keys a x sh ; exec -itu 0 x sh
exec --tty=false x sh ; exec -- x sh ; logs -- x ; logs --latest ; run x ; create x ; run --rm x ; container run x
run --pull=never --pull=always x
"""
"""Commands that go round admission, or whose first options could hide which command it is; `` ; `` between them."""

OPTIONS = r"""
--log-opt path=/etc/cron.d/x ; --log-opt=path=/x ; --log-driver k8s-file ; --log-driver=none ; --health-cmd id
--health-cmd=id ; --health-interval 1s ; --health-on-failure=kill ; --no-healthcheck ; --secret k,target=/x
--env A=B ; -e A=B ; --env-file f ; --env-host ; --cidfile /etc/x ; --pidfile /x ; --conmon-pidfile /x
--annotation a=b ; --group-add 0 ; --device /dev/null ; --ulimit nofile=1:1 ; --init ; --init-path /x
--systemd always ; --sdnotify=container ; --rootfs ; --mount type=bind,source=/,target=/h ; --volumes-from y
--image-volume tmpfs ; --pod p ; --requires y ; --ipc host ; --pid host ; --uts host ; --userns host
--cgroupns host ; --cgroup-parent /x ; --cgroups disabled ; --cgroup-conf a=b ; --cap-add ALL ; --gpus all
--hostuser u ; --passwd-entry x ; --tz x ; --umask 0 ; --unsetenv-all ; --no-hosts ; --dns 1.1.1.1 ; --ip 1.1.1.1
--mac-address x ; --network-alias x ; --expose 1 ; -P ; --publish-all ; --stop-signal 9 ; --timeout 1 ; --workdir /
-w / ; -it ; -i ; -a stdin ; --attach stdin ; --tls-verify=false ; --arch x ; --platform x ; --replace
--read-only-tmpfs=false ; --oom-score-adj -1 ; --security-opt seccomp=unconfined ; --security-opt=label=disable
--security-opt unmask=ALL ; --read-only=false ; --restart always ; --pull always ; --pull=missing ; --network host
--network container:y ; --network ns:/proc/1/ns/net ; --network slirp4netns ; -v /a:/b:U ; -v /a:/b:ro,U
-v /a:/b:O ; -v name:/b ; -v /a:/b:shared ; -v /a:/b:idmap ; -v /a:/b ; -v/a:/b:U ; --volume=/a:/b:rw,z
--label io.containers.autoupdate=registry ; --label run=x ; -l a=b
"""
"""Options that change what no configuration of a container shows, or that the appliance never gives."""


STARTS = [
    f"{start} --pull=never {option} x" for start in ("run", "create", "container create") for option in listed(OPTIONS)
]


@pytest.mark.parametrize("command", [*listed(DOORS), *STARTS])
def test_side_doors_are_refused_and_named(store: Store, command: str) -> None:
    reasons = podman_guard.refusals(command.split(), own(store), store)
    assert reasons
    assert re.match("(command|option|value|descriptor) .", reasons[0]), reasons


@pytest.mark.parametrize(
    "name",
    ["CONTAINER_HOST", "CONTAINER_SSHKEY", "CONTAINER_CONNECTION", "CONTAINERS_CONF_OVERRIDE",
     "CONTAINERS_REGISTRIES_CONF", "CONTAINERS_HELPER_BINARY_DIR", "STORAGE_DRIVER", "STORAGE_OPTS",
     "PODMAN_CONNECTIONS_CONF", "LISTEN_FDS", "NOTIFY_SOCKET", "_CONTAINERS_USERNS_CONFIGURED"],
)  # fmt: skip
def test_a_variable_that_makes_podman_another_one_is_refused_and_not_handed_on(
    store: Store, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert podman_guard.refusals(["ps"], own(store) | {name: "x"}, store) == [f"{name} is set"]
    monkeypatch.setenv(name, "x")
    assert name not in Podman(HostPaths(Path(store["root"]), Path(store["run"]))).environment


def options_of(command: str) -> dict[str, bool]:
    """The options of the real podman's ``command``, and whether each takes a value."""
    shown = subprocess.run([REAL, *command.split(), "--help"], capture_output=True, text=True, check=True).stdout
    found: dict[str, bool] = {}
    for short, name, kind in re.findall(r"^ +(?:(-\w), )?(--[\w-]+)( \S+)?(?:  .*)?$", shown, re.MULTILINE):
        found |= {one: bool(kind) for one in (short, name) if one}
    return found


@pytest.mark.parametrize("command", sorted(podman_guard.COMMANDS))
def test_each_listed_option_is_one_of_podmans_and_has_its_arity(command: str) -> None:
    theirs = options_of(command)
    for option in podman_guard.COMMANDS[command].split():
        name = option.removesuffix("=")
        assert name in theirs, f"podman {command} has no {name}"
        assert theirs[name] == option.endswith("="), f"arity of {name} of podman {command}"


SPICE = ["exec", "ps", "top", "cp", "x", "--identity", "-it", "--", "-", "--log-level", "--help", "-v"]
WORDS = st.one_of(
    st.sampled_from(
        [
            *podman_guard.COMMANDS,
            *SPICE,
        ]
    ),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
    st.text("-=abcitvh ", max_size=6),
)


@given(st.lists(WORDS, max_size=8))
def test_any_command_line_is_judged_and_what_passes_starts_with_a_listed_command(words: list[str]) -> None:
    arguments = [part for word in words for part in (word.split() if word in podman_guard.COMMANDS else [word])]
    store = {"root": "/nonexistent", "run": "/nonexistent"}
    if podman_guard.refusals(arguments, own(store), store):
        return
    command, options, _ = podman_guard.command_of(arguments)
    listed = {name.removesuffix("=") for name in podman_guard.COMMANDS[command].split()} | {"--log-level"}
    assert {name for name, _ in options} <= listed
    assert command in podman_guard.COMMANDS


@given(st.sampled_from(sorted(podman_guard.COMMANDS)), st.text("abcdefghijklmnopqrstuvwxyz-", min_size=1, max_size=14))
def test_an_option_that_is_not_listed_never_passes(command: str, letters: str) -> None:
    option = f"--{letters}"
    listed = podman_guard.COMMANDS[command].split()
    assume(option not in listed and f"{option}=" not in listed and option != "--help")
    with pytest.raises(podman_guard.NotListedError):
        podman_guard.command_of([*command.split(), option, "x", "y"])


def test_another_setting_is_refused_and_named(store: Store) -> None:
    for change in ({"CONTAINERS_CONF": "/srv/other.conf"}, {"CONTAINERS_CONF_OVERRIDE": "/srv/more.conf"}):
        reasons = podman_guard.refusals(["ps"], own(store) | change, store)
        assert any(next(iter(change)) in reason for reason in reasons)


def test_the_store_is_found_behind_options_links_and_settings(store: Store, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(store["root"])
    stranger = {"HOME": "/nonexistent", "CONTAINERS_STORAGE_CONF": "/nonexistent", "CONTAINERS_CONF": "/nonexistent"}
    settings = tmp_path / "storage.conf"
    settings.write_text(f'[storage]\ngraphroot = "{link}/containers/storage"\n')
    broken = tmp_path / "broken.conf"
    broken.write_text(f'[storage]\ngraphroot = "{link}/containers/storage"\ngraphroot = "x"\n')
    about = [
        (["--root", f"{store['root']}/containers/storage", "ps"], stranger),
        (["ps", f"--root={link}/containers/storage"], stranger),
        (["ps"], stranger | {"CONTAINERS_STORAGE_CONF": str(settings)}),
        (["ps"], own(store)),
        (["ps"], stranger | {"CONTAINERS_STORAGE_CONF": str(broken)}),
        (["--root", os.path.relpath(store["root"]), "ps"], stranger),
        (["--storage-opt", f"overlay.imagestore={link}", "ps"], stranger),
        (["run", "--mount", f"type=bind,source={store['root']}/secrets,target=/x", "y"], stranger),
        (["run", f"-v={store['root']}/secrets:/x", "y"], stranger),
        (["run", f"-v{store['root']}/secrets:/x", "y"], stranger),
        (["ps"], stranger | {"CONTAINER_HOST": f"unix://{store['run']}/podman.sock"}),
    ]
    for arguments, environment in about:
        assert podman_guard.store_of(arguments, environment, [store]) is store, arguments


def test_other_stores_are_left_alone(store: Store) -> None:
    stranger = {"HOME": "/nonexistent", "CONTAINERS_STORAGE_CONF": "/nonexistent", "CONTAINERS_CONF": "/nonexistent"}
    assert podman_guard.store_of(["--root", "/srv/containers", "run", "x"], stranger, [store]) is None
    assert podman_guard.store_of(["cp", "x:/y", store["root"] + "-other"], stranger, [store]) is None
    assert podman_guard.store_of(["ps"], own(store), []) is None
