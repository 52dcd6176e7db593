"""Which source package, and which version of it, each Debian package of a bundle was built from."""

from debian.deb822 import Packages


def upstreams(index: bytes) -> dict[str, str]:
    """Name of a Debian package to ``source@version``, from the text of a ``Packages`` file.

    A package without a ``Source`` field, or one without a version in it, was built from a source of its own name or
    version (Debian policy 5.6.1).
    """
    found = {}
    for package in Packages.iter_paragraphs(index.decode(), use_apt_pkg=False):
        name, _, rest = package.get("Source", package["Package"]).partition(" ")
        version = rest.strip("() ") or package["Version"]
        found[package["Package"]] = f"{name}@{version}"
    return found
