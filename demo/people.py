"""What people do before anything is installed: keys, signatures, certificates."""

import shutil
from typing import Any

from appliance.trust.fingerprint import fingerprint as sha256
from demo.instance import SUBJECTS, Instance, appliance, require, site_files


def make_keys(instance: Instance) -> dict[str, Any]:
    """All keys of the demonstration, once; what belongs on paper."""
    paper = instance.build / "paper.json"
    if not paper.exists():
        shutil.rmtree(instance.keys, ignore_errors=True)
        shutil.rmtree(instance.site, ignore_errors=True)
        shutil.rmtree(instance.subjects, ignore_errors=True)
        instance.build.mkdir(parents=True, exist_ok=True)
        shown = appliance(instance, "keys", "init", instance.keys, "--demo")
        require("DEMO" in shown, "demonstration keys must say so")
        (instance.build / "fingerprint.txt").write_text(
            sha256((instance.keys / "root" / "1.root.json").read_bytes()) + "\n"
        )
        (instance.build / "officers-fingerprint.txt").write_text(
            sha256((instance.keys / "officers.json").read_bytes()) + "\n"
        )
        paper.write_text("{}")
    return {"paper": str(instance.keys / "paper.txt"), "fingerprint": fingerprint(instance)}


def fingerprint(instance: Instance) -> str:
    """The root fingerprint, as on paper."""
    return (instance.build / "fingerprint.txt").read_text().strip()


def officers_fingerprint(instance: Instance) -> str:
    """The officers' fingerprint, as on paper."""
    return (instance.build / "officers-fingerprint.txt").read_text().strip()


def sign_site(instance: Instance) -> dict[str, Any]:
    """Two officers sign site, subjects and access; the authority issues every certificate."""
    instance.site.mkdir(parents=True, exist_ok=True)
    officers = sorted((instance.keys / "officers").glob("*.pem"))
    passphrase = ("--passphrase-file", instance.passphrase)
    for kind, text in site_files(instance).items():
        source = instance.build / f"{kind}.yml"
        if (instance.site / f"{kind}.dsse.json").exists() and source.exists() and source.read_text() == text:
            continue
        (instance.site / f"{kind}.dsse.json").unlink(missing_ok=True)
        source.write_text(text)
        for key in officers:
            roll = ("--officers", instance.keys / "officers.json")
            appliance(
                instance,
                "site",
                "sign",
                source,
                "--kind",
                kind,
                "--key",
                key,
                "--out",
                instance.site,
                *roll,
                *passphrase,
            )
    if not (instance.site / "certificates").exists():
        ca = ("--ca", instance.keys / "ca", "--out", instance.site)
        appliance(instance, "site", "issue-certificates", instance.build / "site.yml", *ca, *passphrase)
    for name in SUBJECTS:
        if not (instance.subjects / f"{name}.pem").exists():
            ca = ("--ca", instance.keys / "ca", "--out", instance.subjects)
            appliance(instance, "user", "issue", name, *ca, *passphrase)
    shutil.copyfile(instance.keys / "ca" / "ca.pem", instance.subjects / "ca.pem")
    return {"signed_by": [key.stem for key in officers], "subjects": sorted(SUBJECTS)}
