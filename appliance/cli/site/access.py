"""What `appliance user access` and `appliance enclave access` share: the statements they judge, and their table."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from appliance.cli.shared import contents, inputs
from appliance.cli.shared.options import ROOT_IS, print_json, print_table, read_yaml

if TYPE_CHECKING:
    from appliance.enclave.site import Site
    from appliance.monitor.decide.access import Reach
    from appliance.monitor.decide.policy import AccessPolicy
    from appliance.monitor.decide.registry import Registry
    from appliance.monitor.in_force.statements import Statements

SiteFile = Annotated[Path | None, inputs.file_option("An unsigned site.yml: what would be.", "--site")]
SubjectsFile = Annotated[Path | None, inputs.file_option("An unsigned subjects.yml: what would be.", "--subjects")]
AccessFile = Annotated[Path | None, inputs.file_option("An unsigned access.yml: what would be.", "--access")]


def judged(
    root: Path, site: Path | None, subjects: Path | None, access: Path | None
) -> "tuple[Site, Registry, AccessPolicy]":
    """The signed statements in force on this host, each replaced by the unsigned file that is given instead.

    Raises:
        ApplianceError: a statement or file does not hold.
    """
    from appliance.enclave.site import parse_site
    from appliance.monitor.decide.policy import parse_policy  # keeps `appliance --help` quick

    enclaves = parse_site(_draft(site, "site"), str(site)) if site else _signed(root).site
    policy = parse_policy(_draft(access, "access"), str(access)) if access else _signed(root).policy
    return enclaves, judged_registry(root, subjects), policy


def judged_registry(root: Path, subjects: Path | None) -> "Registry":
    """The signed registry in force on this host, or an unsigned one.

    Raises:
        ApplianceError: it does not hold.
    """
    from appliance.monitor.decide.registry import parse_registry  # keeps `appliance --help` quick

    return parse_registry(_draft(subjects, "subjects"), str(subjects)) if subjects else _signed(root).registry


def _draft(file: Path, kind: str) -> Any:
    from appliance.cli.site.group import Kind, require_kind

    value = read_yaml(file)
    require_kind(Kind(kind), value, str(file))
    return value


def _signed(root: Path) -> "Statements":
    from appliance.enclave.paths import HostPaths
    from appliance.monitor.in_force.statements import installed_statements

    contents.is_root(root, ROOT_IS)
    return installed_statements(HostPaths(root.resolve(), root))


def today() -> "datetime":
    """Now, in UTC, the time zone of registrations."""
    return datetime.now(UTC)


def show(found: "list[Reach]", first: str, *, as_json: bool) -> None:
    """Print what is reached; ``first`` is the column that tells the rows apart, ``subject`` or ``enclave``."""
    if as_json:
        print_json([one.model_dump(mode="json") for one in found])
        return
    from rich.table import Table

    table = Table(first, "marking", "works there", "reads from above", "refused by another rule")
    for one in found:
        table.add_row(
            getattr(one, first),
            one.marking,
            _lines(one.works) if one.dominates else "nothing: not dominated, or expired",
            _lines(one.reads_down),
            _lines(one.refused),
        )
    print_table(table)


def _lines(values: dict[str, tuple[str, ...]]) -> str:
    return "\n".join(f"{key}: {', '.join(value)}" for key, value in values.items())
