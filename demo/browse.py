"""A browser on this machine as one of the site's people: certificate preloaded, names resolved."""

import json
import os
import shutil
import subprocess
from pathlib import Path

from demo.closing import COMMAND, PLACES, relative
from demo.instance import Instance, StageError, require
from demo.users import ADDRESSES, HOSTNAMES

POLICY = Path("/etc/chromium/policies/managed/appliance-demo.json")
FLAGS = ["--no-first-run", "--no-default-browser-check", "--disable-background-networking", "--disable-sync"]
FLAGS += ["--disable-component-update", "--password-store=basic"]


def browse(instance: Instance, person: str, enclave: str | None) -> int:
    """Open Chromium at the page where ``person`` begins, and wait until it is closed.

    Raises:
        StageError: there is no display, no Chromium, or the site was not made yet.
    """
    where, path, _ = PLACES[person]
    chosen = enclave or where
    address = f"https://{HOSTNAMES[chosen]}{path if chosen == where else '/'}"
    certificate = instance.subjects / f"{person}.p12"
    if not certificate.exists():
        raise StageError(f"{person} has no certificate yet", f"{COMMAND} start")
    if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        names = ", ".join(f"{instance.address(last)} {HOSTNAMES[name]}" for name, last in ADDRESSES.items())
        raise StageError(
            f"this terminal has no display, so no window can be opened at {address}",
            f"run it on the machine's desktop or over `ssh -X`, or import {relative(certificate)} into a browser that "
            f"reaches this machine's addresses ({names})",
        )
    home = instance.build / "browser" / person
    _profile(instance, person, home)
    _choose_certificates()
    rules = ", ".join(f"MAP {HOSTNAMES[name]} {instance.address(last)}" for name, last in ADDRESSES.items())
    command = ["chromium", *FLAGS, f"--user-data-dir={home}/profile", f"--host-resolver-rules={rules}"]
    user = _invoker()
    if user is None:
        command.append("--no-sandbox")  # Chromium refuses root otherwise
    elif os.geteuid() == 0:
        shutil.chown(home, user)
        subprocess.run(["chown", "-R", user, str(home)], check=True)
        command = ["runuser", "-u", user, "--", *command]
    print(f"{person} at {address}; close the window to come back", flush=True)
    environment = os.environ | {"HOME": str(home)}
    with instance.log.open("a") as log:
        return subprocess.run([*command, address], env=environment, stdout=log, stderr=log, check=False).returncode


def forget(instance: Instance) -> None:
    """Remove browsers' profiles and the policy."""
    POLICY.unlink(missing_ok=True)
    shutil.rmtree(instance.build / "browser", ignore_errors=True)


def _invoker() -> str | None:
    """Whose desktop this is: who called sudo, or None for root's own."""
    name = os.environ.get("SUDO_USER", "")
    return name if name and name != "root" else None


def _profile(instance: Instance, person: str, home: Path) -> None:
    """A certificate database with the site's authority and the person's certificate, and nothing else."""
    database = home / ".pki/nssdb"
    stamp = home / "made-of"
    made_of = (instance.subjects / f"{person}.pem").read_text()
    if stamp.exists() and stamp.read_text() == made_of:
        return
    shutil.rmtree(home, ignore_errors=True)
    database.mkdir(parents=True)
    place = f"sql:{database}"
    ca, pkcs12 = instance.subjects / "ca.pem", instance.subjects / f"{person}.p12"
    for command in (
        ["certutil", "-N", "-d", place, "--empty-password"],
        ["certutil", "-A", "-d", place, "-n", "demonstration", "-t", "C,,", "-i", str(ca)],
        ["pk12util", "-i", str(pkcs12), "-d", place, "-K", "", "-w", f"{pkcs12}.passphrase"],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        require(done.returncode == 0, f"{command[0]}: {done.stderr.strip() or done.stdout.strip()}")
    stamp.write_text(made_of)


def _choose_certificates() -> None:
    """Let Chromium show the one certificate of the profile to the site's own addresses without asking."""
    patterns = [json.dumps({"pattern": f"https://{name}", "filter": {}}) for name in HOSTNAMES.values()]
    POLICY.parent.mkdir(parents=True, exist_ok=True)
    POLICY.write_text(json.dumps({"AutoSelectCertificateForUrls": patterns}) + "\n")
