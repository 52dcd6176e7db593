"""The JSON Schemas in `schemas/v1/`, made from the models of what parties sign, send or parse, and what may change."""

import json
from collections.abc import Callable, Iterator
from typing import Any

from pydantic import BaseModel

from appliance.bundle.evidence.model_claims import Card
from appliance.contract.catalogue import Catalogue
from appliance.contract.context import Context
from appliance.contract.grant import Grant
from appliance.contract.manifest import Manifest
from appliance.enclave.site import Site
from appliance.host.data.exchange import Approval
from appliance.host.state.clock import Attestation
from appliance.monitor.decide.break_glass import BreakGlass
from appliance.monitor.decide.policy import AccessPolicy
from appliance.monitor.decide.registry import Registry
from appliance.monitor.decide.revocations import Revocation
from appliance.monitor.in_force.lineage import RollBack
from appliance.service.certificate import Certificate
from appliance.service.settings import ServiceSettings
from appliance.trust.officers import Officers
from appliance.trust.statements import Statement
from tests.docs.markdown import REPOSITORY

FOLDER = REPOSITORY / "schemas" / "v1"
MODELS: dict[str, type[BaseModel]] = {
    "access": AccessPolicy,
    "break-glass": BreakGlass,
    "catalogue": Catalogue,
    "certificate": Certificate,
    "context": Context,
    "export-approval": Approval,
    "grant": Grant,
    "model-card": Card,
    "officers": Officers,
    "revocation": Revocation,
    "roll-back": RollBack,
    "service": ServiceSettings,
    "service-manifest": Manifest,
    "site": Site,
    "statement": Statement,
    "subjects": Registry,
    "time": Attestation,
}


def made(name: str) -> dict[str, Any]:
    """The schema ``name`` as the code has it now."""
    schema = MODELS[name].model_json_schema(by_alias=True, mode="validation")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:mls-appliance:schema:v1:{name}",
    } | schema


def encoded(schema: dict[str, Any]) -> str:
    """The file of a schema."""
    return json.dumps(schema, indent=2, sort_keys=True) + "\n"


def incompatible(old: Any, new: Any, where: str = "") -> Iterator[str]:
    """What a reader of the old schema could send and the new one refuses, each with its place.

    A new field may be added if it is optional, and a text of documentation may change. Nothing may be taken away,
    demanded or narrowed: that makes version 2 of the folder.
    """
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted({*old, *new} - {"title", "description", "$schema", "$id"}):
            yield from _changed(key, old.get(key), new.get(key), f"{where}/{key}")
    elif old != new:
        yield f"{where}: {old!r} became {new!r}"


def _changed(key: str, old: Any, new: Any, where: str) -> Iterator[str]:
    rule = _RULES.get(key)
    if rule:
        yield from rule(old, new, where)
    elif old is None and key in ("pattern", "const", "format"):
        yield f"{where}: {new!r} is demanded now"
    elif new is not None and key not in ("default", "examples"):
        yield from incompatible(old, new, where)


def _members(old: Any, new: Any, where: str) -> Iterator[str]:
    for name in old or ():
        if name in (new or ()):
            yield from incompatible(old[name], new[name], f"{where}/{name}")
        else:
            yield f"{where}/{name}: was taken away"


def _demanded(old: Any, new: Any, where: str) -> Iterator[str]:
    return (f"{where}: {name} is demanded now" for name in sorted(set(new or ()) - set(old or ())))


def _choices(old: Any, new: Any, where: str) -> Iterator[str]:
    return (f"{where}: {value!r} was taken away" for value in old or () if new is not None and value not in new)


def _most(old: Any, new: Any, where: str) -> Iterator[str]:
    if new is not None and (old is None or new < old):
        yield f"{where}: {old!r} became {new!r}"


def _least(old: Any, new: Any, where: str) -> Iterator[str]:
    if new is not None and (old is None or new > old):
        yield f"{where}: {old!r} became {new!r}"


_RULES: dict[str, Callable[[Any, Any, str], Iterator[str]]] = {
    "properties": _members,
    "$defs": _members,
    "required": _demanded,
    **dict.fromkeys(("enum", "anyOf", "oneOf", "prefixItems"), _choices),
    **dict.fromkeys(("maxLength", "maxItems", "maximum", "exclusiveMaximum"), _most),
    **dict.fromkeys(("minLength", "minItems", "minimum", "exclusiveMinimum"), _least),
}


def write() -> list[str]:
    """Write the schemas that differ; returns which did.

    Raises:
        SystemExit: one would refuse what the published one accepts.
    """
    FOLDER.mkdir(parents=True, exist_ok=True)
    changed = []
    for name in MODELS:
        file, schema = FOLDER / f"{name}.json", made(name)
        if file.exists():
            broken = list(incompatible(json.loads(file.read_text()), schema))
            if broken:
                raise SystemExit(f"schemas/v1/{name}.json: make schemas/v2 instead:\n" + "\n".join(broken))
        if not file.exists() or file.read_text() != encoded(schema):
            file.write_text(encoded(schema))
            changed.append(f"schemas/v1/{name}.json")
    return changed
