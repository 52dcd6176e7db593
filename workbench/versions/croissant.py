"""A version described as Croissant 1.1 (MLCommons, JSON-LD) with its provenance in PROV-O (W3C, 2013).

The description names people, models and sources as the manifest does, so it has the version's own restriction.
"""

from typing import Any

from workbench.versions.content import canonical
from workbench.versions.manifest import Manifest

CONFORMS = "http://mlcommons.org/croissant/1.1"
CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "dct": "http://purl.org/dc/terms/",
    "prov": "http://www.w3.org/ns/prov#",
    "conformsTo": "dct:conformsTo",
    "recordSet": "cr:recordSet",
    "field": "cr:field",
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "source": "cr:source",
    "extract": "cr:extract",
    "jsonPath": "cr:jsonPath",
    "fileObject": "cr:fileObject",
    "key": "cr:key",
}
FIELDS = ("id", "marking", "groups", "data", "source", "settled", "annotations", "adjudication")


def describe(manifest: Manifest, file: str, sha256: str) -> str:
    """The description.

    Args:
        manifest: of the version.
        file: name of the JSON lines that belong to it.
        sha256: hexadecimal digest of that file.
    """
    record_set: list[dict[str, Any]] = [
        {
            "@type": "cr:Field",
            "@id": f"records/{name}",
            "name": name,
            "dataType": "sc:Text",
            "source": {"fileObject": {"@id": file}, "extract": {"jsonPath": f"$.{name}"}},
        }
        for name in FIELDS
    ]
    people = [
        {"@type": "prov:Agent", "@id": f"person:{name}", "prov:hadRole": role[:-1], "records": count}
        for role in ("annotators", "reviewers", "adjudicators")
        for name, count in sorted(getattr(manifest.lineage, role).items())
    ]
    derived: list[dict[str, Any]] = [
        {"@type": "prov:Entity", "description": source, "records": count}
        for source, count in sorted(manifest.lineage.sources.items())
    ]
    if manifest.parent:
        derived.append({"@type": "prov:Entity", "@id": manifest.parent, "description": "the version before"})
    value = {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "@id": manifest.digest,
        "conformsTo": CONFORMS,
        "name": manifest.name,
        "description": f"{len(manifest.records)} records of the project {manifest.project['name']}, marked "
        f"{manifest.marking}",
        "version": manifest.digest,
        "datePublished": manifest.made,
        "creator": {"@type": "sc:Person", "name": manifest.made_by},
        "conditionsOfAccess": manifest.marking,
        "distribution": [
            {"@type": "cr:FileObject", "@id": file, "contentUrl": file, "encodingFormat": "application/jsonl"}
            | {"sha256": sha256}
        ],
        "recordSet": [
            {"@type": "cr:RecordSet", "@id": "records", "key": {"@id": "records/id"}, "field": record_set},
        ],
        "prov:wasDerivedFrom": derived,
        "prov:wasAttributedTo": people,
        "prov:wasGeneratedBy": {
            "@type": "prov:Activity",
            "prov:endedAtTime": manifest.made,
            "prov:wasAssociatedWith": {"@type": "prov:Agent", "@id": f"person:{manifest.made_by}"},
            "prov:used": [
                {"@type": "prov:SoftwareAgent", "name": name, "records": count}
                for name, count in sorted(manifest.lineage.models.items())
            ],
            "checks": [
                {"reason": check.reason, "decision": check.decision, "comment": check.comment, "by": check.decided_by}
                for check in manifest.checks
            ],
        },
    }
    return canonical(value) + "\n"
