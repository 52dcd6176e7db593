"""The page of all settings: signed statements, what services are given, environment variables, make targets."""

import inspect
import re
from typing import Any

from pydantic import BaseModel

from appliance.bundle.build.make import DEFAULT_CACHE
from appliance.contract.calendar import Term, Terms
from appliance.enclave.site import Certifier, Enclave, Exchange, MarkingRules, Site
from appliance.host.data.crypto_erase import Erasure
from appliance.monitor.decide.break_glass import BreakGlass
from appliance.monitor.decide.certificate_names import CertificateName
from appliance.monitor.decide.policy import AccessPolicy, OriginatorDecision, Route
from appliance.monitor.decide.registry import Registry, Subject
from appliance.service.settings import Paths, ServiceSettings
from appliance.trust.repository.freshness import Freshness
from images.console.app.settings import ConsoleSettings
from images.evaluation.app.settings import EvaluationSettings
from images.inference.app.settings import EngineParameters, InferenceSettings
from tests.docs.markdown import REPOSITORY, code, table

HEAD = """# Settings

What people can set, and where. A statement with a field that is not listed here is refused, and the field is named.
`appliance site check FILE --kind KIND` checks a statement before anybody signs it.
"""
STATEMENTS: dict[str, tuple[str, tuple[type[BaseModel], ...]]] = {
    "site.yml": (
        "The enclaves of a host. Two officers sign it. Applied by `appliance host install`. See `site.example.yml`.",
        (Site, MarkingRules, Enclave, Certifier, Exchange),
    ),
    "subjects.yml": (
        "Who may work here. Two officers sign it. Applied by `appliance site apply` or `appliance host install`.",
        (Registry, Subject, CertificateName),
    ),
    "access.yml": (
        "Which role may do what. Two officers sign it. Applied as `subjects.yml` is. See `policies/access.yml`.",
        (AccessPolicy, Route, OriginatorDecision),
    ),
    "A break-glass statement": (
        "Two officers sign it, and the host starts it: `appliance audit break-glass sign` and `start`.",
        (BreakGlass,),
    ),
    "A statement to erase an enclave": (
        "Two officers sign it with `appliance enclave sign-erasure`; the host erases with `appliance enclave erase`.",
        (Erasure,),
    ),
    "freshness.yml": (
        "How old a bundle may be. It is part of the bundle; `appliance bundle verify --freshness` takes another one.",
        (Freshness,),
    ),
    "calendar.yml": (
        "When something that ends is due, and how long a key is used. It is part of the bundle (`policies/`).",
        (Terms, Term),
    ),
    "service.json": (
        "What each service is given in its container. The appliance renders it from the site's statements.",
        (ServiceSettings, InferenceSettings, EngineParameters, EvaluationSettings, ConsoleSettings),
    ),
}  # fmt: skip
_TITLES = {
    ServiceSettings: "every service", InferenceSettings: "`settings` of inference",
    EngineParameters: "`parameters` of inference", EvaluationSettings: "`settings` of evaluation",
    ConsoleSettings: "`settings` of the console", Enclave: "each of `enclaves`", Certifier: "each of `certifiers`",
    Exchange: "`exchange`", MarkingRules: "`markings`",
    CertificateName: "each of `certificates`", Subject: "each of `subjects`", Route: "each of `routes`",
    Term: "each of `kinds`", OriginatorDecision: "each of `originator_decisions`",
}  # fmt: skip
_FORMATS = {
    "date": "date", "date-time": "time with zone", "ipv4network": "IPv4 network", "ipvanyaddress": "IP address",
    "path": "path",
}  # fmt: skip
_PATTERNS = {
    r"^[a-z][a-z0-9-]{0,30}$": "name (lower-case letters, digits, dashes; at most 31)",
    r"^[a-z]+$": "word in lower case",
    r"^[^\x00-\x1f\x7f]*$": "text in one line",
}  # fmt: skip
VARIABLES = {
    "APPLIANCE_PASSPHRASE": ("commands", "Passphrase of a person's keys, where no terminal can ask for it."),
    "APPLIANCE_PKCS11_MODULE": ("commands", "Library of the token's maker, for keys in a PKCS#11 token."),
    "APPLIANCE_PIN": ("commands", "PIN of the token, where no terminal can ask for it."),
    "APPLIANCE_CACHE": ("building", f"Folder of downloaded inputs and built layers. Default `{DEFAULT_CACHE}`."),
    "APPLIANCE_HOLDER": ("internal", "The command that holds the host, told to the steps of an installation."),
    "APPLIANCE_API_KEY": ("tests", "A placeholder that Inspect's client wants in a benchmark. It protects nothing."),
    "APPLIANCE_TEST_BLOCK": ("tests", "Number of the test site's addresses, so that two checkouts can test at a time."),
    "APPLIANCE_TEST_POSTGRESQL": ("tests", "Folder of a later PostgreSQL's programs, for tests of upgrades to it."),
    "APPLIANCE_REUSE_SITE": ("tests", "Use the test site that is already up, and leave it up."),
    "APPLIANCE_CONFIGURATION": ("tests", "Folder of the database's configuration, where its program runs elsewhere."),
    "APPLIANCE_TEST_MODEL": ("tests", "A GGUF file for the tests of inference and evaluation."),
    "APPLIANCE_SCREENSHOTS": ("tests", "Folder into which the console's tests write pictures."),
}  # fmt: skip
"""Variables with where they count and what they do; those of containers stand in the docstring of ``Paths``."""


def page() -> str:
    """The page."""
    return "\n\n".join([HEAD.rstrip(), *map(_statement, STATEMENTS), _variables(), _targets()]) + "\n"


def _statement(name: str) -> str:
    text, models = STATEMENTS[name]
    heading = f"## {name}\n\n{text}"
    return "\n\n".join([heading, *(_fields(model, title=_TITLES.get(model, "")) for model in models)])


def _fields(model: type[BaseModel], title: str) -> str:
    schema = model.model_json_schema()
    told = described(model)
    rows = []
    for name, field in schema["properties"].items():
        default = "required" if name in schema.get("required", ()) else _default(field.get("default"))
        rows.append((code(name), kind(field), default, told[name]))
    heading = f"### {title[0].upper() + title[1:]}\n\n" if title else ""
    return heading + table(["field", "type", "default", "meaning"], rows)


def described(thing: type) -> dict[str, str]:
    """The meanings under "Attributes" in the docstrings of a class and of those that it is made from."""
    found: dict[str, str] = {}
    for one in (part for part in reversed(thing.__mro__) if part.__module__.startswith(("appliance.", "images."))):
        section = inspect.cleandoc(one.__doc__ or "").partition("Attributes:\n")[2].partition("\n\n")[0]
        entries = re.findall(r"^ {4}(\w+): (.+(?:\n {5,}.+)*)", section, re.MULTILINE)
        found |= {name: " ".join(text.split()) for name, text in entries}
    return found


def _default(value: Any) -> str:
    if value is None or value in ([], {}, ""):
        return "none"
    if isinstance(value, dict):
        return "each field's default"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(code, map(str, value))) if isinstance(value, list) else code(str(value))


def kind(field: dict[str, Any]) -> str:
    """The type of a field of a JSON schema in words, with its limits."""
    if "$ref" in field:
        return "see below"
    if "anyOf" in field:
        known = dict.fromkeys(kind(one) for one in field["anyOf"] if one.get("type") != "null")
        return next(iter(known)) if len(known) == 1 else "text"
    if "enum" in field:
        return "one of " + ", ".join(map(code, field["enum"]))
    if "const" in field:
        return code(field["const"])
    if field["type"] == "array":
        items = field.get("items", {"type": "string"})
        low, high = field.get("minItems"), field.get("maxItems")
        limits = f", at least {low}" if low else f", at most {high}" if high else ""
        return f"list{limits}, see below" if "$ref" in items else f"list{limits}: {kind(items)}"
    if field["type"] == "object":
        inner = field.get("additionalProperties")
        return f"map from names to: {kind(inner)}" if isinstance(inner, dict) else "map"
    return _scalar(field)


def _scalar(field: dict[str, Any]) -> str:
    names = {"string": "text", "integer": "whole number", "number": "number", "boolean": "yes or no"}
    text = _FORMATS.get(field.get("format", ""), names[field["type"]])
    if "pattern" in field:
        text = _PATTERNS.get(field["pattern"], f"{text} that matches {code(field['pattern'])}")
    low, high = field.get("minimum"), field.get("maximum")
    if low is not None:
        text += f", {low} to {high}" if high is not None else f", at least {low}"
    low, high = field.get("minLength"), field.get("maxLength")
    if high is not None:
        text += f", {low} to {high} characters" if low else f", at most {high} characters"
    return text


def _variables() -> str:
    rows = [(code(name), where, what) for name, (where, what) in VARIABLES.items()]
    for field, text in described(Paths).items():
        meaning, _, name = text.rpartition(", ")
        default = code(str(getattr(Paths(), field)))
        rows.append((code(name.strip("`.")), "containers", f"{meaning[0].upper()}{meaning[1:]}. Default {default}."))
    text = (
        "The monitor and `appliance host watch` also use `NOTIFY_SOCKET` and `JOURNAL_STREAM`, which systemd sets.\n\n"
    )
    return "## Environment variables\n\n" + text + table(["variable", "where it counts", "meaning"], rows)


def _targets() -> str:
    """Make targets with the texts that `make help` shows."""
    makefile = (REPOSITORY / "Makefile").read_text()
    rows = re.findall(r"^([a-z-]+):.*?## (.+)$", makefile, re.MULTILINE)
    shown = ((code(f"make {name}"), what) for name, what in rows)
    return "## Make targets\n\n" + table(["command", "what it does"], shown)
