"""What package or image a package URL names, whoever wrote it (https://github.com/package-url/purl-spec).

Percent signs, capitals and qualifiers vary between writers; what they name does not. Of a binary Debian package its
source counts, as everywhere here (qualifier ``upstream``).
"""

from dataclasses import dataclass

from packageurl import PackageURL
from packaging.utils import canonicalize_name

ARCHITECTURES = {"amd64", "all", "any", "source", "noarch", "x86_64"}
RELEASES = ("debian-12", "debian-bookworm", "bookworm")


@dataclass(frozen=True)
class Named:
    """A package without a version, and the version or nothing for every one; of an image its digest or tag."""

    package: str
    version: str


def identify(purl: PackageURL) -> Named:
    """What a component of an SBOM or a product of a statement is."""
    name, version = purl.name, purl.version or ""
    qualifiers = purl.qualifiers if isinstance(purl.qualifiers, dict) else {}
    if purl.type == "deb":
        upstream, _, of_source = qualifiers.get("upstream", "").partition("@")
        name, version = (upstream, of_source) if upstream else (name, version)
    elif purl.type == "pypi":
        name = canonicalize_name(name)
    namespace = purl.namespace.replace("@", "%40") if purl.namespace else ""
    if purl.type == "deb":
        namespace, name = namespace.lower(), name.lower()
    return Named("/".join(filter(None, (f"pkg:{purl.type}", namespace, name))), version)


def elsewhere(purl: PackageURL) -> bool:
    """Whether the qualifiers of a package URL are of another architecture or distribution than this host's."""
    qualifiers = purl.qualifiers if isinstance(purl.qualifiers, dict) else {}
    distribution = qualifiers.get("distro", RELEASES[0])
    return qualifiers.get("arch", "amd64") not in ARCHITECTURES or not distribution.startswith(RELEASES)


def read_purl(text: str) -> PackageURL | None:
    """The package URL that ``text`` is, or None."""
    try:
        return PackageURL.from_string(text)
    except ValueError:
        return None
