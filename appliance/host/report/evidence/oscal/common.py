"""What all documents of OSCAL have in common: identifiers, metadata, properties, references to the catalogue."""

import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from appliance.host.report.evidence.assessment import Assessment
from appliance.host.report.evidence.controls import Control

VERSION = "1.2.3"
NAMESPACE = "urn:mls-appliance:evidence"
CATALOGUE = "https://doi.org/10.6028/NIST.SP.800-53r5"
FOLDER = "oscal"
Json = dict[str, Any]


def identify(*words: str) -> str:
    """The UUID of a thing, by its name: the same thing has the same one in every document and in every pack."""
    return str(uuid.uuid5(uuid.uuid5(uuid.NAMESPACE_URL, NAMESPACE), "\n".join(words)))


def moment(time: datetime) -> str:
    """A time as OSCAL writes it."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def metadata(title: str, seen: Assessment) -> Json:
    """The metadata of a document: marked, and of the version of the appliance that made it."""
    return {
        "title": title,
        "last-modified": moment(seen.time),
        "version": seen.version,
        "oscal-version": VERSION,
        "props": [prop("marking", seen.marking), *([prop("demonstration", "DEMO")] if seen.demo else [])],
    }


def prop(name: str, value: str) -> Json:
    """A property in the appliance's own namespace."""
    return {"name": name, "ns": NAMESPACE, "value": value}


def selected(controls: Iterable[str]) -> Json:
    """The controls that a plan or a result is about."""
    return {"control-selections": [{"include-controls": [{"control-id": name} for name in controls]}]}


def facts(control: Control) -> list[Json]:
    """What stands of a control in the table besides its statement."""
    return [
        prop("responsibility", control.responsibility.value),
        *(prop("cci", one) for one in control.cci),
        *(prop("proof", one) for one in control.proofs),
        *(prop("check", one) for one in control.checks),
    ]


def said(control: Control) -> str:
    """The statement, and what the site does."""
    return control.statement + (f" The site: {control.site}" if control.site else "")
