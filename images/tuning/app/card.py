"""What the registry says of an adapter: its card, and the same as a CycloneDX bill of materials."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

LICENCE = "as the base, and as the records allow"
USE = "The use for which it is certified; without a certificate none but its evaluation."


def make_card(
    run: Mapping[str, Any], sha256: str, said: Mapping[str, Any], packages: Mapping[str, str]
) -> dict[str, Any]:
    """The card.

    Args:
        run: the run, as the store has it.
        sha256: of the adapter.
        said: last losses, steps, tokens, seconds and threads of the run.
        packages: versions of the libraries that made it.
    """
    return {
        "name": run["name"],
        "sha256": sha256,
        "base": {"name": run["base"], "sha256": run["base_sha256"]},
        "version": {"digest": f"sha256:{run['version']}", "name": run["version_name"], "project": str(run["project"])},
        "restriction": run["restriction"],
        "marking": run["marking"],
        "method": run["method"],
        "configuration": run["configuration"],
        "result": dict(said),
        "packages": dict(packages),
        "licence": LICENCE,
        "intended_use": USE,
        "run": str(run["id"]),
        "made_by": run["created_by"],
    }


def make_mlbom(card: Mapping[str, Any], created: datetime) -> dict[str, Any]:
    """CycloneDX 1.6: the adapter with its card, its base, its data and its libraries; the same bytes each time."""
    base, version = card["base"], card["version"]
    component = {
        "type": "machine-learning-model",
        "bom-ref": card["sha256"],
        "name": card["name"],
        "hashes": [{"alg": "SHA-256", "content": card["sha256"]}],
        "licenses": [{"license": {"name": card["licence"]}}],
        "pedigree": {"ancestors": [_model(base["name"], base["sha256"])]},
        "modelCard": {
            "modelParameters": {
                "approach": {"type": "supervised"},
                "architectureFamily": "low-rank adapter",
                "modelArchitecture": f"rank {card['configuration']['rank']}",
                "datasets": [{"ref": version["digest"]}],
            },
            "quantitativeAnalysis": {
                "performanceMetrics": [
                    {"type": name, "value": str(value)} for name, value in sorted(card["result"].items())
                ]
            },
            "considerations": {"useCases": [card["intended_use"]]},
        },
    }
    data = {
        "type": "data",
        "bom-ref": version["digest"],
        "name": version["name"],
        "hashes": [{"alg": "SHA-256", "content": version["digest"].removeprefix("sha256:")}],
        "data": [{"type": "dataset", "name": version["name"], "classification": card["marking"]}],
    }
    libraries = [
        {"type": "library", "bom-ref": f"pkg:pypi/{name}@{one}", "name": name, "version": one,
         "purl": f"pkg:pypi/{name}@{one}"}
        for name, one in sorted(card["packages"].items())
    ]  # fmt: skip
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid5(NAMESPACE_URL, card['sha256'])}",
        "version": 1,
        "metadata": {
            "timestamp": created.isoformat(),
            "component": component,
            "properties": [{"name": "appliance.restriction", "value": card["restriction"]}],
        },
        "components": [data, *libraries],
    }


def _model(name: str, sha256: str) -> dict[str, Any]:
    return {"type": "machine-learning-model", "name": name, "hashes": [{"alg": "SHA-256", "content": sha256}]}
