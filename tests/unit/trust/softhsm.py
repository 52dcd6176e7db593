"""Tokens of SoftHSM, which behave as those of hardware do, apart from never locking."""

import os
import subprocess
from pathlib import Path

import pkcs11
import pytest

MODULE = "/usr/lib/softhsm/libsofthsm2.so"
PIN, OFFICER_PIN = "1234567", "87654321"


def make_tokens(folder: Path, patch: pytest.MonkeyPatch, *labels: str) -> None:
    """Let this process see new tokens with these labels, and no others."""
    (folder / "tokens").mkdir(parents=True)
    (folder / "softhsm2.conf").write_text(f"directories.tokendir = {folder}/tokens\nlog.level = ERROR\n")
    patch.setenv("SOFTHSM2_CONF", str(folder / "softhsm2.conf"))
    patch.setenv("APPLIANCE_PKCS11_MODULE", MODULE)
    patch.setenv("APPLIANCE_PIN", PIN)
    for label in labels:
        tool("--init-token", "--free", "--label", label, "--so-pin", OFFICER_PIN, "--pin", PIN)


def tool(*arguments: str) -> None:
    """Change tokens with SoftHSM's own tool, and let this process see it."""
    subprocess.run(["softhsm2-util", *arguments], check=True, capture_output=True, env=os.environ)
    pkcs11.lib(MODULE).reinitialize()
